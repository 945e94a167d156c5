package instrument

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

	"golang.org/x/crypto/cryptobyte"
)

// What crypto/tls cannot be made to say, an instrument says itself: the messages with which a connection begins.

// The handshake messages of TLS that are spoken of here (RFC 8446 section 4, RFC 5246 section 7.4).
const (
	MessageHelloRequest = 0
	MessageClientHello  = 1
	MessageServerHello  = 2
)

// The extensions of a hello that are spoken of here (RFC 8446 section 4.2, RFC 5054, RFC 5746, RFC 7627).
const (
	ExtensionServerName          uint16 = 0
	ExtensionGroups              uint16 = 10
	ExtensionPointFormats        uint16 = 11
	ExtensionSRP                 uint16 = 12
	ExtensionSignatureAlgorithms uint16 = 13
	ExtensionALPN                uint16 = 16
	ExtensionMasterSecret        uint16 = 23
	ExtensionSessionTicket       uint16 = 35
	ExtensionPreSharedKey        uint16 = 41
	ExtensionVersions            uint16 = 43
	ExtensionKeyShare            uint16 = 51
	ExtensionRenegotiation       uint16 = 0xff01
)

// ErrNoHello is wrapped by the errors for octets that are no hello.
var ErrNoHello = errors.New("no hello")

// Hello is a ClientHello, or a ServerHello, which chooses one suite of those offered.
type Hello struct {
	// Version is what it says in the place of its version: not the one that is spoken, from TLS 1.3 on.
	Version uint16
	// Random and Session are as the protocol has them, Suites the suites that are offered, or the one that is chosen, and
	// Extensions what the extensions hold, by their numbers.
	Random     []byte
	Session    []byte
	Suites     []uint16
	Extensions map[uint16][]byte
}

// Choosing returns the ServerHello that answers a ClientHello with a version and a suite, whether they were offered or
// not.
func Choosing(offered Hello, version, suite uint16) (Hello, error) {
	h, err := NewHello(min(version, tls.VersionTLS12), suite)
	if err != nil || version < tls.VersionTLS13 {
		h.Extensions = map[uint16][]byte{ExtensionRenegotiation: {0}}
		return h, err
	}
	share, err := KeyShare()
	h.Session = offered.Session
	h.Extensions = map[uint16][]byte{ExtensionVersions: Numbers(version), ExtensionKeyShare: share}
	return h, err
}

// NewHello returns a hello with a new random, and without extensions.
func NewHello(version uint16, suites ...uint16) (Hello, error) {
	h := Hello{Version: version, Random: make([]byte, 32), Suites: suites}
	_, err := rand.Read(h.Random)
	return h, err
}

// KeyShare returns a new public key for X25519 (RFC 8446 section 4.2.8). Nobody will need the private one.
func KeyShare() ([]byte, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return append(Numbers(uint16(tls.X25519)), Octets16(key.PublicKey().Bytes())...), nil
}

// Record returns the hello as a message of that type, in a record of its own.
func (h Hello) Record(message uint8) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(RecordHandshake)
	b.AddUint16(max(tls.VersionTLS10, min(h.Version, tls.VersionTLS12)))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(message)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(h.Version)
			b.AddBytes(h.Random)
			b.AddBytes(Octets8(h.Session))
			if message == MessageServerHello {
				b.AddBytes(append(Numbers(h.Suites...), 0))
			} else {
				b.AddBytes(append(Octets16(Numbers(h.Suites...)), 1, 0)) // no compression
			}
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, id := range slices.Sorted(maps.Keys(h.Extensions)) {
					b.AddBytes(append(Numbers(id), Octets16(h.Extensions[id])...))
				}
			})
		})
	})
	return b.Bytes()
}

// ParseHello reads the body of a message of that type. It returns an error that wraps ErrNoHello if it is none.
func ParseHello(message uint8, body []byte) (Hello, error) {
	h := Hello{Extensions: map[uint16][]byte{}}
	s := cryptobyte.String(body)
	var session, suites, compressions cryptobyte.String
	ok := s.ReadUint16(&h.Version) && s.ReadBytes(&h.Random, 32) && s.ReadUint8LengthPrefixed(&session)
	if message == MessageServerHello {
		var chosen []byte
		ok = ok && s.ReadBytes(&chosen, 2) && s.Skip(1)
		suites = chosen
	} else {
		ok = ok && s.ReadUint16LengthPrefixed(&suites) && s.ReadUint8LengthPrefixed(&compressions)
	}
	if !ok {
		return h, fmt.Errorf("%w: it ends in its midst", ErrNoHello)
	}
	h.Session = session
	for !suites.Empty() {
		var suite uint16
		if !suites.ReadUint16(&suite) {
			return h, fmt.Errorf("%w: half a suite", ErrNoHello)
		}
		h.Suites = append(h.Suites, suite)
	}
	if s.Empty() {
		return h, nil // one of old
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) || !s.Empty() {
		return h, fmt.Errorf("%w: its extensions end elsewhere than it does", ErrNoHello)
	}
	for !extensions.Empty() {
		var id uint16
		var value cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&value) {
			return h, fmt.Errorf("%w: half an extension", ErrNoHello)
		}
		if _, twice := h.Extensions[id]; twice {
			return h, fmt.Errorf("%w: extension %d stands in it twice", ErrNoHello, id)
		}
		h.Extensions[id] = value
	}
	return h, nil
}

// Offers reports whether a ClientHello offers a version of TLS (RFC 8446 section 4.2.1).
func (h Hello) Offers(version uint16) bool {
	list, ok := h.Extensions[ExtensionVersions]
	if !ok {
		return version <= h.Version && version < tls.VersionTLS13
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

// ReadMessage reads a handshake message in the clear: its type and its body. It returns an alert as crypto/tls does, and an
// error that wraps ErrNoHello for what is neither.
func ReadMessage(from io.Reader) (kind uint8, body []byte, err error) {
	var all []byte
	for {
		if len(all) >= messageHeader {
			length := int(all[1])<<16 | int(all[2])<<8 | int(all[3])
			if length > maxHello-messageHeader {
				return 0, nil, fmt.Errorf("%w: a message of %d octets", ErrNoHello, length)
			}
			if len(all) >= messageHeader+length {
				return all[0], all[messageHeader : messageHeader+length], nil
			}
		}
		header := make([]byte, RecordHeader)
		if _, err := io.ReadFull(from, header); err != nil {
			return 0, nil, err
		}
		length := int(binary.BigEndian.Uint16(header[3:]))
		if header[1] != 3 || header[0] != RecordHandshake && header[0] != RecordAlert || length == 0 || length > maxHello {
			return 0, nil, fmt.Errorf("%w: wanted a TLS record of a handshake, found % x", ErrNoHello, header)
		}
		record := slices.Concat(header, make([]byte, length))
		if _, err := io.ReadFull(from, record[RecordHeader:]); err != nil {
			return 0, nil, err
		}
		if header[0] == RecordAlert {
			if length < RecordStart-RecordHeader {
				return 0, nil, fmt.Errorf("%w: half an alert", ErrNoHello)
			}
			return 0, nil, AlertIn(record)
		}
		all = append(all, record[RecordHeader:]...)
	}
}

// messageHeader is the number of octets before the body of a handshake message, and maxHello that of a record or of a
// hello at most.
const (
	messageHeader = 4
	maxHello      = 1 << 14
)

// AlertRecord is a fatal alert, as a record in the clear.
func AlertRecord(description byte) []byte {
	const fatal = 2
	return []byte{RecordAlert, 3, 3, 0, 2, fatal, description}
}

// Numbers writes numbers as TLS does, in two octets each.
func Numbers(all ...uint16) []byte {
	var b []byte
	for _, n := range all {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// Octets8 puts the length before the octets, in one octet.
func Octets8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

// Octets16 puts the length before the octets, in two octets.
func Octets16(b []byte) []byte { return append(Numbers(uint16(len(b))), b...) }
