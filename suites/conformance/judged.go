package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/reports"
)

// resultOf makes the published result of a case.
func resultOf(c matrix.Case, e oracle.Expectation, o handshake.Observation, v oracle.Verdict) reports.Result {
	r := reports.Result{
		ID: c.ID(), Link: c.Link, Mode: c.Mode, Subject: c.Subject,
		Rules: e.Rules, Level: level(e),
		Expected:       reports.Behaviour{Outcome: string(e.Outcome), By: string(e.By), Check: string(e.Check), Identity: e.Identity},
		Observed:       reports.Behaviour{Outcome: string(v.Seen.Outcome), By: string(v.Seen.By), Check: string(v.Seen.Check), Identity: v.Seen.Identity},
		Client:         account(o.Client),
		Server:         account(o.Server),
		Aftermath:      aftermath(o.Aftermath),
		Outcome:        reports.Verdict(v.Finding),
		Why:            v.Why,
		DurationMillis: o.Duration.Milliseconds(),
	}
	if v.Finding == oracle.Conforms || v.Finding == oracle.Deviates {
		r.Evidence = string(o.Evidence)
	}
	return r
}

// level is the level of the case's own, or of the rule that decides it.
func level(e oracle.Expectation) reports.Level {
	if e.Level != "" {
		return reports.Level(e.Level)
	}
	if len(e.Rules) > 0 {
		if rule, err := fixtures.RuleNamed(e.Rules[0]); err == nil {
			return reports.Level(rule.Level)
		}
	}
	return reports.Must
}

func aftermath(a *handshake.Aftermath) *reports.Aftermath {
	if a == nil {
		return nil
	}
	return &reports.Aftermath{Connections: a.Connections, WindowMillis: a.Window.Milliseconds(), Ready: a.Ready, ExitCode: a.Exit}
}

func account(a handshake.Account) reports.Account {
	if a.Claim == handshake.Silent {
		return reports.Account{Error: a.Error, Log: a.Log}
	}
	return reports.Account{
		Phase: string(a.Phase), Claim: string(a.Claim), Failed: checks(a.Checks),
		AlertReceived: a.AlertReceived.String(), Error: a.Error, Log: a.Log,
	}
}

func checks(all []pki.Check) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = string(c)
	}
	return strings.Join(names, "|")
}

// Known are the deviations on record, and which implementation they are held against.
type Known struct {
	Deviations []fixtures.Deviation
	// Implementation and Version say what is judged, as in "calico" and "v3.31.0".
	Implementation, Version string
}

func (k Known) covers(d fixtures.Deviation, id string) bool {
	return d.Matches(id, k.Implementation, k.Version)
}

// excuse marks a result that deviates as it is known to.
func (k Known) excuse(r *reports.Result) {
	if r.Outcome != reports.Deviates {
		return
	}
	for _, d := range k.Deviations {
		if k.covers(d, r.ID) {
			r.KnownDeviation = d.Reason
			return
		}
	}
}

// stale lists the known deviations of the implementation that have expired, cover no case that is due, or a case that
// conforms now.
func (k Known) stale(due []matrix.Case, results []reports.Result) []reports.StaleDeviation {
	var all []reports.StaleDeviation
	for _, d := range k.Deviations {
		if d.Implementation != k.Implementation || !d.Holds(k.Version) {
			continue
		}
		if d.Expired(time.Now()) {
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: "it was agreed upon until " + d.Expires})
			continue
		}
		if !slices.ContainsFunc(due, func(c matrix.Case) bool { return k.covers(d, c.ID()) }) {
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: "it covers no case"})
			continue
		}
		i := slices.IndexFunc(results, func(r reports.Result) bool {
			return r.Outcome == reports.Conforms && k.covers(d, r.ID)
		})
		if i >= 0 {
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: fmt.Sprintf("%s conforms now", results[i].ID)})
		}
	}
	return all
}
