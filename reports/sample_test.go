package reports

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var sentences = map[string]string{
	"IDENT-01": "A leaf whose Common Name is the one required is accepted.",
	"IDENT-02": "A leaf with another Common Name is refused.",
	"IDENT-16": "Of several Common Names the last one counts.",
	"IDENT-47": "A leaf that has expired or is not yet valid is refused.",
	"IDENT-49": "A client's leaf must allow client authentication.",
	"TYPHA-19": "The reason of a refusal is logged with the client's address.",
}

func sentence(rule string, _ Level) string { return sentences[rule] }

func source(rule string) []string { return []string{"page 1/" + rule, "RFC 8446 section 4.4"} }

// accepted is a result that conforms: both sides exchanged data.
func accepted(id string) Result {
	parts := strings.Split(id, "/")
	return Result{
		ID: id, Link: parts[0], Mode: parts[1], Subject: parts[2],
		Rules: []string{"IDENT-01"}, Level: Must,
		Expected: Behaviour{Outcome: "accept", Identity: "typha-client"},
		Observed: Behaviour{Outcome: "accept", Identity: "typha-client"},
		Evidence: "both",
		Client:   Account{Phase: "application", Claim: "accepted"},
		Server:   Account{Phase: "application", Claim: "accepted", Log: []string{"Received Hello message from client."}},
		Outcome:  Conforms, Why: "Accepted by both sides, as IDENT-01 asks.", DurationMillis: 12,
	}
}

// refused is a result that conforms: the server refused the client for a check.
func refused(id, check string) Result {
	r := accepted(id)
	r.Rules = []string{"IDENT-47", "TYPHA-19"}
	r.Expected = Behaviour{Outcome: "refuse", By: "server", Check: check}
	r.Observed = r.Expected
	r.Client = Account{
		Phase: "handshake", Claim: "was-refused", AlertReceived: "bad_certificate",
		Error: "remote error: tls: bad certificate",
	}
	r.Server = Account{
		Phase: "handshake", Claim: "refused", Failed: check,
		Error: "tls: failed to verify certificate", Log: []string{"Failed to read from client", "", "<closed> & gone"},
	}
	r.Why = "Refused by the server for " + check + ", as IDENT-47 asks."
	return r
}

func with(r Result, outcome Verdict, level Level, why string) Result {
	r.Outcome, r.Level, r.Why = outcome, level, why
	return r
}

// sample is a concluded report that holds every verdict at each level that matters, and uses every field.
func sample() *Report {
	const cn, uri = "felix-typha/cn/typha/", "felix-typha/uri-san/typha/"
	r := &Report{
		Suite:   Suite{Version: "0.3.0"},
		Profile: "core", Strategy: "core",
		Coverage: map[string]Coverage{"felix-typha": {TwoWay: 0.875, ThreeWay: 0.5, Constraints: []string{"neither end speaks plaintext"}}, "etcd": {}},
		Target: Target{Name: "calico-v3.31.0", Launch: "container", Components: []Component{
			{
				Role: "typha", Implementation: "calico-v3.31.0", Version: "v3.31.0", Go: "go1.24.9",
				Digest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Way: "build",
			},
			{Role: "felix", Implementation: "reference", Way: "reference"},
		}},
		DurationMillis: 83_456, Starts: 3, PeakMemory: 700 << 20,
		Results: []Result{
			accepted(cn + "client=good/server=good/tls1.3"),
			accepted(cn + "client=good/server=good/tls1.2"),
			refused(cn+"client=expired/server=good/tls1.2", "validity"),
			deviating(cn + "client=expired/server=good/tls1.3"),
			refused(cn+"client=cn-other/server=good/tls1.3", "chain|identity"),
			accepted("felix-typha/cn-or-uri-san/typha/client=good/server=good/tls1.3"),
			{
				ID: uri + "client=none/server=good/tls1.3", Link: "felix-typha", Mode: "uri-san", Subject: "typha",
				Rules: []string{"TYPHA-02"}, Level: Must, Expected: Behaviour{Outcome: "refuse", By: "server", Check: "presence"},
				Outcome: Broken, Why: "Typha ended before the connection was made: exit code 137.",
			},
			{
				ID: uri + "client=good/server=good/tls1.2", Link: "felix-typha", Mode: "uri-san", Subject: "typha",
				Rules: []string{}, Level: Must, Expected: Behaviour{Outcome: "accept"},
				Client: Account{Phase: "application", Claim: "accepted"}, Outcome: Unproven,
				Why: "No log line of the server could be matched to the connection.", DurationMillis: 4,
			},
			with(refused(uri+"client=revoked/server=good/tls1.3", "validity"), Skipped, Must, "Needs an authority of our own."),
		},
		Inapplicable: []Inapplicable{
			{ID: uri + "client=good/server=good/tls1.3/setting=min-version", Reason: "needs Typha v3.32.0 or later"},
			{ID: cn + "client=good/server=good/tls1.2/setting=min-version", Reason: "needs Typha v3.32.0 or later"},
		},
		StaleDeviations: []StaleDeviation{
			{Cases: "felix-typha/cn/typha/client=wildcard/**", Reason: "matches no case"},
			{Cases: "felix-typha/cn/felix/**", Reason: "felix-typha/cn/felix/client=good/server=good/tls1.3 conforms now"},
		},
	}
	r.Results = append(r.Results, deviations(cn)...)
	r.Migration = halfway(cn + "client=expired/server=good/tls1.2")
	r.Conclude(append(r.IDs(), cn+"client=not-run/server=good/tls1.3"))
	return r
}

func deviating(id string) Result {
	r := with(refused(id, "validity"), Deviates, Must, "Wanted a refusal by the server for validity, got an acceptance.")
	r.Observed = Behaviour{Outcome: "accept", Identity: "typha-client"}
	r.Client, r.Server = accepted(id).Client, accepted(id).Server
	r.Evidence = "wire"
	return r
}

func deviations(cn string) []Result {
	should := with(deviating(cn+"client=two-uris/server=good/tls1.3"), Deviates, Should, "Accepted a leaf with two URIs.")
	obs := with(deviating(cn+"client=two-cns/server=good/tls1.3"), Deviates, Obs, "Accepted for the first Common Name.")
	obs.Rules = []string{"IDENT-16"}
	may := with(deviating(cn+"client=skewed/server=good/tls1.3"), Deviates, May, "Accepted two seconds after the end.")
	known := deviating(cn + "client=weak-key/server=good/tls1.3")
	known.KnownDeviation = "accepts RSA keys of 1024 bits; see the upstream issue"
	silent := with(deviating(cn+"client=silent/server=good/tls1.3/conduct=stays-silent"), Deviates, Must, "The server took another side.")
	silent.Observed = Behaviour{Outcome: "refuse", By: "client"}
	plain := deviating(cn + "client=good/server=good/plaintext/setting=unset-CAFile")
	plain.Expected = Behaviour{Outcome: "not-started"}
	plain.Observed = Behaviour{Outcome: "plaintext"}
	code := 1
	plain.Aftermath = &Aftermath{Connections: 6, WindowMillis: 700, Ready: "not ready", ExitCode: &code}
	return []Result{should, obs, may, known, silent, plain}
}

// crowd is a report in which every one of n cases deviates in a way of its own.
func crowd(n int) *Report {
	r := sample()
	r.Results, r.StaleDeviations, r.Inapplicable, r.Migration = nil, nil, nil, nil
	for i := range n {
		x := deviating(fmt.Sprintf("felix-typha/cn/typha/client=v%03d/server=good/tls1.3", i))
		x.Expected.Check = fmt.Sprintf("validity-%d", i)
		r.Results = append(r.Results, x)
	}
	r.Conclude(r.IDs())
	return r
}

// clean is a report of a run as one wishes it.
func clean() *Report {
	r := sample()
	r.Results = slices.DeleteFunc(r.Results, func(x Result) bool { return x.Outcome != Conforms })
	r.StaleDeviations, r.Inapplicable, r.Migration, r.Target.Components[0].Go = nil, nil, nil, ""
	r.Conclude(r.IDs())
	return r
}

func written(t *testing.T, r *Report) []byte {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatalf("writing the report: %v", err)
	}
	return []byte(b.String())
}
