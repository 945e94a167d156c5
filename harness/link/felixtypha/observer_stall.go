package felixtypha

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// endurance says how soon and how late a client may give up on a server that stalls, and how long it may take to refuse
// what it was told, or to leave.
type endurance struct{ from, until, reaction time.Duration }

// ofFelix is that of Felix: 10 seconds from when it dials to the end of the TLS handshake (Calico
// typha/pkg/syncclient/sync_client.go), with two on either side for a busy machine.
var ofFelix = endurance{8 * time.Second, 12 * time.Second, instrument.Reaction}

// outlast waits for the client to give up, and says an octet of what there is to say each second. Giving up too early or
// too late is an objection.
func (s service) outlast(say []byte) error {
	err := instrument.UntilAlert(io.MultiReader(bytes.NewReader(s.reader.Buffered()), &dripping{service: s, say: say}))
	if errors.Is(err, errHeldOn) {
		err = nil
	}
	return s.enough(err)
}

// errHeldOn says that the client held on for as long as it was waited for.
var errHeldOn = errors.New("the client held on")

// dripping is what a client sends while it is told an octet each second.
type dripping struct {
	service
	say []byte
}

// Read implements [io.Reader].
func (d *dripping) Read(p []byte) (int, error) {
	tick := d.endurance.until / 12 // a second
	for time.Since(d.begun) <= d.endurance.until {
		if len(d.say) > 1 { // the last one is never said
			if _, err := d.Raw.Write(d.say[:1]); err != nil {
				return 0, err
			}
			d.say = d.say[1:]
		}
		if err := d.Raw.SetReadDeadline(time.Now().Add(tick)); err != nil {
			return 0, err
		}
		if n, err := d.Raw.Read(p); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return 0, errHeldOn
}

// enough says how long the client held on; err says how it gave up, nil that it did not.
func (s service) enough(err error) error {
	held := time.Since(s.begun)
	switch {
	case err == nil || held > s.endurance.until:
		return fmt.Errorf("%w: the client held on for %.1f s: wanted %s to %s", instrument.ErrObjection, held.Seconds(), s.endurance.from, s.endurance.until)
	case held < s.endurance.from:
		return fmt.Errorf("%w: the client gave up after %.1f s: wanted %s to %s", instrument.ErrObjection, held.Seconds(), s.endurance.from, s.endurance.until)
	}
	return fmt.Errorf("stalling, until the client gave up after %.1f s: %w", held.Seconds(), err)
}

// drip says its ServerHello octet by octet.
func drip(s service, h instrument.Heard) error {
	version := instrument.Versions[s.attempt.Version]
	answer, err := instrument.Choosing(h.Hello, version, instrument.Chosen[version])
	if err != nil {
		return err
	}
	record, err := answer.Record(instrument.MessageServerHello)
	if err != nil {
		return err
	}
	return s.outlast(record)
}

// fallSilent shakes hands up to its certificate, and says nothing after that.
func fallSilent(s service, h instrument.Heard) error {
	settings, err := s.settings()
	if err != nil {
		return err
	}
	if err := s.Raw.SetDeadline(s.begun.Add(s.endurance.until)); err != nil {
		return err
	}
	through := map[link.Version]int{link.TLS12: 2, link.TLS13: 5}[s.attempt.Version]
	err = tls.Server(&hushed{Conn: h.Conn, through: through}, settings).Handshake() //nolint:noctx // raw has a deadline
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return s.enough(err)
}

// hushed is a connection on which only so many records get through to the peer.
type hushed struct {
	net.Conn
	through int
}

// Write implements [net.Conn]. crypto/tls writes whole records.
func (h *hushed) Write(p []byte) (int, error) {
	for rest := p; len(rest) >= instrument.RecordHeader && h.through > 0; h.through-- {
		end := min(len(rest), instrument.RecordHeader+int(binary.BigEndian.Uint16(rest[instrument.RecordHeader-2:])))
		if _, err := h.Conn.Write(rest[:end]); err != nil {
			return 0, err
		}
		rest = rest[end:]
	}
	return len(p), nil
}
