// Package migration says in which orders Typha and Felix can be moved from Common Names to SPIFFE IDs without losing
// the connection between them (rule CONF-14). It is told which states connect, and derives the rest from the graph of
// all states; it knows nothing of TLS.
package migration

import (
	"fmt"
	"slices"
)

// Stages lists the stages in the order in which a migration passes them.
var Stages = []Stage{CN, Both, URI}

// Pieces lists what a migration moves.
var Pieces = []Piece{TyphaSetting, FelixSetting, TyphaCertificate, FelixCertificate}

// Start and Goal are where a migration begins and ends.
var (
	Start = State{TyphaSetting: CN, FelixSetting: CN, TyphaCertificate: CN, FelixCertificate: CN}
	Goal  = State{TyphaSetting: URI, FelixSetting: URI, TyphaCertificate: URI, FelixCertificate: URI}
)

// Stage says which names a setting requires, or a certificate holds.
type Stage string

// The stages.
const (
	// CN: a Common Name only.
	CN Stage = "cn"
	// Both: a Common Name and a SPIFFE ID; of a setting, that either suffices.
	Both Stage = "both"
	// URI: a SPIFFE ID only.
	URI Stage = "uri"
)

func (s Stage) rank() int { return slices.Index(Stages, s) }

// Piece is one of the four that a migration moves, each by a rolling restart of its own.
type Piece string

// The pieces. A setting says what its component requires of the other's certificate.
const (
	TyphaSetting     Piece = "typhaSetting"
	FelixSetting     Piece = "felixSetting"
	TyphaCertificate Piece = "typhaCertificate"
	FelixCertificate Piece = "felixCertificate"
)

// State says how far each piece has been moved. While a rolling restart lasts, some connections are in the state before
// it and the others in the one after it, and none in a third.
type State struct {
	TyphaSetting, FelixSetting, TyphaCertificate, FelixCertificate Stage
}

// String returns the stages in the order of the fields, as in "typhaSetting=cn felixSetting=both typhaCertificate=both
// felixCertificate=uri".
func (s State) String() string {
	return fmt.Sprintf("%s=%s %s=%s %s=%s %s=%s", TyphaSetting, s.TyphaSetting, FelixSetting, s.FelixSetting,
		TyphaCertificate, s.TyphaCertificate, FelixCertificate, s.FelixCertificate)
}

// At returns how far a piece has been moved; "" for what is none of [Pieces].
func (s State) At(p Piece) Stage {
	if at := s.field(p); at != nil {
		return *at
	}
	return ""
}

func (s *State) field(p Piece) *Stage {
	switch p {
	case TyphaSetting:
		return &s.TyphaSetting
	case FelixSetting:
		return &s.FelixSetting
	case TyphaCertificate:
		return &s.TyphaCertificate
	case FelixCertificate:
		return &s.FelixCertificate
	}
	return nil
}

// States returns all 81 states, sorted by the stages of their fields, the first field first. Each comes after all
// from which it can be reached.
func States() []State {
	var all []State
	for _, typhaSetting := range Stages {
		for _, felixSetting := range Stages {
			for _, typhaCertificate := range Stages {
				for _, felixCertificate := range Stages {
					all = append(all, State{typhaSetting, felixSetting, typhaCertificate, felixCertificate})
				}
			}
		}
	}
	return all
}

// Step moves one piece.
type Step struct {
	Piece    Piece
	From, To Stage
}

// String names the step, as in "typhaCertificate cn→both".
func (s Step) String() string { return fmt.Sprintf("%s %s→%s", s.Piece, s.From, s.To) }

// after returns the state after a step; ok is false if the step does not begin where the piece is.
func (s State) after(step Step) (next State, ok bool) {
	if s.At(step.Piece) != step.From {
		return s, false
	}
	*s.field(step.Piece) = step.To
	return s, true
}

// has reports whether a step has been made, by itself or with others.
func (s State) has(step Step) bool { return s.At(step.Piece).rank() >= step.To.rank() }

// between reports whether a state lies between two others, so that pieces moved from the one to the other in some order
// may pass through it.
func (s State) between(from, to State) bool {
	return !slices.ContainsFunc(Pieces, func(p Piece) bool {
		at := s.At(p).rank()
		return at < from.At(p).rank() || at > to.At(p).rank()
	})
}
