package reports

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	verdicts    = []Verdict{Conforms, Deviates, Unproven, Skipped, Broken}
	levels      = []Level{Must, Should, May, Obs}
	claims      = []Claim{Conformant, ConformantWithDeviations, Incomplete, Nonconformant}
	stops       = []Stop{Interrupted, BudgetSpent, FirstFailure}
	ways        = []string{"reference", "build", "image", "binary", "endpoint"}
	outcomes    = []string{"accept", "refuse", "not-started", "plaintext"}
	sides       = []string{"client", "server"}
	evidences   = []string{"both", "wire"}
	readinesses = []string{"ready", "not ready", "no answer"}
	phases      = []string{"dial", "handshake", "application"}
	accounts    = []string{"accepted", "refused", "was-refused", "failed"}
)

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	goForm     = regexp.MustCompile(`^go[0-9]`)
	ruleForm   = regexp.MustCompile(`^[A-Z][A-Z0-9]*-[0-9]+$`)
	checkForm  = regexp.MustCompile(`^[a-z][a-z0-9-]*(\|[a-z][a-z0-9-]*)*$`)
	alertForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	idForm     = regexp.MustCompile(strings.ReplaceAll(`^T/T/T/client=T/server=T/T(/[a-z]+=T)*$`, "T", `[A-Za-z0-9][A-Za-z0-9.+-]*`))
)

// checker keeps the first problem found.
type checker struct{ problem error }

func (c *checker) fail(at, format string, args ...any) {
	if c.problem == nil {
		c.problem = fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...))
	}
}

func (c *checker) text(at, value string) {
	switch {
	case value == "":
		c.fail(at, "found nothing, wanted some text")
	case holdsKey(value):
		c.fail(at, "holds a private key")
	}
}

// name checks a text that the target names; a path would be one of this machine.
func (c *checker) name(at, value string) {
	c.text(at, value)
	if strings.HasPrefix(value, "/") {
		c.fail(at, "found the path %q, wanted a name", value)
	}
}

func (c *checker) form(at, value string, form *regexp.Regexp) {
	if !form.MatchString(value) {
		c.fail(at, "found %q, wanted the form %s", value, form)
	}
}

func (c *checker) optionalForm(at, value string, form *regexp.Regexp) {
	if value != "" {
		c.form(at, value, form)
	}
}

func (c *checker) number(at string, value int64) {
	if value < 0 {
		c.fail(at, "found %d, wanted 0 or more", value)
	}
}

func (c *checker) share(at string, value float64) {
	if value >= 0 && value <= 1 {
		return
	}
	c.fail(at, "found %v, wanted 0 to 1", value) // NaN too, which compares with nothing
}

func oneOf[T ~string](c *checker, at string, value T, all []T) {
	if !slices.Contains(all, value) {
		c.fail(at, "found %q, wanted one of %q", value, all)
	}
}

func optionalOneOf[T ~string](c *checker, at string, value T, all []T) {
	if value != "" {
		oneOf(c, at, value, all)
	}
}

// check returns what is wrong with a report that is about to be published, or was read.
func (r *Report) check() error {
	var c checker
	r.checkHead(&c)
	for i, result := range r.Results {
		result.check(&c, fmt.Sprintf("results[%d]", i))
	}
	r.checkLists(&c)
	if r.Migration != nil {
		r.Migration.check(&c, r.Results)
	}
	if c.problem == nil {
		c.problem = r.inOrder()
	}
	if found, wanted := r.Summary, Summarise(r.Results); found != wanted {
		c.fail("summary", "found %+v, wanted %+v, as the results count", found, wanted)
	}
	if found, wanted := r.Claim, r.DeriveClaim(); found != wanted {
		c.fail("claim", "found %q, wanted %q, as the results say", found, wanted)
	}
	return c.problem
}

func (r *Report) checkHead(c *checker) {
	if r.SchemaVersion != SchemaVersion {
		c.fail("schemaVersion", "found %d, wanted %d", r.SchemaVersion, SchemaVersion)
	}
	c.text("suite.version", r.Suite.Version)
	c.form("suite.caseSetDigest", r.Suite.CaseSetDigest, digestForm)
	c.number("suite.cases", int64(r.Suite.Cases))
	oneOf(c, "claim", r.Claim, claims)
	c.text("profile", r.Profile)
	c.text("strategy", r.Strategy)
	for _, link := range slices.Sorted(maps.Keys(r.Coverage)) {
		coverage := r.Coverage[link]
		c.share("coverage."+link+".twoWay", coverage.TwoWay)
		c.share("coverage."+link+".threeWay", coverage.ThreeWay)
		if coverage.Constraints == nil {
			c.fail("coverage."+link+".constraints", "found null in the place of a list")
		}
		for i, constraint := range coverage.Constraints {
			c.text(fmt.Sprintf("coverage.%s.constraints[%d]", link, i), constraint)
		}
	}
	c.name("target.name", r.Target.Name)
	c.text("target.launch", r.Target.Launch)
	for i, component := range r.Target.Components {
		component.check(c, fmt.Sprintf("target.components[%d]", i))
	}
	c.number("durationMillis", r.DurationMillis)
	c.number("starts", int64(r.Starts))
	c.number("peakMemory", r.PeakMemory)
	optionalOneOf(c, "stopped", r.Stopped, stops)
}

func (p Component) check(c *checker, at string) {
	c.name(at+".role", p.Role)
	c.name(at+".implementation", p.Implementation)
	if p.Version != "" {
		c.name(at+".version", p.Version)
	}
	c.optionalForm(at+".go", p.Go, goForm)
	c.optionalForm(at+".digest", p.Digest, digestForm)
	oneOf(c, at+".way", p.Way, ways)
}

func (r Result) check(c *checker, at string) {
	c.form(at+".id", r.ID, idForm)
	at += " (" + r.ID + ")"
	if found := strings.Join([]string{r.Link, r.Mode, r.Subject}, "/") + "/"; !strings.HasPrefix(r.ID, found) {
		c.fail(at, "found link, mode and subject %q, wanted those of the ID", found)
	}
	if r.Rules == nil {
		c.fail(at+".rules", "found null, wanted a list")
	}
	for i, rule := range r.Rules {
		c.form(fmt.Sprintf("%s.rules[%d]", at, i), rule, ruleForm)
	}
	oneOf(c, at+".level", r.Level, levels)
	oneOf(c, at+".expected.outcome", r.Expected.Outcome, outcomes)
	r.Expected.check(c, at+".expected")
	r.Observed.check(c, at+".observed")
	if r.Expected.Outcome == "refuse" && r.Expected.By == "" {
		c.fail(at+".expected.by", "found nothing, wanted who is to refuse")
	}
	optionalOneOf(c, at+".evidence", r.Evidence, evidences)
	if r.Aftermath != nil {
		optionalOneOf(c, at+".aftermath.ready", r.Aftermath.Ready, readinesses)
	}
	r.Client.check(c, at+".client")
	r.Server.check(c, at+".server")
	oneOf(c, at+".outcome", r.Outcome, verdicts)
	if r.Outcome == Conforms {
		r.checkProof(c, at)
	}
	c.text(at+".why", r.Why)
	if r.KnownDeviation != "" {
		c.text(at+".knownDeviation", r.KnownDeviation)
		if r.Outcome != Deviates {
			c.fail(at+".knownDeviation", "found outcome %q, wanted %q", r.Outcome, Deviates)
		}
	}
	c.number(at+".durationMillis", r.DurationMillis)
}

// checkProof asks for what no pass goes without: evidence, and that what was seen is what was expected, from the same
// side.
func (r Result) checkProof(c *checker, at string) {
	if r.Evidence == "" {
		c.fail(at+".evidence", "found nothing, wanted the evidence of a case that conforms")
	}
	if found, wanted := r.Observed.Outcome, r.Expected.Outcome; found != wanted {
		c.fail(at+".observed.outcome", "found %q in a case that conforms, wanted %q as expected", found, wanted)
	}
	if found, wanted := r.Observed.By, r.Expected.By; r.Expected.Outcome == "refuse" && found != wanted {
		c.fail(at+".observed.by", "found %q in a case that conforms, wanted %q as expected", found, wanted)
	}
}

func (b Behaviour) check(c *checker, at string) {
	optionalOneOf(c, at+".outcome", b.Outcome, outcomes)
	optionalOneOf(c, at+".by", b.By, sides)
	c.optionalForm(at+".check", b.Check, checkForm)
	if b.Identity != "" {
		c.text(at+".identity", b.Identity)
	}
}

func (a Account) check(c *checker, at string) {
	optionalOneOf(c, at+".phase", a.Phase, phases)
	optionalOneOf(c, at+".claim", a.Claim, accounts)
	c.optionalForm(at+".failed", a.Failed, checkForm)
	c.optionalForm(at+".alertReceived", a.AlertReceived, alertForm)
	if a.Error != "" {
		c.text(at+".error", a.Error)
	}
	for i, line := range a.Log {
		if holdsKey(line) {
			c.fail(fmt.Sprintf("%s.log[%d]", at, i), "holds a private key")
		}
	}
}

func (r *Report) checkLists(c *checker) {
	if r.Coverage == nil || r.Target.Components == nil || r.Results == nil || r.Inapplicable == nil || r.StaleDeviations == nil {
		c.fail("report", "found null in the place of a list or of coverage")
	}
	ran := make(map[string]bool, len(r.Results))
	for _, result := range r.Results {
		ran[result.ID] = true
	}
	for i, inapplicable := range r.Inapplicable {
		at := fmt.Sprintf("inapplicable[%d]", i)
		c.form(at+".id", inapplicable.ID, idForm)
		c.text(at+".reason", inapplicable.Reason)
		if ran[inapplicable.ID] {
			c.fail(at+".id", "found %s, which has a result", inapplicable.ID)
		}
	}
	for i, stale := range r.StaleDeviations {
		at := fmt.Sprintf("staleDeviations[%d]", i)
		c.text(at+".cases", stale.Cases)
		c.text(at+".reason", stale.Reason)
	}
}

// inOrder asks whether the lists are sorted and no case has two results.
func (r *Report) inOrder() error {
	for i := 1; i < len(r.Results); i++ {
		switch before, id := r.Results[i-1].ID, r.Results[i].ID; {
		case before == id:
			return fmt.Errorf("results[%d].id: found a second result for %s", i, id)
		case before > id:
			return fmt.Errorf("results[%d].id: found %s after %s, wanted the results sorted by ID", i, id, before)
		}
	}
	switch {
	case !slices.IsSortedFunc(r.Target.Components, compareComponents):
		return errors.New("target.components: found out of order, wanted them sorted by role")
	case !slices.IsSortedFunc(r.Inapplicable, compareInapplicable):
		return errors.New("inapplicable: found out of order, wanted them sorted by ID")
	case !slices.IsSortedFunc(r.StaleDeviations, compareStale):
		return errors.New("staleDeviations: found out of order, wanted them sorted by glob")
	}
	return nil
}
