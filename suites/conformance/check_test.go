package conformance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/reports"
)

// TestGoodPairs: each subject meets one good peer on each of its links, where the link's server runs as it is taken to.
func TestGoodPairs(t *testing.T) {
	t.Parallel()
	r, err := Load(Options{Target: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{
		"etcd/mutual-tls/calicoctl/client=good/server=good/tls1.3",
		"etcd/mutual-tls/etcd/client=good/server=good/tls1.3",
		"etcd/mutual-tls/felix/client=good/server=good/tls1.3",
		"etcd/mutual-tls/kube-apiserver/client=good/server=good/tls1.3",
		"etcd/mutual-tls/typha/client=good/server=good/tls1.3",
		"felix-typha/cn/felix/client=good/server=good/tls1.3",
		"felix-typha/cn/typha-client/client=good/server=good/tls1.3",
		"felix-typha/cn/typha/client=good/server=good/tls1.3",
		"kube-apiserver/x509/calicoctl/client=good/server=good/tls1.3",
		"kube-apiserver/x509/felix/client=good/server=good/tls1.3",
		"kube-apiserver/x509/kube-apiserver/client=good/server=good/tls1.3",
		"kube-apiserver/x509/typha/client=good/server=good/tls1.3",
	}
	if diff := cmp.Diff(wanted, ids(r.goodPairs())); diff != "" {
		t.Error(diff)
	}
}

func TestCheckupsExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		found  []reports.Verdict
		wanted int
	}{
		{nil, reports.ExitExpected},
		{[]reports.Verdict{reports.Conforms, reports.Conforms}, reports.ExitExpected},
		{[]reports.Verdict{reports.Conforms, reports.Broken}, reports.ExitUnjudged},
		{[]reports.Verdict{reports.Broken, reports.Deviates, reports.Broken}, reports.ExitFailed},
	} {
		var checkup Checkup
		for _, finding := range c.found {
			checkup.Lines = append(checkup.Lines, Checked{Finding: finding})
		}
		if code := checkup.ExitCode(); code != c.wanted {
			t.Errorf("%v: wanted %d, found %d", c.found, c.wanted, code)
		}
	}
}
