package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
)

// Checkup says whether a target is ready for a run: one line for each component and for each link, in their order.
type Checkup struct{ Lines []Checked }

// Checked is a component or a link that was looked at.
type Checked struct {
	// What is "component" or "link", Name its name.
	What, Name string
	// Found says in a few words what was found.
	Found string
	// Finding is what that means: Conforms if it is as it must be, Deviates if a good peer was refused, and Broken if that could
	// not be told.
	Finding reports.Verdict
	// Hint says what to do; "" if nothing is to be done.
	Hint string
}

// ExitCode is the exit code that a checkup leads to: a good peer that is refused counts more than what could not be told.
func (c Checkup) ExitCode() int {
	code := reports.ExitExpected
	for _, line := range c.Lines {
		if line.Finding == reports.Deviates {
			return reports.ExitFailed
		}
		if line.Finding != reports.Conforms {
			code = reports.ExitUnjudged
		}
	}
	return code
}

// Check obtains each component of the target, and judges of each link the one case in which each subject meets a good peer: a
// run of a few starts. It takes the place of [Run.Prepare], and [Run.Close] undoes what it did. An error is one of usage, or
// says that nothing could be started at all.
func (r *Run) Check(ctx context.Context) (Checkup, error) {
	if err := r.open(ctx); err != nil {
		return Checkup{}, err
	}
	absent, err := r.getAll(ctx)
	if err != nil {
		return Checkup{}, err
	}
	whole := r.target
	r.target.Components = slices.DeleteFunc(slices.Clone(whole.Components), func(c target.Component) bool { return absent[c.Role] != nil })
	r.due, r.inapplicable = nil, nil
	for _, l := range harness.Links {
		due, inapplicable := dueOf(l.Link, matrix.Strategies[0], Profiles[0], r.target)
		r.due, r.inapplicable = append(r.due, due...), append(r.inapplicable, inapplicable...)
	}
	r.Cases = r.goodPairs()
	if err := r.furnish(ctx); err != nil {
		return Checkup{}, err
	}
	for _, c := range r.Cases {
		r.Judge(ctx, c)
	}
	if err := ctx.Err(); err != nil {
		return Checkup{}, err
	}
	var checkup Checkup
	for _, c := range whole.Components {
		checkup.Lines = append(checkup.Lines, r.checkedComponent(c, absent[c.Role]))
	}
	for _, l := range harness.Links {
		if line, covered := r.checkedLink(l); covered {
			checkup.Lines = append(checkup.Lines, line)
		}
	}
	return checkup, nil
}

// getAll obtains all components of the target, and returns why those cannot be had that cannot.
func (r *Run) getAll(ctx context.Context) (map[target.Role]error, error) {
	p, err := r.preparer()
	if err != nil {
		return nil, err
	}
	absent := map[target.Role]error{}
	for _, c := range r.target.Components {
		_, err := r.get(ctx, p, c.Role)
		if _, none := errors.AsType[*target.UnobtainableError](err); !none && err != nil || ctx.Err() != nil {
			return nil, cmp.Or(ctx.Err(), err)
		}
		if err != nil {
			absent[c.Role] = err
		}
	}
	return absent, nil
}

// goodPairs returns of the cases that are due one for each subject on each link: it meets a good peer, at the newest version
// of the protocol, in the mode in which the link's server is taken to run.
func (r *Run) goodPairs() []matrix.Case {
	var all []matrix.Case
	for _, c := range r.due {
		if !r.isGoodPair(c) {
			continue
		}
		i := slices.IndexFunc(all, func(x matrix.Case) bool { return x.Link == c.Link && x.Subject == c.Subject })
		switch {
		case i < 0:
			all = append(all, c)
		case compareTold(c, all[i]) > 0:
			all[i] = c
		}
	}
	return all
}

func (r *Run) isGoodPair(c matrix.Case) bool {
	l, _ := harness.LinkNamed(c.Link)
	server := target.Role(l.Server.Component)
	played, _ := r.target.Component(server)
	if c.Subject != l.Server.Component && r.wayOf(c.Subject).Way == target.Endpoint {
		return false // it cannot be told whom to dial
	}
	if c.Mode != cmp.Or(played.Running.Mode, usualModes[server]) || c.Setting+c.Token+c.Conduct != "" || c.Subject == l.Both() {
		return false
	}
	e, err := oracle.Predict(l.Link, c)
	return err == nil && (e.Outcome == handshake.Accept || e.Outcome == handshake.Plaintext)
}

// compareTold compares two good pairs of a subject by how much they tell: more if each end shows a credential, and the version is
// newer.
func compareTold(a, b matrix.Case) int {
	good := func(c matrix.Case) int {
		n := 0
		for _, variant := range []string{c.Client, c.Server} {
			if variant == "good" {
				n++
			}
		}
		return n
	}
	return cmp.Or(cmp.Compare(good(a), good(b)), cmp.Compare(a.Version, b.Version))
}

// checkedComponent says whether a component is there and starts. absent is why it cannot be had.
func (r *Run) checkedComponent(c target.Component, absent error) Checked {
	line := Checked{What: "component", Name: string(c.Role), Finding: reports.Broken}
	if absent != nil {
		line.Found, line.Hint = "cannot be had: "+absent.Error(), hintOf(absent)
		return line
	}
	way := r.wayOf(line.Name)
	line.Found = way.String() + ": "
	results := slices.DeleteFunc(r.Results(), func(x reports.Result) bool { return x.Subject != line.Name })
	had := func(wanted ...reports.Verdict) bool {
		return slices.ContainsFunc(results, func(x reports.Result) bool { return slices.Contains(wanted, x.Outcome) })
	}
	switch judged := had(reports.Conforms, reports.Deviates); {
	case len(results) == 0:
		line.Found += "is not started: " + r.whyNotDue(line.Name)
		line.Hint = "add what is missing, or leave " + line.Name + " out"
	case way.Way == target.Endpoint && judged:
		line.Found, line.Finding = line.Found+"answers", reports.Conforms
	case way.Way == target.Endpoint:
		line.Found += "does not answer as " + line.Name + " does: " + whyNot(results)
		line.Hint = fmt.Sprintf("make sure that it is %s which listens there, that it runs in the mode %s or name another one, and that it and the target file have one authority", line.Name, results[0].Mode)
	case judged || had(reports.Unproven):
		line.Found, line.Finding = line.Found+"starts", reports.Conforms
	default:
		line.Found += "does not start: " + whyNot(results)
		line.Hint = "tlsconform explain '" + results[0].ID + "' says what it is started with"
	}
	return line
}

// wayOf returns the way by which a component was obtained.
func (r *Run) wayOf(role string) target.Source {
	i := slices.IndexFunc(r.obtained, func(o target.Obtained) bool { return string(o.Role) == role })
	if i < 0 {
		return target.Source{}
	}
	return r.obtained[i].Source
}

// whyNot says why a component did not start, by the results of which it is the subject: that it failed to get ready tells
// more than that it was gone later.
func whyNot(results []reports.Result) string {
	for _, x := range results {
		if why, failed := failedToStart(x); failed {
			return why
		}
	}
	return results[0].Why
}

// failedToStart returns why the subject of a result did not start, and reports whether it is that which broke the case.
func failedToStart(x reports.Result) (why string, failed bool) {
	starting := "starting " + x.Subject + ": "
	i := strings.LastIndex(x.Why, starting)
	if x.Outcome != reports.Broken || i < 0 {
		return "", false
	}
	return x.Why[i+len(starting):], true
}

// whyNotDue says why no case of a subject is due.
func (r *Run) whyNotDue(subject string) string {
	for _, x := range r.inapplicable {
		if c, err := matrix.Parse(x.ID); err == nil && c.Subject == subject {
			return x.Reason
		}
	}
	return "nothing that is judged here needs it"
}

// checkedLink says whether the good pairs of a link connect, and whether the target covers the link at all.
func (r *Run) checkedLink(l harness.Link) (line Checked, covered bool) {
	line = Checked{What: "link", Name: l.Name, Finding: reports.Conforms}
	var connect, not []string
	for _, x := range r.Results() {
		switch {
		case x.Link != l.Name:
		case x.Outcome == reports.Conforms:
			connect = append(connect, x.Subject)
		default:
			why := x.Why
			if _, failed := failedToStart(x); failed {
				why = "it does not start" // the component's own line says why
			}
			not = append(not, fmt.Sprintf("%s: %s: %s", x.Subject, x.Outcome, why))
			line.Hint = fmt.Sprintf("tlsconform run --target %s --launch %s --select '%s' writes down what both sides said", r.options.Target, r.options.Launch, x.ID)
			if line.Finding != reports.Deviates {
				line.Finding = reports.Broken
			}
			if x.Outcome == reports.Deviates {
				line.Finding = reports.Deviates
			}
		}
	}
	if len(connect) > 0 {
		not = append(not, "the good pair connects, as seen by "+strings.Join(connect, ", "))
	}
	line.Found = strings.Join(not, "; ")
	return line, line.Found != ""
}

// hintOf returns an error's hint.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}
