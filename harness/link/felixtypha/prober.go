package felixtypha

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Prober plays Felix. Each Probe is a connection of its own. The zero Prober is ready to use, by any number of callers
// at once.
type Prober struct{}

var _ link.Prober = Prober{}

// Probe implements [link.Prober]. The account is Accepted if a MsgServerHello was decoded, and Refused if the prober
// objected to the server; WasRefused if an alert came or the server closed the connection; Failed for anything else. Its
// phase is PhaseApplication once application data has come.
func (Prober) Probe(ctx context.Context, address, local string, a link.Attempt) (handshake.Account, string) {
	c, ok := conductNamed(a.Conduct)
	if !ok {
		return instrument.Failed(fmt.Errorf("playing Felix: there is no conduct %q", a.Conduct)), ""
	}
	ctx, cancel := instrument.Bounded(ctx)
	defer cancel()
	p := probe{address: address, local: local, attempt: a, conduct: c}
	if c.instead != nil {
		return c.instead(ctx, p)
	}
	return p.run(ctx)
}

// probe is one connection that a prober is to make.
type probe struct {
	address, local string
	attempt        link.Attempt
	conduct        conduct
}

func (p probe) run(ctx context.Context) (handshake.Account, string) {
	raw, err := instrument.Dial(ctx, p.address, p.local)
	if err != nil {
		return instrument.NotDialled(err), ""
	}
	s := begin(ctx, raw)
	err = p.converse(ctx, s)
	if err == nil && p.attempt.Accepted != nil {
		p.attempt.Accepted()
	}
	return s.end(err), raw.LocalAddr().String()
}

// converse goes as far as Felix must go to know that it was accepted.
func (p probe) converse(ctx context.Context, s *session) error {
	if p.attempt.Version != link.Clear {
		settings, err := p.settings(s)
		if err != nil {
			return err
		}
		if err := s.secure(tls.Client(s.Raw, settings)); err != nil {
			return err
		}
	}
	if p.conduct.before != nil {
		if err := p.conduct.before(ctx, p, s); err != nil {
			return err
		}
	}
	if err := p.open(s); err != nil {
		return fmt.Errorf("saying hello: %w", err)
	}
	if p.attempt.Version == link.Clear {
		if start, _ := s.reader.Peek(instrument.RecordStart); instrument.RecordType(start) == instrument.RecordAlert {
			s.Account.Octets = 0
			return fmt.Errorf("waiting for the server's hello: %w", instrument.AlertIn(start))
		}
	}
	m, err := s.reader.Read()
	if err != nil {
		return fmt.Errorf("waiting for the server's hello: %w", err)
	}
	if _, ok := m.(MsgServerHello); !ok {
		return fmt.Errorf("%w: wanted the server's hello as its first message, found %T", instrument.ErrObjection, m)
	}
	if p.conduct.after != nil {
		return p.conduct.after(p, s)
	}
	return nil
}

// open says hello.
func (p probe) open(s *session) error {
	all, err := hellos()
	if err != nil {
		return err
	}
	_, err = s.Conn.Write(all[p.syncer()])
	return err
}

func (p probe) syncer() string {
	if p.conduct.syncer == "" {
		return SyncerFelix
	}
	return p.conduct.syncer
}

// settings are those of a Felix that takes only this version of TLS.
func (p probe) settings(s *session) (*tls.Config, error) {
	version, ok := instrument.Versions[p.attempt.Version]
	if !ok {
		return nil, fmt.Errorf("playing Felix: wanted a version of TLS, found %q", p.attempt.Version)
	}
	settings := &tls.Config{
		MinVersion: version, MaxVersion: version,
		InsecureSkipVerify: true, //nolint:gosec // crypto/tls would ask for a host name, of which the page does not speak
		VerifyConnection: func(state tls.ConnectionState) error {
			return examine(p.attempt, x509.ExtKeyUsageServerAuth, state.PeerCertificates)
		},
		// crypto/tls would keep back a certificate whose issuer the server does not name.
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if p.conduct.keeps != nil && p.conduct.keeps(p.attempt.Show.TLS(), asked) {
				return &tls.Certificate{}, nil
			}
			s.Account.Shown = p.attempt.Show.Fingerprint()
			return p.attempt.Show.TLS(), nil
		},
	}
	if p.conduct.offer != nil {
		p.conduct.offer(settings)
	}
	return settings, nil
}

// examine asks of a peer's chain what the page wants asked: an anchor of the attempt, the usage, and the names required.
// It asks for no host name.
func examine(a link.Attempt, usage x509.ExtKeyUsage, chain []*x509.Certificate) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	options := x509.VerifyOptions{Roots: instrument.Roots(a), Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{usage}}
	if _, err := chain[0].Verify(options); err != nil {
		return fmt.Errorf("%w: %w", instrument.ErrObjection, err)
	}
	return named(a, chain[0])
}
