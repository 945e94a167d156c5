package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/bmatcuk/doublestar/v4"
)

// Select returns the cases whose whole ID the glob matches: "*" within one part, "**" across parts, "{a,b}" either. It
// returns an error if the glob is none, or a [*NoneError] if it matches nothing.
func Select(cases []Case, glob string) ([]Case, error) {
	if !doublestar.ValidatePattern(glob) {
		return nil, fmt.Errorf("selecting cases: %q is no glob", glob)
	}
	var selected []Case
	for _, c := range cases {
		if doublestar.MatchUnvalidated(glob, c.ID()) {
			selected = append(selected, c)
		}
	}
	if len(selected) == 0 {
		return nil, &NoneError{Glob: glob, Nearest: Nearest(cases, glob)}
	}
	return selected, nil
}

// NoneError says that a glob, or an ID, matches no case.
type NoneError struct {
	Glob string
	// Nearest are the IDs that look most like it.
	Nearest []string
}

func (e *NoneError) Error() string {
	return fmt.Sprintf("selecting cases: %q matches no case", e.Glob)
}

// Hint names the nearest IDs.
func (e *NoneError) Hint() string {
	if len(e.Nearest) == 0 {
		return "there are no cases at all to choose from"
	}
	return "quote globs, * matches within one part and ** across parts; the nearest IDs are\n  " + strings.Join(e.Nearest, "\n  ")
}

// nearest is how many IDs are offered.
const nearest = 3

// Nearest returns the IDs of the cases that differ least from a text.
func Nearest(cases []Case, text string) []string {
	type distance struct {
		id string
		n  int
	}
	all := make([]distance, len(cases))
	for i, c := range cases {
		all[i] = distance{c.ID(), levenshtein.ComputeDistance(text, c.ID())}
	}
	slices.SortStableFunc(all, func(a, b distance) int { return cmp.Compare(a.n, b.n) })
	ids := make([]string, 0, nearest)
	for _, d := range all[:min(nearest, len(all))] {
		ids = append(ids, d.id)
	}
	return ids
}
