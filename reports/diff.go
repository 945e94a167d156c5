package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// DiffSchemaVersion is the version of the schema of a [Diff] as JSON. Any new, changed or dropped field raises it.
const DiffSchemaVersion = 1

// Movement says which way a case moved from one report to another.
type Movement string

// The movements.
const (
	// Loosened: a refusal, or a start refused, became an acceptance; the subject takes its peer for somebody else; or it
	// speaks plaintext where it did not.
	Loosened Movement = "loosened"
	// Tightened: what was accepted is refused, or not started; what was spoken in plaintext no longer is; or the subject
	// takes its peer for whom it should, and did not.
	Tightened Movement = "tightened"
	// Changed: anything else that was seen, or the verdict, is another one.
	Changed Movement = "changed"
	// Appeared: the case has a result in the new report alone.
	Appeared Movement = "appeared"
	// Vanished: the case has a result in the old report alone.
	Vanished Movement = "vanished"
)

// MovementText is a movement with what it means.
type MovementText struct {
	Name Movement
	Text string
}

// Movements lists the movements, the gravest first.
var Movements = []MovementText{
	{Loosened, "a refusal became an acceptance, the identity changed, or plaintext appeared"},
	{Tightened, "an acceptance became a refusal, or plaintext disappeared"},
	{Changed, "what was seen, or the verdict, changed otherwise"},
	{Appeared, "the case has a result in the new report alone"},
	{Vanished, "the case has a result in the old report alone"},
}

// Diff is what changed from one report to another of the same suite.
type Diff struct {
	SchemaVersion int        `json:"schemaVersion"`
	Old           Compared   `json:"old"`
	New           Compared   `json:"new"`
	Counts        DiffCounts `json:"counts"`
	// Remarks say in sentences what else differs between the two runs, and may be why.
	Remarks []string `json:"remarks"`
	// Changes are the cases that moved, by ID.
	Changes []Change `json:"changes"`

	// still are the IDs of the cases that did not move.
	still []string
}

// Compared is one of the two reports.
type Compared struct {
	Target   string `json:"target"`
	Launch   string `json:"launch"`
	Profile  string `json:"profile"`
	Strategy string `json:"strategy"`
	Suite    string `json:"suite"`
	Claim    Claim  `json:"claim"`
	Cases    int    `json:"cases"`
}

// DiffCounts counts the cases by how they moved.
type DiffCounts struct {
	Loosened  int `json:"loosened"`
	Tightened int `json:"tightened"`
	Changed   int `json:"changed"`
	Appeared  int `json:"appeared"`
	Vanished  int `json:"vanished"`
	Unchanged int `json:"unchanged"`
}

// Of returns the count of a movement.
func (c DiffCounts) Of(m Movement) int {
	switch m {
	case Loosened:
		return c.Loosened
	case Tightened:
		return c.Tightened
	case Changed:
		return c.Changed
	case Appeared:
		return c.Appeared
	case Vanished:
		return c.Vanished
	}
	return 0
}

// Change is how one case moved.
type Change struct {
	ID       string    `json:"id"`
	Movement Movement  `json:"movement"`
	Rules    []string  `json:"rules"`
	Level    Level     `json:"level"`
	Expected Behaviour `json:"expected"`
	// Old and New are what the reports say; nil in the one that has no result.
	Old *State `json:"old,omitempty"`
	New *State `json:"new,omitempty"`
}

// State is what one report says of a case.
type State struct {
	Outcome  Verdict   `json:"outcome"`
	Observed Behaviour `json:"observed"`
	// Known says that it deviates as it is known to.
	Known bool `json:"known,omitempty"`
	// Why is the verdict's explanation.
	Why string `json:"why"`
}

// hintCompare is what to do about reports that can't be compared.
const hintCompare = "run both targets with the same tlsconform, and with cases in common"

// subjects names whom a report judges, each once.
func subjects(r *Report) string {
	var names []string
	for _, x := range r.Results {
		names = append(names, x.Subject)
	}
	slices.Sort(names)
	return cmp.Or(strings.Join(slices.Compact(names), ", "), "nobody")
}

// Compare returns what changed from one report to the other. What is compared is what two runs of the same target agree
// on: what was seen, and the verdict; not times, texts and alerts. It returns an [*InvalidError] if the reports were
// written by suites that expect different things of a case, or have no case in common.
func Compare(before, after *Report) (*Diff, error) {
	d := &Diff{
		SchemaVersion: DiffSchemaVersion, Old: compared(before), New: compared(after), Remarks: []string{}, Changes: []Change{},
	}
	old := make(map[string]Result, len(before.Results))
	for _, r := range before.Results {
		old[r.ID] = r
	}
	var both int
	for _, r := range after.Results {
		was, has := old[r.ID]
		if !has {
			d.add(changeOf(r, Appeared, nil, stateOf(r)))
			continue
		}
		delete(old, r.ID)
		both++
		if was.Expected != r.Expected {
			return nil, incomparable(fmt.Errorf("the suites that wrote them expect different things of %s: the old one that it is %s, the new one that it is %s",
				r.ID, was.Expected.words(), r.Expected.words()))
		}
		if movement, moved := move(was, r); moved {
			d.add(changeOf(r, movement, stateOf(was), stateOf(r)))
		} else {
			d.Counts.Unchanged++
			d.still = append(d.still, r.ID)
		}
	}
	if both == 0 {
		return nil, incomparable(fmt.Errorf("they have no case in common: the old one has cases of %s, the new one of %s", subjects(before), subjects(after)))
	}
	for _, r := range before.Results {
		if _, only := old[r.ID]; only {
			d.add(changeOf(r, Vanished, stateOf(r), nil))
		}
	}
	slices.SortFunc(d.Changes, func(a, b Change) int { return strings.Compare(a.ID, b.ID) })
	d.remark(before, after)
	return d, nil
}

func incomparable(err error) error {
	return &InvalidError{Doing: "comparing two reports", Err: err, hint: hintCompare}
}

func compared(r *Report) Compared {
	return Compared{r.Target.Name, r.Target.Launch, r.Profile, r.Strategy, r.Suite.Version, r.Claim, len(r.Results)}
}

func stateOf(r Result) *State {
	return &State{Outcome: r.Outcome, Observed: r.Observed, Known: r.KnownDeviation != "", Why: r.Why}
}

func changeOf(r Result, m Movement, was, is *State) Change {
	return Change{ID: r.ID, Movement: m, Rules: r.Rules, Level: r.Level, Expected: r.Expected, Old: was, New: is}
}

func (d *Diff) add(c Change) {
	d.Changes = append(d.Changes, c)
	switch c.Movement {
	case Loosened:
		d.Counts.Loosened++
	case Tightened:
		d.Counts.Tightened++
	case Changed:
		d.Counts.Changed++
	case Appeared:
		d.Counts.Appeared++
	case Vanished:
		d.Counts.Vanished++
	}
}

// move says which way a case moved that both reports have; moved is false if it did not.
func move(was, is Result) (m Movement, moved bool) {
	before, after := was.seen(), is.seen()
	switch {
	case before.refused() && after.accepted(), before.Outcome == "accept" && after.Outcome == "plaintext":
		return Loosened, true
	case before.accepted() && after.refused(), before.Outcome == "plaintext" && after.Outcome == "accept":
		return Tightened, true
	case before.Outcome == "" && after.Outcome == "plaintext" && is.Expected.Outcome != "plaintext":
		return Loosened, true
	case before.accepted() && after.accepted() && before.otherThan(after):
		if was.Outcome == Deviates && is.Outcome == Conforms {
			return Tightened, true
		}
		return Loosened, true
	case was.Observed != is.Observed, was.Outcome != is.Outcome, (was.KnownDeviation == "") != (is.KnownDeviation == ""):
		return Changed, true
	}
	return "", false
}

// seen returns what the subject was seen to do. Of a case that broke or was skipped nothing was.
func (r Result) seen() Behaviour {
	if r.Outcome == Broken || r.Outcome == Skipped {
		return Behaviour{}
	}
	return r.Observed
}

// otherThan reports whether both say whom the subject takes its peer for, and not the same. One that says nothing of it
// has not been seen to take it for another.
func (b Behaviour) otherThan(c Behaviour) bool {
	return b.Identity != "" && c.Identity != "" && b.Identity != c.Identity
}

func (b Behaviour) accepted() bool { return b.Outcome == "accept" || b.Outcome == "plaintext" }
func (b Behaviour) refused() bool  { return b.Outcome == "refuse" || b.Outcome == "not-started" }

// remark says what else differs between the two runs.
func (d *Diff) remark(before, after *Report) {
	for _, part := range []struct{ what, was, is string }{
		{"the target", d.Old.Target, d.New.Target},
		{"the launcher", d.Old.Launch, d.New.Launch},
		{"the profile", d.Old.Profile, d.New.Profile},
		{"the strategy", d.Old.Strategy, d.New.Strategy},
		{"the suite", d.Old.Suite, d.New.Suite},
		{"the claim", string(d.Old.Claim), string(d.New.Claim)},
	} {
		if part.was != part.is {
			d.Remarks = append(d.Remarks, fmt.Sprintf("%s was %s, and is %s", part.what, part.was, part.is))
		}
	}
	for _, part := range []struct {
		what string
		r    *Report
	}{{"the old run", before}, {"the new run", after}} {
		if part.r.Stopped != "" {
			d.Remarks = append(d.Remarks, fmt.Sprintf("%s was stopped early (%s)", part.what, part.r.Stopped))
		}
	}
}

// Has reports whether any case moved in one of these ways.
func (d *Diff) Has(movements []Movement) bool {
	return slices.ContainsFunc(movements, func(m Movement) bool { return d.Counts.Of(m) > 0 })
}

// UnknownMovementError says that there is no movement of a name.
type UnknownMovementError struct{ Name string }

// Error names what was asked for.
func (e *UnknownMovementError) Error() string {
	return fmt.Sprintf("choosing what fails: found %q, which is no movement", e.Name)
}

// Hint lists the movements.
func (e *UnknownMovementError) Hint() string {
	var names []string
	for _, m := range Movements {
		names = append(names, string(m.Name))
	}
	return "the movements are " + strings.Join(names, ", ") + "; none stands for none of them"
}

// ParseMovements reads names of movements; the name none alone stands for none. It returns an [*UnknownMovementError].
func ParseMovements(names []string) ([]Movement, error) {
	if len(names) == 1 && names[0] == "none" {
		return nil, nil
	}
	var all []Movement
	for _, name := range names {
		i := slices.IndexFunc(Movements, func(m MovementText) bool { return string(m.Name) == name })
		if i < 0 {
			return nil, &UnknownMovementError{name}
		}
		all = append(all, Movements[i].Name)
	}
	return all, nil
}
