package felixtypha

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// What crypto/tls cannot be made to say, an instrument says itself: the messages with which a connection begins.

// The handshake messages of TLS that are spoken of here (RFC 8446 section 4, RFC 5246 section 7.4).
const (
	messageHelloRequest = 0
	messageClientHello  = 1
	messageServerHello  = 2
)

// The extensions of a hello that are spoken of here (RFC 8446 section 4.2, RFC 5054, RFC 5746, RFC 7627).
const (
	extensionServerName          uint16 = 0
	extensionGroups              uint16 = 10
	extensionPointFormats        uint16 = 11
	extensionSRP                 uint16 = 12
	extensionSignatureAlgorithms uint16 = 13
	extensionALPN                uint16 = 16
	extensionMasterSecret        uint16 = 23
	extensionSessionTicket       uint16 = 35
	extensionPreSharedKey        uint16 = 41
	extensionVersions            uint16 = 43
	extensionKeyShare            uint16 = 51
	extensionRenegotiation       uint16 = 0xff01
)

// Suites by which a client says something and that nobody can agree to (RFC 5746, RFC 7507).
var signals = []uint16{0x00ff, 0x5600}

// signatureAlgorithms are all that a server could want to sign with, those of old included: that there is none in common
// must not be why it refuses. groups are those in which keys are agreed upon, of elliptic curves and of a finite field.
var (
	signatureAlgorithms = []uint16{
		0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202,
	}
	groups = []uint16{uint16(tls.X25519), uint16(tls.CurveP256), uint16(tls.CurveP384), uint16(tls.CurveP521), 0x0100, 0x0101}
)

// errNoHello is wrapped by the errors for octets that are no hello.
var errNoHello = errors.New("no hello")

// tlsHello is a ClientHello, or a ServerHello, which chooses one suite of those offered.
type tlsHello struct {
	// version is what it says in the place of its version: not the one that is spoken, from TLS 1.3 on.
	version    uint16
	random     []byte
	session    []byte
	suites     []uint16
	extensions map[uint16][]byte
}

// offering returns a ClientHello that offers one suite, in the version of TLS in which it can be had, and what a server
// may need to agree to it.
func offering(s link.Suite) (tlsHello, error) {
	h, err := newTLSHello(tls.VersionTLS12, s.ID)
	if err != nil {
		return h, err
	}
	h.extensions = map[uint16][]byte{
		extensionGroups:              octets16(numbers(groups...)),
		extensionSignatureAlgorithms: octets16(numbers(signatureAlgorithms...)),
		extensionPointFormats:        {1, 0},
		extensionMasterSecret:        {},
		extensionRenegotiation:       {0},
	}
	if strings.HasPrefix(s.Name, "TLS_SRP_") {
		h.extensions[extensionSRP] = octets8([]byte(FelixCN))
	}
	if s.Version == link.TLS13 {
		share, err := keyShare()
		if err != nil {
			return h, err
		}
		h.extensions[extensionVersions] = octets8(numbers(tls.VersionTLS13))
		h.extensions[extensionKeyShare] = octets16(share)
	}
	return h, nil
}

// choosing returns the ServerHello that answers a ClientHello with a version and a suite, whether they were offered or
// not.
func choosing(offered tlsHello, version, suite uint16) (tlsHello, error) {
	h, err := newTLSHello(min(version, tls.VersionTLS12), suite)
	if err != nil || version < tls.VersionTLS13 {
		h.extensions = map[uint16][]byte{extensionRenegotiation: {0}}
		return h, err
	}
	share, err := keyShare()
	h.session = offered.session
	h.extensions = map[uint16][]byte{extensionVersions: numbers(version), extensionKeyShare: share}
	return h, err
}

func newTLSHello(version uint16, suites ...uint16) (tlsHello, error) {
	h := tlsHello{version: version, random: make([]byte, 32), suites: suites}
	_, err := rand.Read(h.random)
	return h, err
}

// keyShare returns a new public key for X25519 (RFC 8446 section 4.2.8). Nobody will need the private one.
func keyShare() ([]byte, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return append(numbers(uint16(tls.X25519)), octets16(key.PublicKey().Bytes())...), nil
}

// record returns the hello as a message of that type, in a record of its own.
func (h tlsHello) record(message uint8) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(instrument.RecordHandshake)
	b.AddUint16(max(tls.VersionTLS10, min(h.version, tls.VersionTLS12)))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(message)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(h.version)
			b.AddBytes(h.random)
			b.AddBytes(octets8(h.session))
			if message == messageServerHello {
				b.AddBytes(append(numbers(h.suites...), 0))
			} else {
				b.AddBytes(append(octets16(numbers(h.suites...)), 1, 0)) // no compression
			}
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, id := range slices.Sorted(maps.Keys(h.extensions)) {
					b.AddBytes(append(numbers(id), octets16(h.extensions[id])...))
				}
			})
		})
	})
	return b.Bytes()
}

// parseHello reads the body of a message of that type. It returns an error that wraps errNoHello if it is none.
func parseHello(message uint8, body []byte) (tlsHello, error) {
	h := tlsHello{extensions: map[uint16][]byte{}}
	s := cryptobyte.String(body)
	var session, suites, compressions cryptobyte.String
	ok := s.ReadUint16(&h.version) && s.ReadBytes(&h.random, 32) && s.ReadUint8LengthPrefixed(&session)
	if message == messageServerHello {
		var chosen []byte
		ok = ok && s.ReadBytes(&chosen, 2) && s.Skip(1)
		suites = chosen
	} else {
		ok = ok && s.ReadUint16LengthPrefixed(&suites) && s.ReadUint8LengthPrefixed(&compressions)
	}
	if !ok {
		return h, fmt.Errorf("%w: it ends in its midst", errNoHello)
	}
	h.session = session
	for !suites.Empty() {
		var suite uint16
		if !suites.ReadUint16(&suite) {
			return h, fmt.Errorf("%w: half a suite", errNoHello)
		}
		h.suites = append(h.suites, suite)
	}
	if s.Empty() {
		return h, nil // one of old
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) || !s.Empty() {
		return h, fmt.Errorf("%w: its extensions end elsewhere than it does", errNoHello)
	}
	for !extensions.Empty() {
		var id uint16
		var value cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&value) {
			return h, fmt.Errorf("%w: half an extension", errNoHello)
		}
		if _, twice := h.extensions[id]; twice {
			return h, fmt.Errorf("%w: extension %d stands in it twice", errNoHello, id)
		}
		h.extensions[id] = value
	}
	return h, nil
}

// offers reports whether a ClientHello offers a version of TLS (RFC 8446 section 4.2.1).
func (h tlsHello) offers(version uint16) bool {
	list, ok := h.extensions[extensionVersions]
	if !ok {
		return version <= h.version && version < tls.VersionTLS13
	}
	offered := cryptobyte.String(list)
	var each cryptobyte.String
	if !offered.ReadUint8LengthPrefixed(&each) {
		return false
	}
	for v := uint16(0); each.ReadUint16(&v); {
		if v == version {
			return true
		}
	}
	return false
}

// readMessage reads a handshake message in the clear: its type and its body. It returns an alert as crypto/tls does, and an
// error that wraps errNoHello for what is neither.
func readMessage(from io.Reader) (kind uint8, body []byte, err error) {
	var all []byte
	for {
		if len(all) >= messageHeader {
			length := int(all[1])<<16 | int(all[2])<<8 | int(all[3])
			if length > maxHello-messageHeader {
				return 0, nil, fmt.Errorf("%w: a message of %d octets", errNoHello, length)
			}
			if len(all) >= messageHeader+length {
				return all[0], all[messageHeader : messageHeader+length], nil
			}
		}
		header := make([]byte, instrument.RecordHeader)
		if _, err := io.ReadFull(from, header); err != nil {
			return 0, nil, err
		}
		length := int(binary.BigEndian.Uint16(header[3:]))
		if header[1] != 3 || header[0] != instrument.RecordHandshake && header[0] != instrument.RecordAlert || length == 0 || length > maxHello {
			return 0, nil, fmt.Errorf("%w: wanted a TLS record of a handshake, found % x", errNoHello, header)
		}
		record := slices.Concat(header, make([]byte, length))
		if _, err := io.ReadFull(from, record[instrument.RecordHeader:]); err != nil {
			return 0, nil, err
		}
		if header[0] == instrument.RecordAlert {
			if length < instrument.RecordStart-instrument.RecordHeader {
				return 0, nil, fmt.Errorf("%w: half an alert", errNoHello)
			}
			return 0, nil, instrument.AlertIn(record)
		}
		all = append(all, record[instrument.RecordHeader:]...)
	}
}

// messageHeader is the number of octets before the body of a handshake message, and maxHello that of a record or of a
// hello at most.
const (
	messageHeader = 4
	maxHello      = 1 << 14
)

// alertRecord is a fatal alert, as a record in the clear.
func alertRecord(description byte) []byte {
	const fatal = 2
	return []byte{instrument.RecordAlert, 3, 3, 0, 2, fatal, description}
}

func numbers(all ...uint16) []byte {
	var b []byte
	for _, n := range all {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// octets8 and octets16 put the length before the octets, in one octet or two.
func octets8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

func octets16(b []byte) []byte { return append(numbers(uint16(len(b))), b...) }
