package reports_test

import (
	"fmt"
	"os"

	"github.com/calico-tls/conformance/reports"
)

// A run of two cases, one of which deviates, is concluded, rendered and gated.
func Example() {
	due := []string{
		"felix-typha/cn/typha/client=good/server=good/tls1.3",
		"felix-typha/cn/typha/client=expired/server=good/tls1.3",
	}
	data := reports.Account{Phase: "application", Claim: "accepted"}
	report := &reports.Report{
		Suite:    reports.Suite{Version: "1.2.0"},
		Profile:  "core",
		Strategy: "core",
		Target:   reports.Target{Name: "my-distribution-4.2", Launch: "container"},
		Starts:   1,
		Results: []reports.Result{{
			ID: due[0], Link: "felix-typha", Mode: "cn", Subject: "typha", Rules: []string{"IDENT-01"}, Level: reports.Must,
			Expected: reports.Behaviour{Outcome: "accept"}, Observed: reports.Behaviour{Outcome: "accept"},
			Evidence: "both", Client: data, Server: data,
			Outcome: reports.Conforms, Why: "Accepted by both sides.",
		}, {
			ID: due[1], Link: "felix-typha", Mode: "cn", Subject: "typha", Rules: []string{"IDENT-47"}, Level: reports.Must,
			Expected: reports.Behaviour{Outcome: "refuse", By: "server", Check: "validity"},
			Observed: reports.Behaviour{Outcome: "accept"},
			Evidence: "both", Client: data, Server: data,
			Outcome: reports.Deviates, Why: "An expired leaf was accepted.",
		}},
	}
	report.Conclude(due)

	text, err := reports.FormatNamed("text")
	if err != nil {
		panic(err)
	}
	rule := func(string, reports.Level) string { return "An expired leaf is refused." }
	if err := text.Render(os.Stdout, report, reports.Options{Rule: rule}); err != nil {
		panic(err)
	}
	fmt.Println("exit code:", reports.Gate{Selected: due}.ExitCode(report))
	// Output:
	// tlsconform 1.2.0: target my-distribution-4.2 (container), profile core, strategy core
	//
	// link         mode  subject  conforms  deviates  known  unproven  skipped  broken
	// felix-typha  cn    typha    1         1         0      0         0        0
	// all                         1         1         0      0         0        0
	//
	// Unexpected: 1 result
	//
	// felix-typha/cn/typha/client=expired/server=good/tls1.3  deviates (MUST)
	//   rule    IDENT-47: An expired leaf is refused.
	//   wanted  refused by the server for validity; got accepted (client accepted in application; server accepted in application)
	//   why     An expired leaf was accepted.
	//   unlike  felix-typha/cn/typha/client=good/server=good/tls1.3 (client=good instead of client=expired), which conforms
	//   repeat  tlsconform run --target my-distribution-4.2 --launch container --select 'felix-typha/cn/typha/client=expired/server=good/tls1.3'
	//
	// claim: nonconformant
	//   felix-typha/cn/typha/client=expired/server=good/tls1.3 deviates (MUST): An expired leaf was accepted.
	// 2 cases, 1 start, 0s
	// exit code: 1
}

func ExampleDigest() {
	fmt.Println(reports.Digest([]string{"b", "a"}) == reports.Digest([]string{"a", "b"}))
	fmt.Println(reports.Digest([]string{"a", "b"}) == reports.Digest([]string{"a", "b", "b"}))
	// Output:
	// true
	// false
}
