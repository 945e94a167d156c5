package reports

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// keyMark stands in the first and last line of every PEM private key, of whatever kind.
const keyMark = "PRIVATE KEY-----"

const withheld = "(withheld: it held a private key)"

// Redact replaces folders of this machine in all free text by names: {"/tmp/run-17": "RUN"} makes "/tmp/run-17/ca.pem"
// read "RUN/ca.pem". Of two folders that lie in each other the inner one goes first.
func (r *Report) Redact(folders map[string]string) {
	inner := slices.SortedFunc(maps.Keys(folders), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	r.rewrite(func(text string) string {
		for _, folder := range inner {
			if folder != "" && folder != "/" {
				text = strings.ReplaceAll(text, folder, folders[folder])
			}
		}
		return text
	})
}

// tidy returns a copy that shares nothing with r: sorted, with empty lists for absent ones, and without keys.
func (r *Report) tidy() *Report {
	t := *r
	t.Coverage = maps.Clone(r.Coverage)
	if t.Coverage == nil {
		t.Coverage = map[string]Coverage{}
	}
	for name, c := range t.Coverage {
		c.Constraints = list(c.Constraints)
		t.Coverage[name] = c
	}
	t.Target.Components = list(r.Target.Components)
	t.Results = list(r.Results)
	t.Inapplicable = list(r.Inapplicable)
	t.StaleDeviations = list(r.StaleDeviations)
	t.Migration = r.Migration.tidy()
	for i := range t.Results {
		result := &t.Results[i]
		result.Rules = list(result.Rules)
		for _, account := range []*Account{&result.Client, &result.Server} {
			if slices.ContainsFunc(account.Log, holdsKey) {
				account.Log = []string{withheld} // the lines after the mark hold the key itself
			}
		}
	}
	t.rewrite(func(text string) string {
		if holdsKey(text) {
			return withheld
		}
		return text
	})
	t.sort()
	return &t
}

func holdsKey(text string) bool { return strings.Contains(text, keyMark) }

func list[T any](all []T) []T { return append([]T{}, all...) }

func (r *Report) sort() {
	slices.SortStableFunc(r.Target.Components, compareComponents)
	slices.SortStableFunc(r.Results, compareResults)
	slices.SortStableFunc(r.Inapplicable, compareInapplicable)
	slices.SortStableFunc(r.StaleDeviations, compareStale)
}

func compareComponents(a, b Component) int {
	return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Implementation, b.Implementation),
		cmp.Compare(a.Version, b.Version), cmp.Compare(a.Way, b.Way), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Go, b.Go))
}

func compareResults(a, b Result) int { return cmp.Compare(a.ID, b.ID) }

func compareInapplicable(a, b Inapplicable) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Reason, b.Reason))
}

func compareStale(a, b StaleDeviation) int {
	return cmp.Or(cmp.Compare(a.Cases, b.Cases), cmp.Compare(a.Reason, b.Reason))
}

// rewrite changes every text that a component, a launcher or a person may have worded.
func (r *Report) rewrite(change func(string) string) {
	r.Target.Name = change(r.Target.Name)
	for i := range r.Target.Components {
		c := &r.Target.Components[i]
		c.Implementation, c.Version = change(c.Implementation), change(c.Version)
	}
	for i := range r.Results {
		result := &r.Results[i]
		result.Why, result.KnownDeviation = change(result.Why), change(result.KnownDeviation)
		result.Expected.Identity = change(result.Expected.Identity)
		result.Observed.Identity = change(result.Observed.Identity)
		for _, account := range []*Account{&result.Client, &result.Server} {
			account.Error = change(account.Error)
			account.Log = slices.Clone(account.Log) // it may be shared with the observation
			for j, line := range account.Log {
				account.Log[j] = change(line)
			}
		}
	}
	for i := range r.Inapplicable {
		r.Inapplicable[i].Reason = change(r.Inapplicable[i].Reason)
	}
	for i := range r.StaleDeviations {
		r.StaleDeviations[i].Reason = change(r.StaleDeviations[i].Reason)
	}
}
