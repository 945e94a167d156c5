package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
)

// renderConformance writes the short document that a vendor submits beside report.json: what was judged, by which suite,
// what may be said of it, what deviates, and how to verify and to repeat that.
func renderConformance(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	encoded, err := encode(t)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(encoded)
	var b bytes.Buffer
	m := &markdown{&b, o}
	m.statement(t, "sha256:"+hex.EncodeToString(hash[:]))
	m.deviations(t)
	m.reproduction(t)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the conformance document: %w", err)
	}
	return nil
}

// statement says what was judged and what may be said of it.
func (m *markdown) statement(r *Report, digest string) {
	m.line("# TLS conformance of %s\n", plain(r.Target.Name))
	m.head("", "")
	m.row("claim", string(r.Claim))
	for _, missing := range r.shortfall() {
		m.row("not complete", plain(missing))
	}
	m.row("suite", plain(r.Suite.Version))
	m.row("profile", plain(r.Profile))
	m.row("strategy", plain(r.Strategy))
	m.row("cases", fmt.Sprintf("%d of %d that are due", len(r.Results), r.Suite.Cases))
	m.row("case set", code(r.Suite.CaseSetDigest))
	m.row("report.json", code(digest))
	m.row("launched by", plain(r.Target.Launch))
	m.line("\n## Implementation\n")
	m.head("component", "implementation", "version", "Go", "way", "digest")
	for _, c := range r.Target.Components {
		digest := ""
		if c.Digest != "" {
			digest = code(c.Digest)
		}
		m.row(plain(c.Role), plain(c.Implementation), plain(c.Version), plain(c.Go), plain(c.Way), digest)
	}
	m.line("\n## Results\n")
	m.counts(r)
}

// deviations lists what deviates, by rule and reason, and what could not be judged.
func (m *markdown) deviations(r *Report) {
	type row struct{ rule, level, what string }
	times := map[row]int{}
	for _, x := range r.Results {
		_, unexpected := kindOf(x, m.o)
		if !unexpected && x.KnownDeviation == "" {
			continue
		}
		rule := "none"
		if len(x.Rules) > 0 {
			rule = x.Rules[0]
		}
		what := "known: " + x.KnownDeviation
		if unexpected {
			what = string(x.Outcome) + ": wanted " + x.Expected.words() + ", got " + x.Observed.words()
		}
		times[row{rule, string(x.Level), what}]++
	}
	m.line("## Deviations\n")
	if len(times) == 0 {
		m.line("None.\n")
		return
	}
	m.head("rule", "level", "cases", "what")
	rows := slices.SortedFunc(maps.Keys(times), func(a, b row) int {
		return slices.Compare([]string{a.rule, a.level, a.what}, []string{b.rule, b.level, b.what})
	})
	for _, x := range rows {
		m.row(x.rule, x.level, fmt.Sprint(times[x]), plain(x.what))
	}
	m.line("")
}

// reproduction says how to verify the report, and how to repeat the run.
func (m *markdown) reproduction(r *Report) {
	m.line("## How to verify and repeat it\n\n```sh")
	m.line("sha256sum report.json\ntlsconform report verify report.json")
	strategy := ""
	if r.Strategy != defaultProfile {
		strategy = " --strategy " + quoted(r.Strategy)
	}
	m.line("%s%s\n```", r.command("**", m.o), strategy)
}
