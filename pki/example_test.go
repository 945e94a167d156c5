package pki_test

import (
	"crypto/x509"
	"fmt"

	"github.com/calico-tls/conformance/pki"
)

// An end is shown to a relying party as a credential, described by value and issued as signed bytes with a key.
func ExampleAuthorities_Issue() {
	authorities := pki.NewAuthorities()
	c := pki.Good(pki.Client, pki.Identity{CN: "typha-client", URISAN: "spiffe://k8s.example.com/typha-client"})
	issued, err := authorities.Issue(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	roots, err := authorities.Pool([]pki.AuthorityName{pki.Trusted}, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{pki.Client.Usage()}})
	fmt.Println(leaf.Subject, leaf.URIs, err)
	// Output: CN=typha-client [spiffe://k8s.example.com/typha-client] <nil>
}

// A variant changes one attribute of the good credential; its twin is the one that must still be accepted.
func ExampleVariantNamed() {
	from := pki.Origin{
		Role: pki.Client,
		Own:  pki.Identity{CN: "typha-client", URISAN: "spiffe://k8s.example.com/typha-client"},
		Peer: pki.Identity{CN: "typha-server", URISAN: "spiffe://k8s.example.com/typha-server"},
	}
	v, _ := pki.VariantNamed("path-length-exceeded")
	fmt.Printf("%s: %s; it breaks %s, and %s does not\n", v.Name, v.Text, v.Breaks, v.Twin)
	for _, line := range pki.Describe(v.Credential(from)) {
		fmt.Println(line)
	}
	// Output:
	// path-length-exceeded: two intermediate authorities stand above it, the upper of which allows none below; it breaks chain, and path-length-kept does not
	// leaf: CN "typha-client", URI SAN "spiffe://k8s.example.com/typha-client", valid from 1h ago until 24h from now, for client authentication, key usage digital signature, P256 key
	// issuer 1: CN "conformance lower intermediate authority", valid from 24h ago until 3650 days from now, no extended key usage, key usage certificate signing and CRL signing, CA, P256 key
	// issuer 2: CN "conformance intermediate authority", valid from 24h ago until 3650 days from now, no extended key usage, key usage certificate signing and CRL signing, CA with path length 0, P256 key
	// root: trusted: CN "conformance trusted authority", valid from 24h ago until 3650 days from now, no extended key usage, key usage certificate signing and CRL signing, CA, P256 key
	// sent: the leaf and the path above it, without the root
}

// The table is a slice of rows, in the order in which they are listed.
func Example_variants() {
	for _, v := range pki.Variants {
		if v.Breaks == pki.CheckValidity {
			fmt.Println(v.Name)
		}
	}
	// Output:
	// root-expired
	// intermediate-expired
	// intermediate-not-yet-valid
	// expired
	// not-yet-valid
	// just-expired
}
