package pki_test

import (
	"testing"

	"github.com/calico-tls/conformance/pki"
)

// BenchmarkIssueAgain asks for a credential that was issued before, as each case does.
func BenchmarkIssueAgain(b *testing.B) {
	a := pki.NewAuthorities()
	c := pki.Good(pki.Client, felix)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Issue(c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssue issues a new credential each time.
func BenchmarkIssue(b *testing.B) {
	a := pki.NewAuthorities()
	c := pki.Good(pki.Client, felix)
	b.ReportAllocs()
	for b.Loop() {
		c.Leaf.Serial++
		if _, err := a.Issue(c); err != nil {
			b.Fatal(err)
		}
	}
}
