package link

import "github.com/calico-tls/conformance/pki"

// Holding is what files of a subject hold, each where it is not what the rest of its setting has in it.
type Holding struct {
	// Own is the variant of its certificate, and Token that of its token; "" for that of its setting.
	Own, Token string
	// Trust is its trust bundle; none for that of its setting.
	Trust []pki.AuthorityName
}

// IsZero reports whether no file holds anything else.
func (h Holding) IsZero() bool { return h.Own+h.Token == "" && len(h.Trust) == 0 }

// Renews reports whether files of the subject are replaced while it runs.
func (s Setting) Renews() bool { return !s.Before.IsZero() || !s.After.IsZero() }
