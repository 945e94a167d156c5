package felixtypha

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/calico-tls/conformance/harness/link/instrument"
)

// renegotiate asks the client, once both have shaken hands, to do so anew (RFC 5246 section 7.4.1.1), and waits for it
// to refuse. crypto/tls cannot ask, so the observer goes on by itself with the keys that were agreed upon.
func renegotiate(s service, h instrument.Heard) error {
	settings, err := s.settings()
	if err != nil {
		return err
	}
	tapped := &tap{Conn: h.Conn}
	secret := &masterSecret{}
	settings.CipherSuites, settings.KeyLogWriter = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, secret
	if err := s.secure(tls.Server(tapped, settings)); err != nil {
		return err
	}
	s.Conn = s.Raw
	s.listen(s.Raw)
	client, server, err := tapped.take(h.Hello, secret.octets)
	if err != nil {
		return fmt.Errorf("taking over from crypto/tls: %w", err)
	}
	if _, err := s.Raw.Write(server.seal(instrument.RecordHandshake, []byte{instrument.MessageHelloRequest, 0, 0, 0})); err != nil {
		return fmt.Errorf("asking the client to renegotiate: %w", err)
	}
	from := io.MultiReader(bytes.NewReader(tapped.beyond), s.Raw)
	for {
		kind, content, err := client.open(from)
		switch {
		case err != nil:
			return fmt.Errorf("asking the client to renegotiate: %w", err)
		case kind == recordApplication:
			s.Account.Octets += len(content)
		case kind == instrument.RecordAlert && len(content) == instrument.RecordStart-instrument.RecordHeader:
			return fmt.Errorf("asking the client to renegotiate: %w", &net.OpError{Op: "remote error", Err: tls.AlertError(content[1])})
		default:
			return fmt.Errorf("%w: wanted the client to refuse to renegotiate, found a record of type %d", instrument.ErrObjection, kind)
		}
	}
}

// The types of records that a renegotiation meets besides (RFC 5246 section 6.2.1).
const (
	recordChangeCipherSpec = 20
	recordApplication      = 23
)

// masterSecret takes the master secret of a connection from crypto/tls. It goes nowhere else.
type masterSecret struct{ octets []byte }

// Write implements [io.Writer].
func (m *masterSecret) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	m.octets = make([]byte, hex.DecodedLen(len(fields[2])))
	_, err := hex.Decode(m.octets, fields[2])
	return len(line), err
}

// tap is a connection that keeps what went over it.
type tap struct {
	net.Conn
	read, written bytes.Buffer
	// beyond is what was read of the client after the handshake.
	beyond []byte
}

// Read implements [net.Conn].
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.read.Write(p[:n])
	return n, err
}

// Write implements [net.Conn].
func (t *tap) Write(p []byte) (int, error) {
	t.written.Write(p)
	return t.Conn.Write(p)
}

// take returns the two directions of a connection on which each end has said its Finished.
func (t *tap) take(client instrument.Hello, master []byte) (ofClient, ofServer *direction, err error) {
	kind, body, err := instrument.ReadMessage(&t.written)
	if err != nil {
		return nil, nil, err
	}
	server, err := instrument.ParseHello(kind, body)
	if err != nil {
		return nil, nil, err
	}
	for rest := t.read.Bytes(); ; {
		kind, content, after, ok := cutRecord(rest)
		if !ok {
			return nil, nil, fmt.Errorf("%w: the client has not finished", instrument.ErrNoHello)
		}
		rest = after
		if kind == recordChangeCipherSpec && len(content) == 1 {
			if _, _, t.beyond, ok = cutRecord(rest); !ok {
				return nil, nil, fmt.Errorf("%w: the client has not finished", instrument.ErrNoHello)
			}
			break
		}
	}
	const key, salt = 16, 4
	block := prf(master, "key expansion", slices.Concat(server.Random, client.Random), 2*key+2*salt)
	if ofClient, err = newDirection(block[:key], block[2*key:2*key+salt]); err != nil {
		return nil, nil, err
	}
	ofServer, err = newDirection(block[key:2*key], block[2*key+salt:])
	return ofClient, ofServer, err
}

// cutRecord cuts the first record off.
func cutRecord(b []byte) (kind byte, content, rest []byte, ok bool) {
	if len(b) < instrument.RecordHeader {
		return 0, nil, nil, false
	}
	end := instrument.RecordHeader + int(binary.BigEndian.Uint16(b[instrument.RecordHeader-2:]))
	if len(b) < end {
		return 0, nil, nil, false
	}
	return b[0], b[instrument.RecordHeader:end], b[end:], true
}

// prf is the pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 section 5).
func prf(secret []byte, label string, seed []byte, length int) []byte {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var all []byte
	for a := mac(seed); len(all) < length; a = mac(a) {
		all = append(all, mac(a, seed)...)
	}
	return all[:length]
}

// direction is one direction of a connection under AES-GCM in TLS 1.2 (RFC 5288 section 3), after its Finished.
type direction struct {
	aead     cipher.AEAD
	salt     []byte
	sequence uint64
}

func newDirection(key, salt []byte) (*direction, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &direction{aead, salt, 1}, err
}

// additional is what a record is authenticated with, beside its content (RFC 5246 section 6.2.3.3).
func (d *direction) additional(kind byte, length int) []byte {
	b := binary.BigEndian.AppendUint64(nil, d.sequence)
	return binary.BigEndian.AppendUint16(append(b, kind, 3, 3), uint16(length))
}

// seal makes the next record.
func (d *direction) seal(kind byte, content []byte) []byte {
	explicit := binary.BigEndian.AppendUint64(nil, d.sequence)
	sealed := d.aead.Seal(explicit, slices.Concat(d.salt, explicit), content, d.additional(kind, len(content)))
	d.sequence++
	return append(binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(len(sealed))), sealed...)
}

// open reads the next record.
func (d *direction) open(from io.Reader) (kind byte, content []byte, err error) {
	header := make([]byte, instrument.RecordHeader)
	if _, err := io.ReadFull(from, header); err != nil {
		return 0, nil, err
	}
	sealed := make([]byte, binary.BigEndian.Uint16(header[instrument.RecordHeader-2:]))
	if _, err := io.ReadFull(from, sealed); err != nil {
		return 0, nil, err
	}
	const explicit = 8
	if len(sealed) < explicit+d.aead.Overhead() {
		return 0, nil, fmt.Errorf("%w: a record of %d octets", instrument.ErrObjection, len(sealed))
	}
	additional := d.additional(header[0], len(sealed)-explicit-d.aead.Overhead())
	content, err = d.aead.Open(nil, slices.Concat(d.salt, sealed[:explicit]), sealed[explicit:], additional)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: record %d of the client: %w", instrument.ErrObjection, d.sequence, err)
	}
	d.sequence++
	return header[0], content, nil
}
