package harness

import "github.com/calico-tls/conformance/harness/link"

// Observe has the observers of all links made by others, which are given the links' own.
func (l *Lab) Observe(by func(link.Observer) link.Observer) {
	l.linkNamed = func(name string) (Link, bool) {
		found, ok := LinkNamed(name)
		found.Observer = by(found.Observer)
		return found, ok
	}
}
