package audit_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
)

// tableFile holds the kill matrix.
const tableFile = "FAULTS.md"

// compare holds the kill matrix against its file.
func (all kills) compare(t *testing.T) {
	t.Helper()
	got := all.table()
	if *update {
		if err := os.WriteFile(tableFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("wanted the kill matrix that %s has (-), found (+); go test ./suites/audit -run %s -update writes it anew:\n%s", tableFile, t.Name(), d)
	}
}

// heading is what stands above the table.
const heading = `# Which cases catch which fault

Each line is a mistake that somebody who implements TLS can make, planted into one of our stubs, and what the cases of
the conformance suite made of it. A fault is killed if at least two cases turn red, of different modes or versions, and
at least one of them names the rule that the fault breaks and was lost on the very check that the fault is about. What is
broken or unproven kills nothing. The stub can be started with the fault by hand:

    tlsconform stub typha --fault skip-eku

%d of %d are killed, %d names in all. README.md says how this is done and what it does not prove. The file is written by
"make golden"; do not edit it.

`

// table is the kill matrix as Markdown.
func (all kills) table() string {
	var b strings.Builder
	names := map[string]bool{}
	for _, k := range all {
		names[k.Name] = true
	}
	fmt.Fprintf(&b, heading, all.killed(), len(all), len(names))
	b.WriteString("| fault | it … | seen before | stub | rule | red | such as |\n|---|---|---|---|---|---:|---|\n")
	last := ""
	for _, k := range all {
		name, text, precedent := "`"+k.Name+"`", k.Text, k.Precedent
		if k.Name == last {
			name, text, precedent = "", "", ""
		}
		last = k.Name
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %s |\n", name, text, precedent, k.stub(), k.rule(), len(k.killers), strings.Join(k.examples(), "<br>"))
	}
	return b.String()
}

// shownKillers is how many killers the table shows of a fault.
const shownKillers = 2

// examples are the IDs of killers, the telling ones first, of different modes and versions if there are any.
func (k kill) examples() []string {
	var ids []string
	seen := map[string]bool{}
	add := func(results []reports.Result) {
		for _, r := range results {
			c, _ := matrix.Parse(r.ID)
			if place := place(c); len(ids) < shownKillers && !seen[place] && !seen[r.ID] {
				seen[place], seen[r.ID] = true, true
				ids = append(ids, "`"+strings.TrimPrefix(r.ID, c.Link+"/")+"`")
			}
		}
	}
	telling := k.telling()
	slices.SortStableFunc(telling, func(a, b reports.Result) int {
		return slices.Index(a.Rules, k.rule()) - slices.Index(b.Rules, k.rule())
	})
	add(telling)
	add(k.killers)
	if narrow := choiceOf(k.Name).narrow; narrow != "" {
		clear(seen)
		ids = append(ids, narrow)
	}
	return ids
}
