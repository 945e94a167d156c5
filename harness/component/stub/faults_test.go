package stub_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds, for each fault, what of a survey ends otherwise than with the reference: all of it, and nothing else.
const golden = "testdata/faults.golden"

func TestFaultsAreSeen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("thousands of handshakes")
	}
	sides := []handshake.Side{handshake.Server, handshake.Client}
	found := make([]strings.Builder, len(sides))
	t.Run("sides", func(t *testing.T) {
		for i, side := range sides {
			t.Run(string(side), func(t *testing.T) {
				t.Parallel()
				reference := survey(t, side, "")
				for _, f := range stub.Faults {
					if f.Breaks.By(side) == "" {
						continue
					}
					changed := differ(reference, survey(t, side, f.Name))
					if len(changed) == 0 {
						t.Errorf("wanted the fault %s to change an outcome, found that it changes none", f.Name)
					}
					fmt.Fprintf(&found[i], "%s %s\n", side, f.Name)
					for _, outcome := range slices.Sorted(maps.Keys(changed)) {
						fmt.Fprintf(&found[i], "\t%s:\n\t\t%s\n", outcome, strings.Join(changed[outcome], "\n\t\t"))
					}
				}
			})
		}
	})
	got := found[0].String() + found[1].String()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("wanted what %s says -, found +; go test -run %s -update writes it anew:\n%s", golden, t.Name(), d)
	}
}

// differ returns what ends otherwise than with the reference, by how it ends.
func differ(reference, faulty map[string]string) map[string][]string {
	changed := map[string][]string{}
	for _, what := range slices.Sorted(maps.Keys(faulty)) {
		if outcome := faulty[what]; outcome != reference[what] {
			changed[outcome] = append(changed[outcome], what)
		}
	}
	return changed
}

// modes are the verifiers of a survey: a variant is posed to those that ask for what it is about.
var modes = map[string]pki.Touched{"cn": pki.TouchesCN, "uri": pki.TouchesURI, "either": pki.TouchesBoth}

// survey returns what becomes of each variant, and of what is no TLS or an old one, with a stub that has a fault.
func survey(t *testing.T, side handshake.Side, fault string) map[string]string {
	t.Helper()
	outcomes := map[string]string{}
	for mode, touched := range modes {
		if side == handshake.Server {
			maps.Copy(outcomes, surveyTypha(t, mode, touched, fault))
		} else {
			maps.Copy(outcomes, surveyFelix(t, mode, touched, fault))
		}
	}
	return outcomes
}

func surveyTypha(t *testing.T, mode string, touched pki.Touched, fault string) map[string]string {
	t.Helper()
	s := settings(t, pki.Server, asks(touched, identity(pki.Client)))
	s[stub.FaultSetting] = fault
	s["TYPHA_SERVERHANDSHAKETIMEOUTSECS"] = "1"
	s["TYPHA_PROMETHEUSMETRICSENABLED"], s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"] = "true", "127.0.0.1", freePort(t)
	r := typha(t, s)
	outcomes := map[string]string{}
	for _, v := range posed(touched, pki.Client) {
		for _, version := range surveyed(v) {
			client, server := r.probe(t, attempt(t, pki.Client, v.Name, version))
			outcomes[strings.Join([]string{mode, v.Name, string(version)}, "/")] = sum(client, server)
		}
	}
	if mode != "cn" {
		return outcomes
	}
	outcomes["streaming in the end"] = streaming(t, s, "0")
	for _, version := range []link.Version{link.TLS11, link.Clear} {
		client, server := r.probe(t, attempt(t, pki.Client, "good", version))
		outcomes[string(version)] = sum(client, server)
	}
	for conduct, variant := range map[string]string{"offer-all": "good", "withhold": "other-authority", "idle-first": "good"} {
		a := attempt(t, pki.Client, variant, link.TLS13)
		a.Conduct = conduct
		client, server := r.probe(t, a)
		outcomes[conduct] = sum(client, server) + " " + client.Version
	}
	for _, suite := range []string{"suite-ecdhe-ecdsa-with-rc4-128-sha", "suite-ecdhe-ecdsa-with-aes-128-cbc-sha256", "suite-ecdhe-ecdsa-with-aes-128-ccm"} {
		a := attempt(t, pki.Client, "good", link.TLS12)
		a.Conduct = suite
		client, server := r.probe(t, a)
		outcomes[suite] = sum(client, server)
	}
	s["TYPHA_CAFILE"] += ".missing"
	s["TYPHA_PROMETHEUSMETRICSENABLED"] = "false"
	outcomes["a file missing"] = starts(t, stub.RunTypha, stub.Typha().Reader, s)
	return outcomes
}

func surveyFelix(t *testing.T, mode string, touched pki.Touched, fault string) map[string]string {
	t.Helper()
	s := settings(t, pki.Client, asks(touched, identity(pki.Server)))
	s[stub.FaultSetting] = fault
	r, l := felix(t, s)
	outcomes := map[string]string{}
	for _, v := range posed(touched, pki.Server) {
		for _, version := range surveyed(v) {
			client, server := r.serve(t, l, attempt(t, pki.Server, v.Name, version))
			outcomes[strings.Join([]string{mode, v.Name, string(version)}, "/")] = sum(client, server)
		}
	}
	if mode != "cn" {
		return outcomes
	}
	// Who falls back to plaintext dials again to do so.
	for _, version := range []link.Version{link.TLS11, link.Clear, link.Clear} {
		client, server := r.serve(t, l, attempt(t, pki.Server, "good", version))
		outcomes[string(version)] = sum(client, server)
	}
	for _, conduct := range []string{"hello", "hello-suites", "suite-unoffered", "renegotiate", "old-hello"} {
		a := attempt(t, pki.Server, "good", link.TLS12)
		a.Conduct = conduct
		client, server := r.serve(t, l, a)
		outcomes[conduct] = sum(client, server)
	}
	s["FELIX_TYPHACAFILE"] += ".missing"
	outcomes["a file missing"] = starts(t, stub.RunFelix, stub.Felix().Reader, s)
	return outcomes
}

// posed are the variants of a survey: not those of keys, which are slow and with which no fault has to do; for the names
// those that are about the names asked, and where both are asked the plainest of those about one.
func posed(touched pki.Touched, role pki.Role) []pki.Variant {
	plain := []string{"cn-other", "cn-absent", "uri-other", "uri-absent"}
	return slices.DeleteFunc(slices.Clone(pki.Variants), func(v pki.Variant) bool {
		switch {
		case strings.HasPrefix(v.Name, "key-"), strings.HasPrefix(v.Name, "issuer-") && v.Breaks == "", v.Name == "operator-shape", v.Name == "none" && role == pki.Server:
			return true
		case v.Touches == pki.TouchesNone:
			return touched != pki.TouchesBoth
		}
		return v.Touches != touched && (touched != pki.TouchesBoth || !slices.Contains(plain, v.Name))
	})
}

// surveyed are the versions in which a variant is posed: both only where they differ.
func surveyed(v pki.Variant) []link.Version {
	if slices.Contains([]string{"good", "none", "other-authority", "expired", "eku-other-role", "id-other"}, v.Name) {
		return versions(v)
	}
	return []link.Version{link.TLS13}
}

// starts says whether a stub starts, or what becomes of it.
func starts(t *testing.T, run func(context.Context, map[string]string, io.Writer) int, r *evidence.Reader, s map[string]string) string {
	t.Helper()
	running := start(t, run, r, s)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	line, err := running.log.Wait(ctx, r.Ready)
	if err == nil {
		return "it starts: " + line[strings.Index(line, "tls="):]
	}
	code := <-running.done
	running.done <- code
	return fmt.Sprintf("exit code %d", code)
}

// streaming reads from a stub Typha's metrics how many clients it serves, until that is as wanted or time is up.
func streaming(t *testing.T, s map[string]string, wanted string) string {
	t.Helper()
	const series = `typha_connections_streaming{syncer="felix"} `
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(time.Second); ; {
		_, rest, _ := strings.Cut(scrape(t, s), series)
		n, _, _ := strings.Cut(rest, "\n")
		if n == wanted {
			return n
		}
		select {
		case <-tick.C:
		case <-over:
			return n
		}
	}
}

// scrape returns a stub Typha's metrics.
func scrape(t *testing.T, s map[string]string) string {
	t.Helper()
	address := net.JoinHostPort(s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"])
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sum says in short what became of a connection.
func sum(client, server handshake.Account) string {
	one := func(a handshake.Account) string {
		words := []string{string(a.Claim)}
		for _, c := range a.Checks {
			words = append(words, string(c))
		}
		words = append(words, strings.Fields(a.AlertReceived.String())...)
		if a.Identity != "" {
			words = append(words, fmt.Sprintf("of %q", a.Identity))
		}
		if a.Octets > 0 {
			words = append(words, "with data")
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprintf("client %s; server %s", one(client), one(server))
}
