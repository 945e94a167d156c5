package stub

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// environment is what a stub is started with, as [sources] gather it. As with the real ones, an empty value and "none"
// mean that a parameter is not set, and so does a value with a line break; blanks count.
type environment map[string]string

func (e environment) value(name string) string {
	if strings.EqualFold(e[name], "none") || strings.Contains(e[name], "\n") {
		return ""
	}
	return e[name]
}

func (e environment) number(name string, otherwise int) (int, error) {
	text := e.value(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: wanted a number that is not negative, found %q", name, text)
	}
	return n, nil
}

func (e environment) seconds(name string, otherwise time.Duration) (time.Duration, error) {
	n, err := e.number(name, int(otherwise/time.Second))
	if err == nil && n == 0 {
		return 0, fmt.Errorf("%s: wanted a number of seconds greater than 0, found 0", name)
	}
	return time.Duration(n) * time.Second, err
}

func (e environment) yes(name string) (bool, error) {
	text := e.value(name)
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s: wanted true or false, found %q", name, text)
	}
	return b, nil
}

// parameters are the names of the parameters by which one end is set.
type parameters struct{ ca, certificate, key, cn, uriSAN string }

var (
	typhaParameters = parameters{"TYPHA_CAFILE", "TYPHA_SERVERCERTFILE", "TYPHA_SERVERKEYFILE", "TYPHA_CLIENTCN", "TYPHA_CLIENTURISAN"}
	felixParameters = parameters{"FELIX_TYPHACAFILE", "FELIX_TYPHACERTFILE", "FELIX_TYPHAKEYFILE", "FELIX_TYPHACN", "FELIX_TYPHAURISAN"}
)

// names are the names that an end requires of its peer.
type names struct{ cn, uriSAN string }

// credentials says where an end finds what it needs for TLS, and whom it takes for its peer. The zero value is
// plaintext.
type credentials struct {
	parameters parameters
	values     parameters
	required   names
}

// credentials reads the parameters of TLS. Either none is set, or all are but one of the two names: anything else is an
// error, as it would be unclear what is wanted.
func (e environment) credentials(p parameters) (credentials, error) {
	c := credentials{parameters: p, values: parameters{
		ca: e.value(p.ca), certificate: e.value(p.certificate), key: e.value(p.key), cn: e.value(p.cn), uriSAN: e.value(p.uriSAN),
	}}
	c.required = names{c.values.cn, c.values.uriSAN}
	var set, missing []string
	note := func(name, value string) {
		if value == "" {
			missing = append(missing, name)
		} else {
			set = append(set, name)
		}
	}
	note(p.ca, c.values.ca)
	note(p.certificate, c.values.certificate)
	note(p.key, c.values.key)
	if c.required == (names{}) {
		missing = append(missing, p.cn+" or "+p.uriSAN)
	} else {
		set = append(set, "a name")
	}
	if len(set) > 0 && len(missing) > 0 {
		return c, fmt.Errorf("TLS must be set as a whole or not at all: %s is set, but not %s", strings.Join(set, ", "), strings.Join(missing, ", "))
	}
	return c, nil
}

func (c credentials) plaintext() bool { return c.values.ca == "" }

// material is what the files hold.
type material struct {
	anchors []*x509.Certificate
	own     tls.Certificate
	// files are what was read: the trust bundle, the certificate and the key.
	files [3][]byte
}

// load reads the files, and parses them unless they are those that last, which may be nil, was parsed from. It returns
// an error that names the parameter whose file cannot be read or used.
func (c credentials) load(last *material) (*material, error) {
	m := &material{}
	for i, file := range []struct{ parameter, path string }{
		{c.parameters.ca, c.values.ca}, {c.parameters.certificate, c.values.certificate}, {c.parameters.key, c.values.key},
	} {
		var err error
		if m.files[i], err = os.ReadFile(file.path); err != nil {
			return nil, fmt.Errorf("%s: %w", file.parameter, err)
		}
	}
	if last != nil && slices.EqualFunc(last.files[:], m.files[:], bytes.Equal) {
		return last, nil
	}
	var err error
	if m.anchors, err = parseBundle(m.files[0]); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", c.parameters.ca, c.values.ca, err)
	}
	if m.own, err = tls.X509KeyPair(m.files[1], m.files[2]); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", c.parameters.certificate, c.parameters.key, err)
	}
	return m, nil
}

// errNoPEM is what is wrong with a bundle that holds nothing at all.
var errNoPEM = errors.New("wanted a certificate in PEM, found none")

// parseBundle returns every certificate of a bundle that can be parsed, between whatever else stands in it (Calico
// typha/pkg/syncserver/sync_server.go, by crypto/x509's AppendCertsFromPEM). The error is that of a bundle without any, and says what is
// wrong with the first.
func parseBundle(bundle []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	broken := errNoPEM
	for number := 1; ; {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err == nil:
			certs = append(certs, cert)
		case number == 1:
			broken = fmt.Errorf("parsing certificate %d: %w", number, err)
		}
		number++
	}
	if len(certs) == 0 {
		return nil, broken
	}
	return certs, nil
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}
