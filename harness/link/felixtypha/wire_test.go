package felixtypha

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, time.August, 22, 9, 30, 0, 0, time.UTC)

// messages are one of each, and what is odd about some.
var messages = []any{
	MsgClientHello{Hostname: "node-1", SyncerType: SyncerBGP, SupportsModernPolicyKeys: true, SupportedCompressionAlgorithms: []string{"snappy"}, ClientConnID: math.MaxUint64},
	MsgClientHello{},
	MsgServerHello{Version: "v3.31.0", SyncerType: SyncerFelix, SupportsNodeResourceUpdates: true, ServerConnID: 7},
	MsgServerHello{},
	MsgKVs{KVs: []SerializedUpdate{{Key: "/calico/v1/Ready", Value: []byte("true"), Revision: "1", TTL: -1, UpdateType: 1}, {Revision: int64(9)}}},
	MsgKVs{},
	MsgSyncStatus{SyncStatus: InSync},
	MsgPing{Timestamp: at},
	MsgPong{PingTimestamp: at, PongTimestamp: at.Add(time.Second)},
	MsgDecoderRestart{Message: "snapshot", CompressionAlgorithm: "snappy"},
	MsgACK{},
}

func TestMessagesComeBack(t *testing.T) {
	t.Parallel()
	for name, reader := range map[string]func(io.Reader) io.Reader{
		"at once":                 func(r io.Reader) io.Reader { return r },
		"octet by octet":          iotest.OneByteReader,
		"with the end of the end": iotest.DataErrReader, // n > 0 and io.EOF together
	} {
		t.Run(name, func(t *testing.T) {
			var stream bytes.Buffer
			w := NewWriter(&stream)
			for _, m := range messages {
				if err := w.Write(m); err != nil {
					t.Fatal(err)
				}
			}
			r := NewReader(reader(&stream))
			for _, want := range messages {
				got, err := r.Read()
				if err != nil {
					t.Fatalf("wanted %T, found: %v", want, err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("wanted -, found +:\n%s", d)
				}
			}
			if _, err := r.Read(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("wanted io.EOF at the end, found %v", err)
			}
		})
	}
}

// TestNamesOnTheWire holds the names against what Typha's package registers, as they stand in the stream.
func TestNamesOnTheWire(t *testing.T) {
	t.Parallel()
	for _, m := range messages {
		var stream bytes.Buffer
		if err := NewWriter(&stream).Write(m); err != nil {
			t.Fatal(err)
		}
		want := "github.com/projectcalico/typha/pkg/syncproto." + reflect.TypeOf(m).Name()
		if !bytes.Contains(stream.Bytes(), []byte(want)) {
			t.Errorf("wanted %q in the stream of a %T, found %q", want, m, stream.Bytes())
		}
	}
}

// TestOneWriteForAll: what is sent together must come together, in one TLS record.
func TestOneWriteForAll(t *testing.T) {
	t.Parallel()
	var writes counted
	if err := NewWriter(&writes).Write(Flight(MsgClientHello{})...); err != nil {
		t.Fatal(err)
	}
	if writes != 1 {
		t.Errorf("wanted 1 write, found %d", writes)
	}
}

type counted int

func (c *counted) Write(p []byte) (int, error) { *c++; return len(p), nil }

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	type other struct{ Value string }
	stream := func(v any) []byte {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(v); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole := stream(envelope{MsgServerHello{Version: "v3.31.0"}})
	for name, c := range map[string]struct {
		octets []byte
		want   error
	}{
		"nothing":              {nil, io.EOF},
		"half a message":       {whole[:len(whole)-3], io.ErrUnexpectedEOF},
		"half a length":        {[]byte{0xfe, 1}, io.ErrUnexpectedEOF},
		"a gigabyte claimed":   {[]byte{0xfc, 0x40, 0, 0, 0, 1, 2, 3}, ErrTooBig},
		"2^64 octets claimed":  {bytes.Repeat([]byte{0xf8, 0xff}, 8)[:9], ErrTooBig},
		"a length of 9 octets": {bytes.Repeat([]byte{0xf7}, 16), ErrMalformed},
		"nothing but zeros":    {make([]byte, 64), ErrMalformed},
		"a message too big":    {stream(envelope{MsgServerHello{Version: strings.Repeat("x", MaxMessage)}}), ErrTooBig},
		"another type":         {stream(other{"x"}), ErrMalformed},
		"HTTP":                 {[]byte("GET / HTTP/1.1\r\nHost: typha\r\nAccept: everything\r\nUser-Agent: nobody at all, and never was\r\n\r\n"), ErrMalformed},
		"a TLS hello":          {append([]byte{22, 3, 1, 0, 200, 1, 0, 0, 196}, make([]byte, 196)...), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := NewReader(bytes.NewReader(c.octets)).Read()
			if !errors.Is(err, c.want) {
				t.Errorf("wanted %v, found %#v and the error %v", c.want, m, err)
			}
		})
	}
}

// TestReaderReadsOn: the limit is that of a message, not of a stream.
func TestReaderReadsOn(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	w := NewWriter(&stream)
	big := MsgServerHello{Version: strings.Repeat("x", MaxMessage/2)}
	for range 5 {
		if err := w.Write(big); err != nil {
			t.Fatal(err)
		}
	}
	r := NewReader(&stream)
	for range 5 {
		if m, err := r.Read(); err != nil || m != big {
			t.Fatalf("wanted the message, found the error %v", err)
		}
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	t.Parallel()
	type impostor struct{ X int }
	err := register(map[string]any{"MsgPing": impostor{}})
	if err == nil || !strings.Contains(err.Error(), "MsgPing") {
		t.Errorf("wanted an error that names MsgPing, found %v", err)
	}
}

// FuzzDecode reads whatever stream: it must end, without a panic, in messages and one error.
func FuzzDecode(f *testing.F) {
	var stream bytes.Buffer
	w := NewWriter(&stream)
	for _, m := range messages {
		if err := w.Write(m); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(stream.Bytes()))
		var alone bytes.Buffer
		if err := NewWriter(&alone).Write(m); err != nil {
			f.Fatal(err)
		}
		f.Add(alone.Bytes())
	}
	f.Add([]byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 9})
	f.Add([]byte{0xfc, 0x40, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, octets []byte) {
		r := NewReader(bytes.NewReader(octets))
		for range len(octets) + 1 {
			m, err := r.Read()
			if err != nil {
				if m != nil {
					t.Errorf("wanted no message beside the error %v, found %#v", err, m)
				}
				return
			}
			var again bytes.Buffer
			if err := NewWriter(&again).Write(m); err != nil {
				t.Fatalf("wanted %#v to be encoded again, found: %v", m, err)
			}
		}
		t.Errorf("wanted the stream to end, found more messages than its %d octets", len(octets))
	})
}
