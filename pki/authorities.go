package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Authorities are all the authorities of one run, with the credentials that they issued. Everything is made when it is
// first asked for, and once. It is safe for concurrent use. Make one with [NewAuthorities].
type Authorities struct {
	issuers memo[*issuer]
	issued  memo[*Issued]
	keys    memo[crypto.Signer]
	tokens  memo[string]
	// adopted stands for [Trusted] where that is not made here; nil elsewhere.
	adopted *issuer
}

// NewAuthorities returns the authorities of a new run. No two runs share a key.
func NewAuthorities() *Authorities { return &Authorities{} }

// Issue makes a credential. Equal credentials are the same *Issued, which the caller must not change. It returns an
// error for a credential that cannot be encoded, and for one whose authority cannot stand at the top.
func (a *Authorities) Issue(c Credential) (*Issued, error) {
	return a.issued.get(identify(c), func() (*Issued, error) {
		issued, err := a.issue(c)
		if err != nil {
			return nil, fmt.Errorf("issuing a credential: %w", err)
		}
		return issued, nil
	})
}

// IssueAll makes credentials side by side, so that large keys do not wait for each other. It returns all errors, joined.
func (a *Authorities) IssueAll(credentials []Credential) error {
	errs := make([]error, len(credentials))
	var wg sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := worker; i < len(credentials); i += runtime.GOMAXPROCS(0) {
				_, errs[i] = a.Issue(credentials[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// identify tells values apart that differ in any bit, be they valid UTF-8 or not.
func identify(v any) string { return fmt.Sprintf("%#v", v) }

func (a *Authorities) issue(c Credential) (*Issued, error) {
	if c.Sending == SendNothing {
		return &Issued{}, nil
	}
	path, err := a.path(c)
	if err != nil {
		return nil, err
	}
	var signer *issuer
	if len(path) > 0 {
		signer = path[0]
	}
	key, err := a.leafKey(c.Leaf.Key, leafHolder)
	if err != nil {
		return nil, err
	}
	leaf, err := sign(c.Leaf, key, signer)
	if err != nil {
		return nil, fmt.Errorf("making the leaf: %w", err)
	}
	issued := &Issued{Key: key}
	if issued.Chain, err = send(c.Sending, leaf, path); err != nil {
		return nil, err
	}
	if err := a.addExtra(issued, c); err != nil {
		return nil, err
	}
	if err := pad(issued, c.Padding, path); err != nil {
		return nil, err
	}
	if c.ForeignKey {
		if issued.Key, err = a.leafKey(c.Leaf.Key, foreignHolder); err != nil {
			return nil, err
		}
	}
	return issued, nil
}

// path returns the issuers of a credential, the leaf's first and the root last; none if the leaf signs itself.
func (a *Authorities) path(c Credential) ([]*issuer, error) {
	if c.Root == SelfSigned {
		if len(c.Path) > 0 {
			return nil, fmt.Errorf("finding the issuers: a leaf that signs itself has no path, found %d intermediates", len(c.Path))
		}
		return nil, nil
	}
	if c.Root.Issuer() != "" {
		return nil, fmt.Errorf("finding the issuers: wanted a root at the top, found %q, which stands below %q", c.Root, c.Root.Issuer())
	}
	top, err := a.authority(c.Root)
	if err != nil {
		return nil, err
	}
	if top == a.adopted {
		if err := top.suits(len(c.Path)); err != nil {
			return nil, fmt.Errorf("finding the issuers: %w", err)
		}
	}
	path := []*issuer{top}
	for _, t := range slices.Backward(c.Path) {
		if top, err = a.intermediate(t, top); err != nil {
			return nil, fmt.Errorf("making an intermediate: %w", err)
		}
		path = append(path, top)
	}
	slices.Reverse(path)
	return path, nil
}

// authority returns an authority by name.
func (a *Authorities) authority(name AuthorityName) (*issuer, error) {
	t := AuthorityTemplate(name)
	if !t.CA {
		return nil, fmt.Errorf("finding an authority: there is none named %q", name)
	}
	if name.Issuer() != "" {
		top, err := a.authority(name.Issuer())
		if err != nil {
			return nil, err
		}
		return a.intermediate(t, top)
	}
	if name == Trusted && a.adopted != nil {
		return a.adopted, nil
	}
	return a.issuers.get(string(name), func() (*issuer, error) {
		var namesake *x509.Certificate
		if name == SameName {
			trusted, err := a.authority(Trusted)
			if err != nil {
				return nil, err
			}
			namesake = trusted.cert
		}
		made, err := signIssuer(string(name), t, nil, namesake)
		if err != nil {
			return nil, fmt.Errorf("making the authority %q: %w", name, err)
		}
		return made, nil
	})
}

// intermediate returns the authority of that template below another.
func (a *Authorities) intermediate(t Template, top *issuer) (*issuer, error) {
	id := top.id + " > " + identify(t)
	return a.issuers.get(id, func() (*issuer, error) { return signIssuer(id, t, top, nil) })
}

// send returns the certificates that are sent, but for extra ones and padding. The path ends with the root.
func send(how Sending, leaf []byte, path []*issuer) ([][]byte, error) {
	chain := [][]byte{leaf}
	for i, by := range path {
		if i < len(path)-1 || how == SendRoot {
			chain = append(chain, by.cert.Raw)
		}
	}
	switch how {
	case SendNothing:
		return nil, nil
	case SendChain, SendRoot:
		return chain, nil
	case SendLeaf:
		return chain[:1], nil
	case SendMalformed:
		var err error
		chain[0], err = damage(leaf)
		return chain, err
	}
	return nil, fmt.Errorf("there is no way %q to send a credential", how)
}

func (a *Authorities) addExtra(issued *Issued, c Credential) error {
	for _, t := range c.Extra {
		trusted, err := a.authority(Trusted)
		if err != nil {
			return err
		}
		if err := trusted.suits(0); err != nil {
			return fmt.Errorf("making an extra leaf: %w", err)
		}
		key, err := a.leafKey(t.Key, leafHolder)
		if err != nil {
			return err
		}
		der, err := sign(t, key, trusted)
		if err != nil {
			return fmt.Errorf("making an extra leaf: %w", err)
		}
		issued.Chain = append(issued.Chain, der)
	}
	return nil
}

func pad(issued *Issued, octets int, path []*issuer) error {
	size := 0
	for _, der := range issued.Chain {
		size += len(der)
	}
	if size < octets && len(path) == 0 {
		return errors.New("filling up the chain: a leaf that signs itself has no root")
	}
	for size < octets {
		root := path[len(path)-1].cert.Raw
		issued.Chain = append(issued.Chain, root)
		size += len(root)
	}
	return nil
}
