package harness

import (
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/matrix"
)

// How long a client is watched that was denied something. One that does not bear it ends at once: in this process that is known
// at once, and elsewhere a busy machine may take its time to tell.
const (
	aftershock        = 2 * time.Second
	distantAftershock = 15 * time.Second
)

// succumbs says what is against a client that has ended because it was denied something; "" if it lives on, or was denied
// nothing.
func (t *trial) succumbs(c matrix.Case) string {
	d, _ := t.link.Conduct(c.Conduct)
	if d.Denies == "" {
		return ""
	}
	within := distantAftershock
	if t.lab.Launcher.Name() == inprocess.Name {
		within = aftershock
	}
	select {
	case <-t.instance.Done():
		return fmt.Sprintf("it was denied %s, and %s", d.Denies, t.death())
	case <-time.After(within):
		return ""
	}
}
