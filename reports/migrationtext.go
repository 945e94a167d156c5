package reports

import (
	"fmt"
	"slices"
	"strings"
)

// maxLines is how many phases, and how many pairs of steps, the summary shows of a migration. Calico as it is documented
// takes 2 and 4.
const maxLines = 4

// pieceWords and stageWords say to a person what a step moves, and where to.
var (
	pieceWords = []string{"Typha's setting", "Felix's setting", "Typha's certificate", "Felix's certificate"}
	stageWords = []string{"the Common Name", "both names", "the SPIFFE ID"}
)

// migration tells what a person who migrates must hold to.
func (p *page) migration(m *Migration) {
	if m == nil {
		return
	}
	connecting, observed := 0, 0
	for _, s := range m.States {
		if m.connects(s) {
			connecting++
		}
		if s.Observed != "" {
			observed++
		}
	}
	basis := "as observed"
	if m.Basis != "observed" {
		basis = fmt.Sprintf("as expected, with %d observed", observed)
	}
	p.line("Migration from Common Names to SPIFFE IDs: %d of %d states connect, %s", connecting, len(m.States), basis)
	p.routes("by way of both names", m.Orders.Complete)
	p.routes("at once", m.Orders.Short)
	for i, phase := range m.Recommended[:min(len(m.Recommended), maxLines)] {
		p.line("  %d.  %s", i+1, phase)
	}
	p.further(len(m.Recommended), "phase")
	for _, b := range m.Before[:min(len(m.Before), maxLines)] {
		p.line("  first %s, then %s", b.First, b.Then)
	}
	p.further(len(m.Before), "pair")
	switch {
	case m.BeforeSuffices && len(m.Before) > 0:
		p.line("  any order that holds to this keeps the connection")
	case len(m.Recommended) > 0 && !m.BeforeSuffices:
		p.line("  this alone is not enough: keep to the order recommended")
	}
	p.line("")
}

func (p *page) routes(how string, o MigrationOrders) {
	kept := fmt.Sprintf("%d of %d orders keep the connection", o.Kept, o.Kept+o.Lost)
	if o.Lost > 0 {
		kept += fmt.Sprintf(", the others lose it in one of %s", count(len(o.Breaks), "state"))
	}
	p.line("  %s: %s", how, kept)
}

func (p *page) further(all int, noun string) {
	if more := all - maxLines; more > 0 {
		p.line("  … and %s more", count(more, noun))
	}
}

// String says what to move and where to.
func (s MigrationStep) String() string {
	return pieceWords[slices.Index(pieces, s.Piece)] + " to " + stageWords[rank(s.To)]
}

// String names what moves to the same stage together.
func (m MigrationPhase) String() string {
	var words []string
	for _, stage := range stages {
		var moved []string
		for _, s := range m.Steps {
			if s.To == stage {
				moved = append(moved, pieceWords[slices.Index(pieces, s.Piece)])
			}
		}
		if len(moved) > 0 {
			words = append(words, strings.Join(moved, ", ")+" to "+stageWords[rank(stage)])
		}
	}
	return strings.Join(words, "; ")
}
