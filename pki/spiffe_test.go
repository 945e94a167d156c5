package pki_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/pki"
)

func TestParseSPIFFEID(t *testing.T) {
	t.Parallel()
	longest := "spiffe://" + strings.Repeat("d", 255)
	deep := strings.Repeat("/"+strings.Repeat("a", 100), 20) + "/abcdefg" // with a trust domain of 11 octets: 2048 in all
	for text, wanted := range map[string]pki.SPIFFEID{
		"spiffe://k8s.example.com/typha-client": {TrustDomain: "k8s.example.com", Path: "/typha-client"},
		"spiffe://example":                      {TrustDomain: "example"},
		"spiffe://1.2-3_4/ns/Prod/sa/a.b-c_d":   {TrustDomain: "1.2-3_4", Path: "/ns/Prod/sa/a.b-c_d"},
		"spiffe://a/...":                        {TrustDomain: "a", Path: "/..."},
		longest:                                 {TrustDomain: strings.Repeat("d", 255)},
		"spiffe://abcdefghijk" + deep:           {TrustDomain: "abcdefghijk", Path: deep},
	} {
		found, err := pki.ParseSPIFFEID(text)
		if err != nil || found != wanted || found.String() != text {
			t.Errorf("%.60q: wanted %+v, found %+v: %v", text, wanted, found, err)
		}
	}
	for text, wanted := range map[string]string{
		"":                             `start with "spiffe://"`,
		"https://a/b":                  `start with "spiffe://"`,
		"SPIFFE://a/b":                 `start with "spiffe://"`,
		"spiffe:/a/b":                  `start with "spiffe://"`,
		" spiffe://a/b":                `start with "spiffe://"`,
		"spiffe://":                    "a trust domain, found none",
		"spiffe:///b":                  "a trust domain, found none",
		"spiffe://A/b":                 `found "A"`,
		"spiffe://a:1/b":               `found "a:1"`,
		"spiffe://u@a/b":               `found "u@a"`,
		"spiffe://a%20/b":              `found "a%20"`,
		"spiffe://a?x=1":               `found "a?x=1"`,
		"spiffe://a#":                  `found "a#"`,
		"spiffe://\u0430/b":            "in the trust domain",
		longest + "d":                  "255 octets at most, found 256",
		"spiffe://a/":                  "no empty segment",
		"spiffe://a/b/":                "no empty segment",
		"spiffe://a//b":                "no empty segment",
		"spiffe://a/./b":               `found "."`,
		"spiffe://a/b/..":              `found ".."`,
		"spiffe://a/b?x=1":             `found "b?x=1"`,
		"spiffe://a/b#":                `found "b#"`,
		"spiffe://a/%62":               `found "%62"`,
		"spiffe://a/b c":               `found "b c"`,
		"spiffe://a/b\x00":             "in the path",
		"spiffe://abcdefghijkl" + deep: "2048 octets at most, found 2049",
	} {
		if found, err := pki.ParseSPIFFEID(text); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%.60q: wanted an error with %q, found %+v: %v", text, wanted, found, err)
		}
	}
}

// TestNearMissesOfSPIFFEIDs says which rows name a peer by something that is no SPIFFE ID at all.
func TestNearMissesOfSPIFFEIDs(t *testing.T) {
	t.Parallel()
	valid := []string{
		"uri-other", "uri-path-longer", "uri-path-shorter", "uri-path-case", "uri-domain-other", "uri-domain-longer", "uri-good-first", "uri-good-last",
	}
	for _, v := range pki.Variants {
		if !strings.HasPrefix(v.Name, "uri-") || v.Touches != pki.TouchesURI {
			continue
		}
		wanted := false
		for _, name := range valid {
			wanted = wanted || name == v.Name
		}
		for _, uri := range v.Credential(origins[0]).Leaf.URIs {
			if _, err := pki.ParseSPIFFEID(uri); (err == nil) != wanted {
				t.Errorf("%s: %q: wanted a valid SPIFFE ID: %t, found: %v", v.Name, uri, wanted, err)
			}
		}
	}
}

func FuzzSPIFFEID(f *testing.F) {
	for _, o := range origins {
		for _, v := range pki.Variants {
			for _, uri := range v.Credential(o).Leaf.URIs {
				f.Add(uri)
			}
		}
	}
	f.Add("spiffe://a")
	f.Add("spiffe://a/b//..")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := pki.ParseSPIFFEID(text)
		if err != nil {
			if id != (pki.SPIFFEID{}) {
				t.Errorf("wanted nothing beside an error, found %+v", id)
			}
			return
		}
		if id.String() != text {
			t.Errorf("wanted %q back, found %q", text, id)
		}
		parsed, err := url.Parse(text)
		if err != nil {
			t.Fatalf("it is no URL: %v", err)
		}
		if parsed.Scheme != "spiffe" || parsed.Host != id.TrustDomain || parsed.Path != id.Path || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
			t.Errorf("as a URL it is %#v, as a SPIFFE ID %#v", parsed, id)
		}
		if parsed.String() != text || id.Path != "" && path.Clean(id.Path) != id.Path {
			t.Errorf("as a URL it is written %q, and its path %q when cleaned", parsed, path.Clean(id.Path))
		}
	})
}
