package harness

import (
	"sync/atomic"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// leak watches whether a subject writes any of its private key into its log (rule CONF-18), whatever its setting.
type leak struct {
	secrets *pki.Secrets
	line    atomic.Pointer[string]
}

// listen begins to watch, the lines that are there already included.
func (t *trial) listen() error {
	own, err := t.lab.issue(t.link, t.side, t.own)
	if err != nil {
		return err
	}
	l := &leak{}
	if l.secrets, err = pki.NewSecrets(own); err != nil {
		return err
	}
	t.leak = l
	t.instance.Log().Watch(func(line string) {
		if l.secrets.In(line) {
			l.line.CompareAndSwap(nil, &line)
		}
	})
	return nil
}

// told says what is against a subject that has written of its key; "" if it has not.
func (l *leak) told() string {
	if l == nil || l.line.Load() == nil {
		return ""
	}
	return "it wrote a part of its private key into its log"
}

// tell holds a leak against every case of the batch.
func (t *trial) tell(seen map[string]handshake.Observation) {
	against := t.leak.told()
	if against == "" {
		return
	}
	for id, o := range seen {
		o.Against = against
		seen[id] = o
	}
}
