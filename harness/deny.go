package harness

import (
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/matrix"
)

// aftershock is how long a client is watched that was denied something: one that does not bear it ends at once, of which one
// hears at once in this process, and elsewhere as soon as a busy machine has told of it.
func (t *trial) aftershock() time.Duration {
	if t.lab.Launcher.Name() == "in-process" {
		return 2 * time.Second
	}
	return 15 * time.Second
}

// succumbs says what is against a client that has ended because it was denied something; "" if it lives on, or was denied
// nothing.
func (t *trial) succumbs(c matrix.Case) string {
	d, _ := t.link.Conduct(c.Conduct)
	if d.Denies == "" {
		return ""
	}
	select {
	case <-t.instance.Done():
		return fmt.Sprintf("it was denied %s, and %s", d.Denies, t.death())
	case <-time.After(t.aftershock()):
		return ""
	}
}
