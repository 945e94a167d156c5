package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"
)

// htmlView is what the page's template is given.
type htmlView struct {
	*Report

	o                     Options
	Script                template.JS
	Style                 template.CSS
	ScriptHash, StyleHash template.HTMLAttr
}

// htmlData is what the page's script is given.
type htmlData struct {
	Results []htmlCase `json:"results"`
	// Rules holds each rule's sentences, by its ID and the case's level.
	Rules map[string]map[Level]string `json:"rules"`
	// Sources holds where each rule comes from, by its ID.
	Sources map[string][]string `json:"sources"`
	// Ends are the ends that the cases name by number.
	Ends []End `json:"ends"`
	// Repeat is the command that repeats a case, short of its ID.
	Repeat string `json:"repeat"`
}

// htmlCase is a result with what follows from it.
type htmlCase struct {
	Result

	State string  `json:"state"`
	About *About  `json:"about,omitempty"`
	Ends  *[2]int `json:"ends,omitempty"`
}

// state says in one word how a result is to be taken.
func (r Result) state(o Options) string {
	switch k, unexpected := kindOf(r, o); {
	case !unexpected && r.KnownDeviation != "":
		return "known"
	case unexpected && r.Outcome == Deviates:
		return map[kind]string{failing: "fails", warning: "warns", changed: "changed"}[k]
	}
	return string(r.Outcome)
}

// Data returns what the page's script is given.
func (v *htmlView) Data() htmlData {
	d := htmlData{Rules: map[string]map[Level]string{}, Sources: map[string][]string{}, Ends: []End{}, Repeat: strings.TrimSuffix(v.command("", v.o), "''")}
	numbers := map[string]int{}
	number := func(e End) int {
		key := fmt.Sprintf("%q", e)
		n, has := numbers[key]
		if !has {
			n = len(d.Ends)
			numbers[key] = n
			d.Ends = append(d.Ends, e)
		}
		return n
	}
	for _, r := range v.Results {
		c := htmlCase{Result: r, State: r.state(v.o)}
		if about, ok := v.o.about(r.ID); ok {
			c.About, c.Ends = &about, &[2]int{number(about.Client), number(about.Server)}
		}
		for _, rule := range r.Rules {
			if d.Rules[rule] == nil {
				d.Rules[rule] = map[Level]string{}
				if v.o.Source != nil {
					d.Sources[rule] = v.o.Source(rule)
				}
			}
			d.Rules[rule][r.Level] = v.o.sentence(rule, r.Level)
		}
		d.Results = append(d.Results, c)
	}
	return d
}

func (o Options) about(id string) (About, bool) {
	if o.About == nil {
		return About{}, false
	}
	return o.About(id)
}

// htmlNews is one finding.
type htmlNews struct {
	Title, Verdict, State, First string
	// Words find the cases in the matrix; "" for a single case.
	Words string
	Facts [][2]string
}

// News returns what is not as expected.
func (v *htmlView) News() []htmlNews {
	var all []htmlNews
	for _, x := range findings(v.Report, v.o) {
		all = append(all, htmlNews{
			x.title(), x.first.verdict(v.o), x.first.state(v.o), x.first.ID, x.words(), x.facts(v.Report, v.o),
		})
	}
	return all
}

// words are what the IDs of a cluster have in common, as the page's search takes it; "" for a single case. What is not
// there cannot be said.
func (c cluster) words() string {
	if len(c.ids) == 1 {
		return ""
	}
	parts := strings.SplitN(c.ids[0], "/", 4)
	words := []string{"/" + parts[0] + "/", "/" + parts[2] + "/"}
	for _, f := range c.factors {
		switch {
		case f.value == "":
		case f.name == "mode" || f.name == "version":
			words = append(words, "/"+f.value+"/")
		default:
			words = append(words, "/"+f.name+"="+f.value+"/")
		}
	}
	return strings.Join(words, " ")
}

// htmlReason is a reason that several cases share, the first of which is named.
type htmlReason struct {
	Count         int
	Reason, First string
}

// Known returns the known deviations by their reason.
func (v *htmlView) Known() []htmlReason {
	return v.reasons(func(r Result) string { return r.KnownDeviation })
}

// Skips returns what was skipped by its reason.
func (v *htmlView) Skips() []htmlReason {
	return v.reasons(func(r Result) string {
		if r.Outcome == Skipped {
			return r.Why
		}
		return ""
	})
}

func (v *htmlView) reasons(of func(Result) string) []htmlReason {
	found := map[string]*htmlReason{}
	for _, r := range v.Results {
		reason := of(r)
		if reason == "" {
			continue
		}
		if found[reason] == nil {
			found[reason] = &htmlReason{Reason: reason, First: r.ID}
		}
		found[reason].Count++
	}
	var all []htmlReason
	for _, x := range found {
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b htmlReason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// htmlPlace is a link and subject with its counts and what its cases took.
type htmlPlace struct {
	Link, Subject string
	Summary
	Count                int
	Sum, Median, Longest int64
}

// Places returns the links and subjects.
func (v *htmlView) Places() []htmlPlace {
	byPlace := map[string][]Result{}
	for _, r := range v.Results {
		byPlace[place(r.ID)] = append(byPlace[place(r.ID)], r)
	}
	var all []htmlPlace
	for _, at := range slices.Sorted(maps.Keys(byPlace)) {
		results := byPlace[at]
		x := htmlPlace{Link: results[0].Link, Subject: results[0].Subject, Summary: Summarise(results), Count: len(results)}
		var took []int64
		for _, r := range results {
			took = append(took, r.DurationMillis)
			x.Sum += r.DurationMillis
		}
		slices.Sort(took)
		x.Median, x.Longest = took[len(took)/2], took[len(took)-1]
		all = append(all, x)
	}
	return all
}

// slowest is how many of the slowest cases are listed.
const slowest = 10

// Slowest returns the slowest cases.
func (v *htmlView) Slowest() []Result {
	all := slices.Clone(v.Results)
	slices.SortStableFunc(all, func(a, b Result) int { return cmp.Compare(b.DurationMillis, a.DurationMillis) })
	return all[:min(len(all), slowest)]
}

// PerStart returns what a start cost, with all that happened meanwhile, in milliseconds, and how many cases it served.
func (v *htmlView) PerStart() string {
	if v.Starts == 0 {
		return "Nothing was started."
	}
	return fmt.Sprintf("%s served %s in %s: %.1f cases and %s for a start.", count(v.Starts, "start"), count(len(v.Results), "case"),
		took(v.DurationMillis), float64(len(v.Results))/float64(v.Starts), took(v.DurationMillis/int64(v.Starts)))
}

// Missing says what is missing to a complete run.
func (v *htmlView) Missing() []string { return v.shortfall() }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// took words a duration given in milliseconds.
func took(millis int64) string {
	took := time.Duration(millis) * time.Millisecond
	if took >= time.Second {
		took = took.Round(100 * time.Millisecond)
	}
	return took.String()
}
