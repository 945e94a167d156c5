package felixtypha

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// ConductNames returns the conducts that the prober can play.
func ConductNames() []string {
	var names []string
	for _, c := range behaviours {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// ReceptionNames returns the conducts that the observer can play.
func ReceptionNames() []string {
	var names []string
	for _, r := range receptions {
		if r.name != "" {
			names = append(names, r.name)
		}
	}
	return names
}

// Hurried returns an observer of whose clients all is wanted sooner.
func Hurried(from, until, reaction time.Duration) Observer {
	return Observer{endurance{from, until, reaction}}
}

// TLSHello is a ClientHello or a ServerHello.
type TLSHello = instrument.Hello

// The two kinds.
const (
	ClientHello = instrument.MessageClientHello
	ServerHello = instrument.MessageServerHello
)

// Offering returns the ClientHello that offers a suite, as a record.
func Offering(s link.Suite) ([]byte, error) {
	h, err := offering(s)
	if err != nil {
		return nil, err
	}
	return h.Record(instrument.MessageClientHello)
}

// Choosing returns the ServerHello that answers a client by a version and a suite, as a record.
func Choosing(client io.Reader, version, suite uint16) ([]byte, error) {
	kind, body, err := instrument.ReadMessage(client)
	if err != nil {
		return nil, err
	}
	offered, err := instrument.ParseHello(kind, body)
	if err != nil {
		return nil, err
	}
	h, err := instrument.Choosing(offered, version, suite)
	if err != nil {
		return nil, err
	}
	return h.Record(instrument.MessageServerHello)
}

// ReadHello reads a hello from a record, and writes it anew.
func ReadHello(record []byte) (h TLSHello, again []byte, err error) {
	kind, body, err := instrument.ReadMessage(bytes.NewReader(record))
	if err != nil {
		return h, nil, err
	}
	if h, err = instrument.ParseHello(kind, body); err != nil {
		return h, nil, err
	}
	again, err = h.Record(kind)
	return h, again, err
}

// Probing has a prober make its attempt over a connection that there is.
func Probing(ctx context.Context, raw net.Conn, a link.Attempt) handshake.Account {
	s := begin(ctx, raw)
	return s.end(probe{attempt: a}.converse(ctx, s))
}

// Serving has an observer serve a connection that there is.
func Serving(ctx context.Context, raw net.Conn, a link.Attempt) handshake.Account {
	s := begin(ctx, raw)
	return s.end(service{attempt: a, session: s, begun: time.Now(), endurance: ofFelix}.converse())
}
