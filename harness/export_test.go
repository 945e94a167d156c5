package harness

import (
	"context"
	"slices"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// Observe has the observers of all links made by others, which are given the links' own.
func (l *Lab) Observe(by func(link.Observer) link.Observer) {
	l.linkNamed = func(name string) (Link, bool) {
		found, ok := LinkNamed(name)
		found.Observer = by(found.Observer)
		return found, ok
	}
}

// Hasten has every subject take up what its files hold within this time, where it is given any.
func (l *Lab) Hasten(within time.Duration) {
	l.linkNamed = func(name string) (Link, bool) {
		found, ok := LinkNamed(name)
		found.Settings = slices.Clone(found.Settings)
		for i := range found.Settings {
			found.Settings[i].Within = min(found.Settings[i].Within, within)
		}
		return found, ok
	}
}

// BoastsAfter reports whether a client that calls itself ready is wrong to, once it has been refused so often in so long a time.
func BoastsAfter(ctx context.Context, p link.Persistence, refusals int, since time.Duration) bool {
	ready := func(context.Context, launch.Instance) (component.Readiness, error) { return component.IsReady, nil }
	w := watch{trial: &trial{part: Part{Component: component.Component{Ready: ready}}}, persistence: p, begun: time.Now().Add(-since)}
	w.Connections = refusals
	w.ask(ctx)
	return w.wrongly
}

// EndProvider ends the provider of tokens.
func (l *Lab) EndProvider() { _ = l.provider.server.Close() }

// Patience is how long a start of a part may take.
func (l *Lab) Patience(p Part) time.Duration { return l.patience(p) }

// Started notes how long a start of a part took.
func (l *Lab) Started(p Part, took time.Duration, err error) { l.started(p, took, err) }

// UnderWay is how many batches are under way.
func (l *Lab) UnderWay() int {
	l.admission.mu.Lock()
	defer l.admission.mu.Unlock()
	return l.admission.underWay()
}
