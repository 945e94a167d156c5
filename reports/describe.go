package reports

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// kind says how a result that is not as expected is to be taken, the gravest first.
type kind int

const (
	failing kind = iota
	unjudged
	warning
	changed
)

// kindOf returns how a result is to be taken; ok is false for one that is as expected, known or skipped.
func kindOf(r Result, o Options) (k kind, ok bool) {
	switch {
	case r.fails(Gate{Strict: o.Strict}):
		return failing, true
	case r.Outcome == Unproven || r.Outcome == Broken:
		return unjudged, true
	case r.Outcome == Deviates && r.KnownDeviation == "" && r.Level == Should:
		return warning, true
	case r.Outcome == Deviates && r.KnownDeviation == "":
		return changed, true
	}
	return 0, false
}

// unexpected returns the results that are not as expected, the gravest first, then by ID.
func unexpected(r *Report, o Options) []Result {
	var all []Result
	for _, result := range r.Results {
		if _, ok := kindOf(result, o); ok {
			all = append(all, result)
		}
	}
	slices.SortStableFunc(all, func(a, b Result) int {
		ka, _ := kindOf(a, o)
		kb, _ := kindOf(b, o)
		return cmp.Compare(ka, kb)
	})
	return all
}

// verdict words a verdict with its level, and what an unknown deviation below MUST means for the run.
func (r Result) verdict(o Options) string {
	text := string(r.Outcome) + " (" + string(r.Level)
	switch k, ok := kindOf(r, o); {
	case ok && k == warning:
		text += ", a warning"
	case ok && k == changed:
		text += ", a change"
	}
	return text + ")"
}

// ruling returns the rules with the first one's sentence.
func (r Result) ruling(o Options) string {
	if len(r.Rules) == 0 {
		return "none"
	}
	text := r.Rules[0]
	if sentence := o.sentence(r.Rules[0], r.Level); sentence != "" {
		text += ": " + sentence
	}
	if rest := r.Rules[1:]; len(rest) > 0 {
		text += " (also " + strings.Join(rest, ", ") + ")"
	}
	return oneLine(text)
}

// comparison tells what was wanted, then what was got, with both accounts.
func (r Result) comparison() string {
	return oneLine(r.Expected.words() + "; got " + r.Observed.words() +
		" (client " + r.Client.words() + "; server " + r.Server.words() + ")")
}

func (b Behaviour) words() string {
	words := map[string]string{
		"": "nothing that can be told", "accept": "accepted", "refuse": "refused", "not-started": "not started",
		"plaintext": "plaintext",
	}[b.Outcome]
	if b.By != "" {
		words += " by the " + b.By
	}
	if b.Check != "" {
		words += " for " + alternatives(b.Check)
	}
	if b.Identity != "" {
		words += " as " + b.Identity
	}
	return words
}

func (a Account) words() string {
	if a.Claim == "" && a.Phase == "" && a.AlertReceived == "" {
		return "silent"
	}
	words := cmp.Or(a.Claim, "says nothing")
	if a.Phase != "" {
		words += " in " + a.Phase
	}
	if a.Failed != "" {
		words += " for " + alternatives(a.Failed)
	}
	if a.AlertReceived != "" {
		words += ", got alert " + a.AlertReceived
	}
	return words
}

func alternatives(checks string) string { return strings.ReplaceAll(checks, "|", " or ") }

// command returns the command line that runs the cases of a report again whose IDs a glob matches.
func (r *Report) command(glob string, o Options) string {
	profile := ""
	if r.Profile != defaultProfile {
		profile = " --profile " + quoted(r.Profile)
	}
	return "tlsconform run --target " + quoted(cmp.Or(o.Target, r.Target.Name)) + " --launch " + quoted(r.Target.Launch) + profile +
		" --select '" + glob + "'"
}

// defaultProfile is the profile that a command takes which names none.
const defaultProfile = "core"

// quoted quotes a word for a POSIX shell where it needs it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./:@%+=,", r))
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(oneLine(word), "'", `'\''`) + "'"
}

// oneLine makes one line of a text, with nothing in it that could steer a terminal: the words may come from a
// component's log or from a certificate.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, strings.TrimSpace(text))
}
