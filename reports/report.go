package reports

// SchemaVersion is the version of the report's schema. Any new, changed or dropped field raises it.
const SchemaVersion = 1

// Verdict is what the judge said of a case.
type Verdict string

// The verdicts.
const (
	// Conforms: what happened is what was expected.
	Conforms Verdict = "conforms"
	// Deviates: something else happened.
	Deviates Verdict = "deviates"
	// Unproven: only one side's account could be had.
	Unproven Verdict = "unproven"
	// Skipped: the case can't run here.
	Skipped Verdict = "skipped"
	// Broken: something on our side, or around the subject, prevented the observation.
	Broken Verdict = "broken"
)

// Level says how much a case binds.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
	// Obs records what an implementation does today.
	Obs Level = "OBS"
)

// Claim is what may be said of an implementation after a run.
type Claim string

// The claims.
const (
	// Conformant: every case of the set was judged, and each MUST and SHOULD conforms.
	Conformant Claim = "conformant"
	// ConformantWithDeviations: every case of the set was judged; what deviates is known, or a SHOULD.
	ConformantWithDeviations Claim = "conformant-with-deviations"
	// Incomplete: not every case of the set was judged, and no MUST was seen to deviate unknown.
	Incomplete Claim = "incomplete"
	// Nonconformant: a MUST deviates and is no known deviation.
	Nonconformant Claim = "nonconformant"
)

// Stop says why a run ended before it had tried everything that was selected.
type Stop string

// The reasons to stop early.
const (
	Interrupted Stop = "interrupted"
	BudgetSpent Stop = "budget"
	// FirstFailure: the run was to stop at the first result that fails.
	FirstFailure Stop = "first-failure"
)

// Report is the result of one run.
type Report struct {
	// SchemaVersion is filled in by Conclude.
	SchemaVersion int   `json:"schemaVersion"`
	Suite         Suite `json:"suite"`
	// Claim is filled in by Conclude.
	Claim Claim `json:"claim"`
	// Profile and Strategy name which cases were due.
	Profile  string `json:"profile"`
	Strategy string `json:"strategy"`
	// Coverage tells, for each link, which share of the pairs and triples that can be seen was covered.
	Coverage map[string]Coverage `json:"coverage"`
	Target   Target              `json:"target"`
	// Summary is filled in by Conclude.
	Summary Summary `json:"summary"`
	// DurationMillis is how long the run took, in milliseconds.
	DurationMillis int64 `json:"durationMillis"`
	// Starts counts the starts of components.
	Starts int `json:"starts"`
	// PeakMemory is by how many octets more of the machine's memory was in use at the peak of the run than before it; 0 if
	// that is not known.
	PeakMemory int64 `json:"peakMemory,omitempty"`
	// Stopped is set if the run ended early.
	Stopped Stop `json:"stopped,omitempty"`
	// Results holds one result for each case that was selected, by ID.
	Results []Result `json:"results"`
	// Inapplicable lists the cases that can't apply to these versions and so are not due.
	Inapplicable []Inapplicable `json:"inapplicable"`
	// StaleDeviations lists the known deviations that no longer hold.
	StaleDeviations []StaleDeviation `json:"staleDeviations"`
	// Migration says which orders of a migration keep the connection; nil if no case poses its states.
	Migration *Migration `json:"migration,omitempty"`
}

// Suite says which suite, and which cases of it, a report is about.
type Suite struct {
	Version string `json:"version"`
	// CaseSetDigest is the [Digest] of the IDs of all cases due for the target, whatever was selected of them.
	CaseSetDigest string `json:"caseSetDigest"`
	// Cases counts the cases due.
	Cases int `json:"cases"`
}

// Coverage is the share, from 0 to 1, of the combinations of two and of three factors that can be seen. The factors are
// mode, client variant, server variant, version and subject.
type Coverage struct {
	TwoWay   float64 `json:"twoWay"`
	ThreeWay float64 `json:"threeWay"`
	// Constraints say in sentences which combinations cannot be seen.
	Constraints []string `json:"constraints"`
}

// Target says what was judged.
type Target struct {
	Name string `json:"name"`
	// Launch is the launcher's name: "in-process", "process" or "container".
	Launch     string      `json:"launch"`
	Components []Component `json:"components"`
}

// Component is one program of a target.
type Component struct {
	// Role is the component that it stands for, as in "typha".
	Role string `json:"role"`
	// Implementation is which build plays the role, as in "reference" or "calico-v3.31.0".
	Implementation string `json:"implementation"`
	Version        string `json:"version,omitempty"`
	// Go is the toolchain that built it, as in "go1.24.9"; "" if unknown.
	Go string `json:"go,omitempty"`
	// Digest is "sha256:…" of the binary or image; "" if there is none.
	Digest string `json:"digest,omitempty"`
	// Way is how it was obtained: "reference", "build", "image", "binary" or "endpoint".
	Way string `json:"way"`
}

// Summary counts the results. Each result is counted once: Deviates leaves the known deviations out.
type Summary struct {
	Conforms        int `json:"conforms"`
	Deviates        int `json:"deviates"`
	Unproven        int `json:"unproven"`
	Skipped         int `json:"skipped"`
	Broken          int `json:"broken"`
	KnownDeviations int `json:"knownDeviations"`
}

// Result is what became of one case.
type Result struct {
	// ID is the case's ID. Link, Mode and Subject repeat its first three parts.
	ID      string `json:"id"`
	Link    string `json:"link"`
	Mode    string `json:"mode"`
	Subject string `json:"subject"`
	// Rules are the IDs of the rules that the case decides, the most telling first.
	Rules    []string  `json:"rules"`
	Level    Level     `json:"level"`
	Expected Behaviour `json:"expected"`
	Observed Behaviour `json:"observed"`
	// Evidence is "both" or "wire"; "" where nothing was proven.
	Evidence string  `json:"evidence,omitempty"`
	Client   Account `json:"client"`
	Server   Account `json:"server"`
	// Aftermath is what the subject did after it refused, was refused or did not start; nil where that was not watched.
	Aftermath *Aftermath `json:"aftermath,omitempty"`
	Outcome   Verdict    `json:"outcome"`
	// Why is the verdict's explanation in one sentence; for a skipped case the reason.
	Why string `json:"why"`
	// KnownDeviation is the reason on record if the case deviates as it is known to; else "".
	KnownDeviation string `json:"knownDeviation,omitempty"`
	DurationMillis int64  `json:"durationMillis"`
}

// Aftermath is what a subject did once a case was decided.
type Aftermath struct {
	// Connections are those that it made, in WindowMillis milliseconds.
	Connections  int   `json:"connections"`
	WindowMillis int64 `json:"windowMillis"`
	// Ready is what it said last of whether it is ready: "ready", "not ready" or "no answer"; "" if it was not asked.
	Ready string `json:"ready,omitempty"`
	// ExitCode is the code with which it ended by itself; nil if it ran on.
	ExitCode *int `json:"exitCode,omitempty"`
}

// Behaviour is what becomes, or became, of a case.
type Behaviour struct {
	// Outcome is "accept", "refuse", "not-started" or "plaintext"; "" if it could not be told.
	Outcome string `json:"outcome,omitempty"`
	// By is the side that refuses: "client" or "server".
	By string `json:"by,omitempty"`
	// Check is the check that fails; several, joined by "|", where they look alike.
	Check string `json:"check,omitempty"`
	// Identity is whom the subject takes its peer for.
	Identity string `json:"identity,omitempty"`
}

// Account is what one side says of a connection. A side that says nothing leaves it empty.
type Account struct {
	// Phase is where the connection ended: "dial", "handshake" or "application".
	Phase string `json:"phase,omitempty"`
	// Claim is "accepted", "refused", "was-refused" or "failed".
	Claim string `json:"claim,omitempty"`
	// Failed is the check that failed by this side's words; several, joined by "|", where they look alike.
	Failed string `json:"failed,omitempty"`
	// AlertReceived is the name of the alert that the other side sent, as in "bad_certificate".
	AlertReceived string   `json:"alertReceived,omitempty"`
	Error         string   `json:"error,omitempty"`
	Log           []string `json:"log,omitempty"`
}

// Inapplicable is a case that can't apply.
type Inapplicable struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// StaleDeviation is a known deviation that no longer holds.
type StaleDeviation struct {
	// Cases is the glob of case IDs on record.
	Cases string `json:"cases"`
	// Reason says why it is stale: what conforms now, or that it matches no case.
	Reason string `json:"reason"`
}
