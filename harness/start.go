package harness

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// end is one end of a link, as it is to be started.
type end struct {
	link Link
	side handshake.Side
	mode link.Mode
	// setting is what is unlike the mode; the zero Setting if nothing is.
	setting link.Setting
	// own is the variant that it shows.
	own string
}

// endOf returns the end that plays a side in a case.
func endOf(l Link, side handshake.Side, c matrix.Case) (end, error) {
	e := end{link: l, side: side, own: c.Client}
	if side == handshake.Server {
		e.own = c.Server
	}
	var ok bool
	if e.mode, ok = l.Mode(c.Mode); !ok {
		return e, fmt.Errorf("link %s has no mode %q", l.Name, c.Mode)
	}
	if s, ok := l.Setting(c.Setting, c.Mode, c.Subject); ok && s.Side == side {
		e.setting = s
	}
	return e, nil
}

// asked is what the end's mode requires of its peer.
func (e end) asked() link.Verifier {
	if e.side == handshake.Server {
		return e.mode.Server
	}
	return e.mode.Client
}

// outfit makes what a component is started with to play an end, but for its peer and what stands behind it.
func (l *Lab) outfit(e end) (component.Start, error) {
	s := component.Start{
		Mode: e.mode.Name, From: e.setting.From, Env: maps.Clone(e.setting.Env), Peer: e.setting.Address, Scheme: e.setting.Scheme, Flags: e.setting.Flags,
	}
	if s.Env == nil {
		s.Env = map[string]string{}
	}
	for name, value := range map[string]string{"TLS_CIPHER_SUITES": e.setting.Suites, "TLS_MIN_VERSION": e.setting.MinVersion} {
		if value != "" {
			s.Env[name] = value
		}
	}
	if len(e.setting.System) > 0 {
		system, err := l.authorities.Bundle(e.setting.System, pki.Credential{})
		if err != nil {
			return s, fmt.Errorf("writing the authorities of the system: %w", err)
		}
		s.System = system
	}
	v := e.asked()
	if e.setting.Change != nil {
		v = e.setting.Change(v)
	}
	if v.Host != e.asked().Host {
		s.Host = v.Host
	}
	if v.Plaintext() {
		return s, nil
	}
	own, err := l.issue(e.link, e.side, cmp.Or(e.setting.Before.Own, e.own))
	if err != nil {
		return s, err
	}
	if len(e.setting.Before.Trust) > 0 {
		v.Trust = e.setting.Before.Trust
	}
	e.setting.Token = cmp.Or(e.setting.Before.Token, e.setting.Token)
	if s.Given, err = l.sound(e, v, own); err != nil {
		return s, err
	}
	for parameter, form := range e.setting.Given {
		value, given, err := l.inForm(e, parameter, form, s.Given[parameter], own)
		if err != nil {
			return s, err
		}
		if s.Given[parameter] = value; !given {
			delete(s.Given, parameter)
		}
	}
	return s, nil
}

// sound returns the parameters of an end that requires v, with nothing amiss.
func (l *Lab) sound(e end, v link.Verifier, own *pki.Issued) (map[link.Parameter]component.Value, error) {
	good, _ := pki.VariantNamed("good")
	given := map[link.Parameter]component.Value{}
	if len(v.Trust) > 0 {
		bundle, err := l.authorities.BundleIn(e.setting.Bundle, v.Trust, oracle.Credential(e.link.Link, e.side.Other(), good))
		if err != nil {
			return nil, fmt.Errorf("writing a trust bundle: %w", err)
		}
		given[link.Bundle] = component.Value{File: component.Own, Data: bundle}
	}
	if len(own.Chain) > 0 {
		key, err := own.KeyPEM(cmp.Or(e.setting.Key, pki.PKCS8))
		if err != nil {
			return nil, fmt.Errorf("writing a key: %w", err)
		}
		given[link.Key] = component.Value{File: component.Own, Data: key}
		given[link.Certificate] = component.Value{File: component.Own, Data: own.CertificatePEM()}
	}
	if err := l.tokenKeys(v, given); err != nil {
		return nil, err
	}
	if v.Revokes {
		list, err := l.authorities.RevocationList(pki.RevokedSerial)
		if err != nil {
			return nil, fmt.Errorf("writing a revocation list: %w", err)
		}
		given[link.Revocations] = component.Value{File: component.Own, Data: list}
	}
	if e.side == handshake.Client {
		if err := l.bearing(e, given); err != nil {
			return nil, err
		}
	}
	if v.CN != "" {
		given[link.CommonName] = component.Value{Text: v.CN}
	}
	if v.URISAN != "" {
		given[link.URISAN] = component.Value{Text: v.URISAN}
	}
	return given, nil
}

// tokenKeys adds to the parameters of an end those by which it knows tokens, and who may say for whom they ask. Whoever takes
// the tokens of a provider takes those of service accounts as well.
func (l *Lab) tokenKeys(v link.Verifier, given map[link.Parameter]component.Value) error {
	if len(v.Bearer.Keys) > 0 {
		public, err := l.authorities.TokenKeysPEM(pki.AccountKey, pki.AccountNextKey)
		if err != nil {
			return fmt.Errorf("writing the keys of tokens: %w", err)
		}
		given[link.TokenKeys] = component.Value{File: component.Own, Data: public}
		signer, err := l.authorities.TokenKey(pki.AccountKey)
		if err != nil {
			return fmt.Errorf("making the key of an issuer of tokens: %w", err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(signer)
		if err != nil {
			return fmt.Errorf("writing the key of an issuer of tokens: %w", err)
		}
		given[link.SigningKey] = component.Value{File: component.Own, Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
	}
	if len(v.Proxies) > 0 {
		bundle, err := l.authorities.Bundle(v.Proxies, pki.Credential{})
		if err != nil {
			return fmt.Errorf("writing the authorities of front proxies: %w", err)
		}
		given[link.ProxyBundle] = component.Value{File: component.Own, Data: bundle}
	}
	return nil
}

// bearing adds to the parameters of a client the token that it shows, if it shows one.
func (l *Lab) bearing(e end, given map[link.Parameter]component.Value) error {
	_, token, err := oracle.TokenOf(e.link.Link, matrix.Case{Mode: e.mode.Name, Token: e.setting.Token})
	if err != nil || token.Damage == pki.Missing {
		return err
	}
	text, err := l.authorities.IssueToken(token)
	if err != nil {
		return fmt.Errorf("issuing a token: %w", err)
	}
	given[link.BearerToken] = component.Value{File: component.Own, Data: []byte(text)}
	return nil
}

// files are the kinds of files that forms name.
var files = map[link.Form]component.FileKind{
	link.FormMissing: component.Absent, link.FormFolder: component.Folder, link.FormUnreadable: component.Unreadable,
}

// junk is what a file of each parameter holds that is PEM and no DER.
var junk = map[link.Parameter]pki.Junk{link.Key: pki.JunkKey, link.Certificate: pki.JunkCertificate, link.Bundle: pki.JunkCertificate}

// inForm returns a parameter in a form, and whether it is given at all.
func (l *Lab) inForm(e end, p link.Parameter, form link.Form, v component.Value, own *pki.Issued) (component.Value, bool, error) {
	ours := func(data []byte, err error) (component.Value, bool, error) {
		return component.Value{File: component.Own, Data: data}, true, err
	}
	switch form {
	case link.FormUnset:
		return v, false, nil
	case link.FormBlank:
		return component.Value{}, true, nil
	case link.FormNone:
		return component.Value{Text: "none"}, true, nil
	case link.FormLineBreak:
		return component.Value{Text: v.Text + "\n"}, true, nil
	case link.FormPadded:
		return component.Value{Text: v.Text + " "}, true, nil
	case link.FormMissing, link.FormFolder, link.FormUnreadable:
		return component.Value{File: files[form]}, true, nil
	case link.FormEmpty:
		return ours([]byte{}, nil)
	case link.FormJunk, link.FormDisregarded:
		return ours(pki.JunkText.PEM(), nil)
	case link.FormJunkPEM:
		return ours(junk[p].PEM(), nil)
	case link.FormEncrypted:
		return ours(own.KeyPEM(pki.Encrypted))
	case link.FormForeign:
		other, err := l.issue(e.link, e.side, "wrong-key")
		if err != nil {
			return v, true, err
		}
		return ours(other.KeyPEM(pki.PKCS8))
	}
	return v, true, fmt.Errorf("there is no form %q", form)
}

// issue makes what a side of a link shows as a variant.
func (l *Lab) issue(of Link, side handshake.Side, name string) (*pki.Issued, error) {
	return issueBy(l.authorities, of, side, name)
}

func issueBy(a *pki.Authorities, of Link, side handshake.Side, name string) (*pki.Issued, error) {
	v, ok := pki.VariantNamed(name)
	if !ok {
		return nil, fmt.Errorf("there is no variant %q", name)
	}
	issued, err := a.Issue(oracle.Credential(of.Link, side, v))
	if err != nil {
		return nil, fmt.Errorf("issuing %s for the %s: %w", name, side, err)
	}
	return issued, nil
}
