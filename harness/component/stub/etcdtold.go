package stub

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// etcdTold is what a stub client of etcd is told of it: files, or what those would hold.
type etcdTold struct {
	Endpoints   string `yaml:"etcdEndpoints"`
	Domain      string `yaml:"etcdDiscoverySrv"`
	KeyFile     string `yaml:"etcdKeyFile"`
	CertFile    string `yaml:"etcdCertFile"`
	CACertFile  string `yaml:"etcdCACertFile"`
	Key         string `yaml:"etcdKey"`
	Certificate string `yaml:"etcdCert"`
	CACert      string `yaml:"etcdCACert"`
}

// etcd reads what a client is told of its etcd: by a configuration file, which nothing wins over, or by variables: Typha has
// some of its own, and of the others those count first that begin with CALICO_. The error says what cannot be used together.
func (e environment) etcd(p policy) (etcdTold, error) {
	var t etcdTold
	if path := e[ConfigFileSetting]; path != "" {
		var err error
		if t, err = toldIn(path); err != nil {
			return t, err
		}
	}
	variable := func(name string) string { return cmp.Or(e.value("CALICO_"+name), e.value(name)) }
	switch {
	case t.Endpoints != "":
	case e.value("TYPHA_ETCDENDPOINTS") != "":
		t.Endpoints = e.value("TYPHA_ETCDENDPOINTS")
		t.KeyFile, t.CertFile = cmp.Or(t.KeyFile, e.value("TYPHA_ETCDKEYFILE")), cmp.Or(t.CertFile, e.value("TYPHA_ETCDCERTFILE"))
		t.CACertFile = cmp.Or(t.CACertFile, e.value("TYPHA_ETCDCAFILE"))
	default:
		t = etcdTold{
			Endpoints: variable("ETCD_ENDPOINTS"), Domain: variable("ETCD_DISCOVERY_SRV"),
			KeyFile: variable("ETCD_KEY_FILE"), CertFile: variable("ETCD_CERT_FILE"), CACertFile: variable("ETCD_CA_CERT_FILE"),
		}
	}
	for _, path := range []*string{&t.KeyFile, &t.CertFile, &t.CACertFile} {
		if _, err := os.Stat(*path); err != nil && p.quirk == goesWithoutFiles {
			*path = ""
		}
	}
	return t, t.check()
}

// toldIn reads a configuration file: Calico's own, or one of Typha's.
func toldIn(path string) (etcdTold, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return etcdTold{}, err
	}
	if bytes.HasPrefix(data, []byte("[")) {
		values, err := readConfigFile(path)
		return etcdTold{KeyFile: values["EtcdKeyFile"], CertFile: values["EtcdCertFile"], CACertFile: values["EtcdCaFile"]}, err
	}
	var file struct {
		Spec etcdTold `yaml:"spec"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return etcdTold{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return file.Spec, nil
}

// check says what cannot be used together, in the words of the real ones (Calico libcalico-go/lib/backend/etcdv3).
func (t etcdTold) check() error {
	inline := t.Key+t.Certificate+t.CACert != ""
	switch {
	case t.Endpoints != "" && t.Domain != "":
		return errors.New(`multiple discovery or bootstrap options specified, use either "etcdEndpoints" or "etcdDiscoverySrv"`)
	case t.Endpoints == "":
		return errors.New("no etcd endpoints specified")
	case inline && t.KeyFile+t.CertFile+t.CACertFile != "":
		return errors.New("Cannot mix inline certificate-key and certificate / key files") //nolint:staticcheck // the real ones' words
	case inline && (t.Key == "" || t.Certificate == ""):
		return errors.New("Certificate and Key must both be present inline") //nolint:staticcheck // the real ones' words
	case (t.KeyFile == "") != (t.CertFile == ""):
		return fmt.Errorf("KeyFile and CertFile must both be present[key: %s, cert: %s]", t.KeyFile, t.CertFile)
	}
	return nil
}

// servers are the endpoints. One without a scheme means TLS; they must not differ in it.
func (t etcdTold) servers(p policy) ([]*url.URL, error) {
	var all []*url.URL
	for text := range strings.SplitSeq(t.Endpoints, ",") {
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		server, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("the endpoints of etcd: %w", err)
		}
		if server.Scheme != "https" && server.Scheme != "http" || server.Port() == "" {
			return nil, fmt.Errorf("the endpoints of etcd: wanted http or https with a host and a port, found %q", server)
		}
		if len(all) > 0 && p.quirk == goesByFirstScheme {
			server.Scheme = all[0].Scheme
		}
		if len(all) > 0 && all[0].Scheme != server.Scheme {
			return nil, fmt.Errorf("the endpoints of etcd: wanted one scheme, found %s and %s", all[0].Scheme, server.Scheme)
		}
		all = append(all, server)
	}
	return all, nil
}

// anchors are the authorities that it is told to trust: those of the system where it is told of none. An empty file passes.
func (t etcdTold) anchors(e environment) ([]*x509.Certificate, error) {
	if t.CACert != "" {
		return parseBundle([]byte(t.CACert))
	}
	anchors, err := e.anchors(t.CACertFile)
	if errors.Is(err, errNoPEM) {
		return nil, nil
	}
	return anchors, err
}

// own is what it is told to show; nil for nothing.
func (t etcdTold) own() (*tls.Certificate, error) {
	certificate, key := []byte(t.Certificate), []byte(t.Key)
	for path, into := range map[string]*[]byte{t.CertFile: &certificate, t.KeyFile: &key} {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		*into = data
	}
	if t.CertFile == "" && t.Certificate == "" {
		return nil, nil
	}
	own, err := tls.X509KeyPair(certificate, key)
	return &own, err
}
