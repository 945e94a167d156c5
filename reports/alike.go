package reports

// Alike are results that deviate in the same way, unknown, and have something in common.
type Alike struct {
	// Glob matches the IDs of the results; it may match others too, where it is not one ID alone.
	Glob    string
	Results []Result
}

// Deviating returns what deviates and is not known to, sorted as in the report's text.
func Deviating(r *Report, o Options) []Alike {
	results := map[string]Result{}
	for _, x := range r.Results {
		results[x.ID] = x
	}
	var all []Alike
	for _, found := range findings(r, o) {
		if found.kind == unjudged {
			continue
		}
		a := Alike{Glob: found.glob()}
		for _, id := range found.ids {
			a.Results = append(a.Results, results[id])
		}
		all = append(all, a)
	}
	return all
}

// Comparison says in words what was wanted of a case, and what was got.
func (r Result) Comparison() string { return r.Expected.words() + "; got " + r.Observed.words() }
