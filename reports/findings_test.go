package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Results that are unexpected in the same way stand together only where no case that conforms is like them.
func TestFindings(t *testing.T) {
	const at = "felix-typha/cn/typha/"
	r := clean()
	r.Results = nil
	add := func(x Result) { r.Results = append(r.Results, x) }
	for _, version := range []string{"tls1.2", "tls1.3"} {
		add(accepted(at + "client=good/server=good/" + version))
		add(deviating(at + "client=expired/server=good/" + version))
		add(deviating("felix-typha/uri-san/typha/client=expired/server=good/" + version))
		add(with(deviating(at+"client=two-uris/server=good/"+version), Deviates, Should, "Accepted."))
		broken := with(accepted(at+"client=none/server=good/"+version), Broken, Must, "Exit code "+version+".")
		broken.Observed, broken.Evidence = Behaviour{}, ""
		add(broken)
	}
	add(deviating(at + "client=skewed/server=good/tls1.2"))
	add(refused(at+"client=skewed/server=good/tls1.3", "validity"))
	other := deviating(at + "client=other/server=good/tls1.3")
	other.Expected.Check = "identity"
	add(other)
	r.Conclude(r.IDs())
	var found []string
	for _, x := range findings(r, Options{}) {
		found = append(found, fmt.Sprintf("%s %s: %s", x.title(), x.first.verdict(Options{}), x.first.Expected.words()))
	}
	want := []string{
		"all 4 cases with client=expired on typha deviates (MUST): refused by the server for validity",
		at + "client=other/server=good/tls1.3 deviates (MUST): refused by the server for identity",
		at + "client=skewed/server=good/tls1.2 deviates (MUST): refused by the server for validity",
		"all 2 cases with client=none on typha broken (MUST): accepted as typha-client",
		"all 2 cases with client=two-uris on typha deviates (SHOULD, a warning): refused by the server for validity",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the findings differ (-want +got):\n%s", diff)
	}
}

// The document names the very file that is submitted beside it.
func TestConformanceNamesTheReport(t *testing.T) {
	hash := sha256.Sum256(written(t, sample()))
	if got := string(rendered(t, "conformance", sample(), Options{})); !strings.Contains(got, "`sha256:"+hex.EncodeToString(hash[:])+"`") {
		t.Errorf("found no digest of the report in\n%s", got)
	}
}
