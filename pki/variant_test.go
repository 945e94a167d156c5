package pki_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

var update = flag.Bool("update", false, "append new names to the golden file")

// authorities are those that most tests share, as RSA keys are slow to make.
var authorities = sync.OnceValue(pki.NewAuthorities)

// chainReasons are what crypto/x509 says where it refuses the chain: the intended defect, and not another one.
var chainReasons = map[string]string{
	"other-authority":                 "signed by unknown authority",
	"same-name-authority":             "signed by unknown authority.*verification failure.*conformance trusted authority",
	"self-signed":                     "signed by unknown authority",
	"authority-second":                "signed by unknown authority",
	"authority-third":                 "signed by unknown authority",
	"authority-fourth":                "signed by unknown authority",
	"authority-fifth":                 "signed by unknown authority",
	"intermediate-omitted":            "signed by unknown authority$",
	"intermediate-other-authority":    "signed by unknown authority$",
	"intermediate-critical-extension": "unhandled critical extension",
	"path-length-exceeded":            "too many intermediates",
	"issuer-not-ca":                   "not authorized to sign|invalid signature: parent certificate cannot sign",
	"critical-extension":              "unhandled critical extension",
	"constraint-other-domain":         "not permitted by any constraint",
	"constraint-excluded":             "excluded by constraint",
	"sha1":                            "insecure algorithm",
	"intermediate-sha1":               "insecure algorithm",
	"md5":                             "insecure algorithm MD5-RSA",
}

// differences lists the rows that differ from their twin in more than one field, with the fields and why it is one
// attribute still.
var differences = map[string]struct{ fields, why string }{
	"cn-in-dns":            {"Leaf.CommonNames Leaf.DNSNames", "the name moves"},
	"cn-in-email":          {"Leaf.CommonNames Leaf.EmailAddresses", "the name moves"},
	"cn-in-o":              {"Leaf.CommonNames Leaf.Organizations", "the name moves"},
	"cn-in-ou":             {"Leaf.CommonNames Leaf.OrganizationalUnits", "the name moves"},
	"uri-is-cn":            {"Leaf.CommonNames Leaf.URIs", "the name moves"},
	"uri-in-dns":           {"Leaf.DNSNames Leaf.URIs", "the name moves"},
	"cn-is-uri":            {"Leaf.CommonNames Leaf.URIs", "the name moves"},
	"id-other":             {"Leaf.CommonNames Leaf.URIs", "either name suffices, so that both must be wrong"},
	"id-absent":            {"Leaf.CommonNames Leaf.URIs", "either name suffices, so that both must be wrong"},
	"cn-other-uri-absent":  {"Leaf.CommonNames Leaf.URIs", "either name suffices, so that both must be wrong"},
	"cn-absent-uri-other":  {"Leaf.CommonNames Leaf.URIs", "either name suffices, so that both must be wrong"},
	"peer-identity":        {"Leaf.CommonNames Leaf.URIs", "the identity is both names"},
	"issuer-identity":      {"Leaf.CommonNames Leaf.URIs Path[0].CommonNames Path[0].URIs", "the names move"},
	"just-expired":         {"Leaf.NotAfter Leaf.NotBefore", "one moment is the end of the one and the beginning of the other"},
	"host-other":           {"Leaf.DNSNames Leaf.IPAddresses", "a host is its name and its address"},
	"host-absent":          {"Leaf.DNSNames Leaf.IPAddresses", "a host is its name and its address"},
	"host-in-cn":           {"Leaf.CommonNames Leaf.DNSNames Leaf.IPAddresses", "the host moves"},
	"host-address-as-name": {"Leaf.DNSNames Leaf.IPAddresses", "the address moves"},
	"second-certificate":   {"Extra[0].CommonNames Extra[0].URIs Leaf.CommonNames Leaf.URIs", "the leaves change places"},
}

func TestVariantsBreakWhatTheySay(t *testing.T) {
	t.Parallel()
	a := authorities()
	reasoned := map[string]bool{}
	for _, v := range pki.Variants {
		for _, o := range originsOf(v) {
			issued := issue(t, a, v.Credential(o))
			for names, p := range parties(t, a, v, o) {
				t.Run(fmt.Sprintf("%s/%s/%s", v.Name, o.Role, names), func(t *testing.T) {
					f := p.judge(issued)
					if diff := cmp.Diff(wanted(v), f.checks()); diff != "" {
						t.Fatalf("checks that fail (-wanted +found):\n%s%v", diff, f)
					}
					if v.Breaks == pki.CheckChain {
						reasoned[v.Name] = true
						if reason := chainReasons[v.Name]; reason == "" || !regexp.MustCompile(reason).MatchString(f[v.Breaks].Error()) {
							t.Errorf("wanted the chain refused for %q, found %q", reason, f[v.Breaks])
						}
					}
					agree(t, p, issued, v.Breaks)
				})
			}
		}
	}
	for name := range chainReasons {
		if !reasoned[name] {
			t.Errorf("chainReasons has a stale entry %q", name)
		}
	}
}

// agree asks crypto/x509 in one call, as relying parties do.
func agree(t *testing.T, p party, issued *pki.Issued, breaks pki.Check) {
	t.Helper()
	if len(issued.Chain) == 0 {
		return
	}
	certs, _ := p.read(issued.Chain)
	_, err := p.verify(certs, time.Now(), p.role.Usage())
	if refused := slices.Contains([]pki.Check{pki.CheckChain, pki.CheckValidity, pki.CheckEKU}, breaks); refused != (err != nil) {
		t.Errorf("breaking %q, crypto/x509 says: %v", breaks, err)
	}
}

func TestTwins(t *testing.T) {
	t.Parallel()
	a := authorities()
	for _, v := range pki.Variants {
		if (v.Twin == "") != (v.Breaks == "") {
			t.Errorf("%s breaks %q and has the twin %q: wanted both or neither", v.Name, v.Breaks, v.Twin)
		}
		if v.Twin == "" {
			continue
		}
		twin, ok := pki.VariantNamed(v.Twin)
		if !ok {
			t.Errorf("%s: there is no twin %q", v.Name, v.Twin)
			continue
		}
		if twin.Breaks != "" || twin.Setting || len(twin.Versions) > 0 {
			t.Errorf("%s: its twin %s cannot be shown and accepted everywhere", v.Name, twin.Name)
		}
		for _, o := range originsOf(v) {
			issued := issue(t, a, twin.Credential(o))
			for names, p := range parties(t, a, v, o) {
				if failed := p.judge(issued).checks(); failed != nil {
					t.Errorf("%s/%s/%s: its twin %s must be accepted, found that it breaks %v", v.Name, o.Role, names, v.Twin, failed)
				}
			}
		}
	}
}

func TestVariantsDifferFromTheirTwinsInOneAttribute(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, v := range pki.Variants {
		if v.Twin == "" {
			continue
		}
		twin, _ := pki.VariantNamed(v.Twin)
		for _, o := range originsOf(v) {
			fields := differing("", reflect.ValueOf(v.Credential(o)), reflect.ValueOf(twin.Credential(o)))
			if wanted, ok := differences[v.Name]; ok {
				listed[v.Name] = true
				if found := strings.Join(fields, " "); found != wanted.fields {
					t.Errorf("%s: wanted it to differ from %s in %q, as %s, found %q", v.Name, v.Twin, wanted.fields, wanted.why, found)
				}
			} else if len(fields) != 1 {
				t.Errorf("%s: wanted it to differ from %s in one field, found %q", v.Name, v.Twin, fields)
			}
		}
	}
	for name := range differences {
		if !listed[name] {
			t.Errorf("differences has a stale entry %q", name)
		}
	}
}

// differing returns the paths of the fields that differ, sorted.
func differing(at string, a, b reflect.Value) []string {
	var paths []string
	switch {
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			paths = append(paths, differing(strings.TrimPrefix(at+"."+a.Type().Field(i).Name, "."), a.Field(i), b.Field(i))...)
		}
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct:
		element := func(of reflect.Value, i int) reflect.Value {
			if i < of.Len() {
				return of.Index(i)
			}
			return reflect.Zero(of.Type().Elem())
		}
		for i := range max(a.Len(), b.Len()) {
			paths = append(paths, differing(fmt.Sprintf("%s[%d]", at, i), element(a, i), element(b, i))...)
		}
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		paths = append(paths, at)
	}
	slices.Sort(paths)
	return paths
}

func TestEachVariantIsAnother(t *testing.T) {
	t.Parallel()
	for i := range origins {
		seen := map[string]string{}
		for _, v := range pki.Variants {
			o := originsOf(v)[i]
			value := fmt.Sprintf("%#v of %#v", v.Credential(o), o.Own)
			if other, ok := seen[value]; ok {
				t.Errorf("%s/%s: it is the same credential as %s", v.Name, o.Role, other)
			}
			seen[value] = v.Name
		}
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	name, rule := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`), regexp.MustCompile(`^(IDENT|TYPHA|FELIX|CONF|ETCD|KAPI)-\d\d$`)
	names := map[string]bool{}
	for _, v := range pki.Variants {
		if !name.MatchString(v.Name) || names[v.Name] {
			t.Errorf("%q is no name, or a name twice", v.Name)
		}
		names[v.Name] = true
		if len(v.Rules) == 0 || slices.ContainsFunc(v.Rules, func(id string) bool { return !rule.MatchString(id) }) {
			t.Errorf("%s: wanted rules, found %q", v.Name, v.Rules)
		}
		if v.Text == "" || strings.HasSuffix(v.Text, ".") {
			t.Errorf("%s: wanted a text without a period, found %q", v.Name, v.Text)
		}
		for _, version := range v.Versions {
			if version != "tls1.2" && version != "tls1.3" {
				t.Errorf("%s: there is no version %q", v.Name, version)
			}
		}
		if found, ok := pki.VariantNamed(v.Name); !ok || found.Text != v.Text {
			t.Errorf("%s: VariantNamed does not find it", v.Name)
		}
	}
	if _, ok := pki.VariantNamed("no-such-variant"); ok {
		t.Error("VariantNamed finds what is not there")
	}
	if len(pki.Variants) < 45 {
		t.Errorf("wanted 45 variants at least, found %d", len(pki.Variants))
	}
}

// TestRulesHaveVariants finds a variant for each rule of identity and of chains that speaks of a credential.
func TestRulesHaveVariants(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]string{
		"IDENT-27": "it is about what the two ends require",
		"IDENT-28": "it is about settings",
	}
	made := map[string]bool{}
	for _, v := range pki.Variants {
		for _, id := range v.Rules {
			made[id] = true
		}
	}
	for n := 1; n <= 62; n++ {
		id := fmt.Sprintf("IDENT-%02d", n)
		if n > 28 && n < 40 {
			continue // there are no such rules
		}
		if made[id] == (elsewhere[id] != "") {
			t.Errorf("%s has variants: %t; elsewhere: %q", id, made[id], elsewhere[id])
		}
	}
}

// TestNamesAreForEver compares the table with the names that were ever published.
func TestNamesAreForEver(t *testing.T) {
	t.Parallel()
	const golden = "testdata/variants.golden"
	content, err := os.ReadFile(golden)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	published := strings.Fields(string(content))
	for _, name := range published {
		if _, ok := pki.VariantNamed(name); !ok {
			t.Errorf("the variant %q is gone: a name is never reused or renamed", name)
		}
	}
	var added []string
	for _, v := range pki.Variants {
		if !slices.Contains(published, v.Name) {
			added = append(added, v.Name)
		}
	}
	if len(added) == 0 {
		return
	}
	if !*update {
		t.Fatalf("%q are not in %s: if their names are right, run the test with -update", added, golden)
	}
	file, err := os.OpenFile(golden, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(strings.Join(added, "\n") + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestNearMissesKeepTheOtherName shows that a leaf with one name wrong is still known by the other.
func TestNearMissesKeepTheOtherName(t *testing.T) {
	t.Parallel()
	both := []string{"cn-is-uri", "uri-is-cn", "cn-other-uri-absent", "cn-absent-uri-other"}
	for _, v := range pki.Variants {
		kind, _, _ := strings.Cut(v.Name, "-")
		if kind != "cn" && kind != "uri" || slices.Contains(both, v.Name) {
			continue
		}
		for _, o := range originsOf(v) {
			leaf := v.Credential(o).Leaf
			if kind == "cn" && !slices.Equal(leaf.URIs, []string{o.Own.URISAN}) || kind == "uri" && !slices.Equal(leaf.CommonNames, []string{o.Own.CN}) {
				t.Errorf("%s/%s: wanted the other name as it must be, found %q and %q", v.Name, o.Role, leaf.CommonNames, leaf.URIs)
			}
		}
	}
}

func TestChangeLeavesItsArgument(t *testing.T) {
	t.Parallel()
	for _, v := range pki.Variants {
		for _, o := range originsOf(v) {
			given := pki.Good(o.Role, o.Own)
			v.Change(given, o)
			if diff := cmp.Diff(pki.Good(o.Role, o.Own), given); diff != "" {
				t.Errorf("%s changes its argument (-before +after):\n%s", v.Name, diff)
			}
		}
	}
}

func wanted(v pki.Variant) []pki.Check {
	if v.Breaks == "" {
		return nil
	}
	return []pki.Check{v.Breaks}
}

func issue(t *testing.T, a *pki.Authorities, c pki.Credential) *pki.Issued {
	t.Helper()
	issued, err := a.Issue(c)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// TestVariantsOfOddNames makes each variant of names that no link has. A change that makes no sense may fail to be
// issued, where an authority of the path gets such a name, and must not panic.
func TestVariantsOfOddNames(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	for _, id := range []pki.Identity{{}, {CN: "42", URISAN: "urn:felix"}, {CN: "\x00", URISAN: ":"}, {CN: "-", URISAN: "spiffe://a"}, {CN: "é", URISAN: "/path/only"}} {
		for _, v := range pki.Variants {
			c := v.Credential(pki.Origin{Role: pki.Client, Own: id, Peer: typha})
			if c.Leaf.Key != pki.P256 || len(c.Path) > 0 && c.Path[0].Key != pki.P256 {
				continue // the names play no part in these, and the keys are slow
			}
			if _, err := a.Issue(c); err != nil && !strings.Contains(err.Error(), "making an intermediate") {
				t.Errorf("%s of %q: %v", v.Name, id, err)
			}
		}
	}
}
