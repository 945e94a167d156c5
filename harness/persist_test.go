package harness_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestConnectionsAreCountedFromTheFirst: on a busy machine a Felix can take longer to say that it is not ready than its
// connections are counted.
func TestConnectionsAreCountedFromTheFirst(t *testing.T) {
	t.Parallel()
	options := optionsWith(t, inProcess, func(p launch.Program) launch.Program { return p })
	for i, p := range options.Parts {
		if p.Name != "felix" {
			continue
		}
		ask, slowly := p.Ready, sync.OnceFunc(func() { <-time.After(3 * time.Second) })
		options.Parts[i].Ready = func(ctx context.Context, felix launch.Instance) (component.Readiness, error) {
			slowly()
			return ask(ctx, felix)
		}
	}
	cases := selected(t, "felix-typha/cn/felix/client=good/server=good/tls1.3/conduct=refuses-counting")
	lab := closing(t, harness.NewLab(t.Context(), options))
	if v := verdict(t, cases[0], lab.Run(t.Context(), cases)[cases[0].ID()]); v.Finding != oracle.Conforms {
		t.Errorf("wanted it to conform, found that it %s: %s", v.Finding, v.Why)
	}
}
