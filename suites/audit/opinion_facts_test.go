package audit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// The dimensions in which Calico tries its verifier (typha/pkg/tlsutils/tlsutils_test.go): who signed the leaf and which
// names it has, 27 leaves; whom the verifier trusts and which names it requires, 16 verifiers. All 432 pairs are facts:
// what the verifier makes of each is known.
var (
	factNames   = []string{"", "good", "bad"}
	factSigners = []pki.AuthorityName{pki.Trusted, pki.Second, pki.Untrusted}
	factTrusts  = [][]pki.AuthorityName{nil, {pki.Trusted}, {pki.Second}, {pki.Trusted, pki.Second}}
	factAsks    = []string{"", "good"}
)

// facts are how often Calico's verifier answers what.
var facts = map[string]int{"unknown authority": 288, "accepted": 80, "not the CN": 24, "not the URI SAN": 24, "neither name": 16}

// fact is what Calico's verifier says: it asks for the path first, and requires nothing where no name is given.
func fact(signer pki.AuthorityName, leaf, asked pki.Identity, trusts []pki.AuthorityName) string {
	byCN, byURI := asked.CN != "" && leaf.CN == asked.CN, asked.URISAN != "" && leaf.URISAN == asked.URISAN
	switch {
	case !slices.Contains(trusts, signer):
		return "unknown authority"
	case byCN, byURI, asked == pki.Identity{}:
		return "accepted"
	case asked.URISAN == "":
		return "not the CN"
	case asked.CN == "":
		return "not the URI SAN"
	}
	return "neither name"
}

// objections are what the oracle must say where Calico's verifier says something else than that it accepts.
var objections = map[string]oracle.Objection{
	"unknown authority": {Check: pki.CheckChain, Cause: "issuer"},
	"not the CN":        {Check: pki.CheckIdentity, Cause: "identity"},
	"not the URI SAN":   {Check: pki.CheckIdentity, Cause: "identity"},
	"neither name":      {Check: pki.CheckIdentity, Cause: "identity"},
}

// unreachable is how many facts are about a verifier that requires no name. The configuration of neither end reaches it
// (CONF-02, CONF-03, IDENT-28), and the oracle knows nobody who has no name that is asked for.
const unreachable = 36

// TestVerifierFacts holds the oracle against each fact, on either side.
func TestVerifierFacts(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		o := origin(side)
		found, without := map[string]int{}, 0
		for _, f := range factRows() {
			leaf, asked := f.leaf(o.Own), f.asked(o.Own)
			said := fact(f.signer, leaf, asked, f.trusts)
			found[said]++
			shown := pki.Good(o.Role, leaf)
			shown.Root = f.signer
			objection := oracle.Examine(link.Verifier{Trust: f.trusts, CN: asked.CN, URISAN: asked.URISAN}, side, shown, pki.Good(o.Role, o.Own))
			want := objections[said]
			if said == "accepted" && asked == (pki.Identity{}) {
				without++
				want = oracle.Objection{Check: pki.CheckIdentity, Cause: "identity"}
			}
			if objection != want {
				t.Errorf("the %s shows %+v: Calico's verifier says %q, and the oracle %+v", side, f, said, objection)
			}
		}
		if fmt.Sprint(found) != fmt.Sprint(facts) || without != unreachable {
			t.Errorf("wanted the answers %v with %d that are out of reach, found %v with %d", facts, unreachable, found, without)
		}
	}
}

// factRow is a leaf and a verifier. Names are said in words: which are right depends on the side.
type factRow struct {
	signer          pki.AuthorityName
	cn, uri         string
	trusts          []pki.AuthorityName
	asksCN, asksURI string
}

func (f factRow) leaf(own pki.Identity) pki.Identity {
	return pki.Identity{CN: named(f.cn, own.CN), URISAN: named(f.uri, own.URISAN)}
}

func (f factRow) asked(own pki.Identity) pki.Identity {
	return pki.Identity{CN: named(f.asksCN, own.CN), URISAN: named(f.asksURI, own.URISAN)}
}

func named(word, own string) string {
	return map[string]string{"good": own, "bad": own + "bad"}[word]
}

// factRows are all pairs.
func factRows() []factRow {
	var rows []factRow
	for _, signer := range factSigners {
		for _, cn := range factNames {
			for _, uri := range factNames {
				for _, trusts := range factTrusts {
					for _, asksCN := range factAsks {
						for _, asksURI := range factAsks {
							rows = append(rows, factRow{signer, cn, uri, trusts, asksCN, asksURI})
						}
					}
				}
			}
		}
	}
	return rows
}
