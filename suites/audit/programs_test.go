package audit_test

import (
	"os"
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/suites/conformance"
)

// programs are the faults that are tried in stubs that are programs of their own, each with the cases that are to see it.
var programs = []struct{ subject, fault, cases string }{
	{"typha", "no-client-certificate", "*/cn/typha/client={good,none}/server=good/tls1.{2,3}"},
	{"typha", "skip-chain", "*/cn/typha/client={good,other-authority}/server=good/tls1.{2,3}"},
	{"typha", "skip-eku", "*/cn/typha/client={good,eku-other-role}/server=good/tls1.{2,3}"},
	{"typha", "identity-prefix", "*/cn/typha/client={good,cn-longer}/server=good/tls1.{2,3}"},
	{"typha", "plaintext-fallback", "*/{cn,uri-san}/typha/client=none/server=good/plaintext"},
	{"typha", "starts-anyway", "**/typha/**/setting={unset-CAFile,junk-CAFile}"},
	{"felix", "skip-identity", "*/cn/felix/client=good/server={good,cn-other}/tls1.{2,3}"},
	{"felix", "and-instead-of-or", "*/cn-or-uri-san/felix/client=good/server={good,cn-absent}/tls1.{2,3}"},
	{"felix", "sends-before-verify", "*/cn/felix/client=good/server={good,other-authority}/tls1.{2,3}"},
	{"felix", "skip-validity", "*/cn/felix/client=good/server={good,expired}/tls1.{2,3}"},
}

// TestKillsOfPrograms plants faults into stubs that run as processes, and in containers if an engine answers.
func TestKillsOfPrograms(t *testing.T) {
	if *executable == "" {
		t.Skip("no -tlsconform names the program that has the stubs: make audit does")
	}
	all := trials()
	for _, l := range []string{conformance.LaunchProcess, conformance.LaunchContainer} {
		t.Run(l, func(t *testing.T) {
			if l == conformance.LaunchContainer {
				needEngine(t)
			}
			for _, p := range programs {
				i := slices.IndexFunc(all, func(x trial) bool { return x.subject() == p.subject && x.Name == p.fault })
				if i < 0 {
					t.Fatalf("there is no fault %s of %s", p.fault, p.subject)
				}
				cases, err := matrix.Select(matrix.Core(all[i].link()), p.cases)
				if err != nil {
					t.Fatal(err)
				}
				all[i].try(t, l, cases)
			}
		})
	}
}

// needEngine skips a test where no container engine answers; in CI, where one must, it fails.
func needEngine(t *testing.T) {
	t.Helper()
	switch _, missing := container.Detect(t.Context()); {
	case missing == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("wanted a container engine in CI: %v", missing)
	default:
		t.Skipf("no container engine answers: %v", missing)
	}
}
