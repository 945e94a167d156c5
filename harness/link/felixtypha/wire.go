package felixtypha

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"time"
)

// What a client may ask for in [MsgClientHello.SyncerType] (Calico's typha/pkg/syncproto). "" means SyncerFelix.
const (
	SyncerFelix              = "felix"
	SyncerBGP                = "bgp"
	SyncerTunnelIPAllocation = "tunnel-ip-allocation"
	SyncerNodeStatus         = "node-status"
)

// Syncers lists every syncer type.
var Syncers = []string{SyncerFelix, SyncerBGP, SyncerTunnelIPAllocation, SyncerNodeStatus}

// The values of [MsgSyncStatus.SyncStatus].
const (
	ResyncInProgress uint8 = 1
	InSync           uint8 = 2
)

// MaxMessage is the number of octets, of one message and the types that it makes known, up to which a [Reader] reads.
// A recent Typha draws the same line.
const MaxMessage = 1 << 20

// ErrMalformed is wrapped by the errors for what is no message of the protocol.
var ErrMalformed = errors.New("not a message of Typha's protocol")

// ErrTooBig says that a message is longer than [MaxMessage]. It wraps [ErrMalformed].
var ErrTooBig = fmt.Errorf("%w: longer than %d octets", ErrMalformed, MaxMessage)

// envelope is what every message is wrapped in.
type envelope struct {
	Message any
}

// MsgClientHello is the first message of a client.
type MsgClientHello struct {
	Hostname, Info, Version        string
	SyncerType                     string
	SupportsDecoderRestart         bool
	SupportedCompressionAlgorithms []string
	SupportsModernPolicyKeys       bool
	ClientConnID                   uint64
}

// MsgServerHello is the answer of a server that takes the client.
type MsgServerHello struct {
	Version                     string
	SyncerType                  string
	SupportsNodeResourceUpdates bool
	ServerConnID                uint64
}

// MsgKVs holds parts of the datastore.
type MsgKVs struct {
	KVs []SerializedUpdate
}

// SerializedUpdate is one key of the datastore with its value.
type SerializedUpdate struct {
	Key               string
	Value             []byte
	Revision          any
	V3ResourceVersion string
	TTL               int64
	UpdateType        uint8
}

// MsgSyncStatus says how far the server is.
type MsgSyncStatus struct {
	SyncStatus uint8
}

// MsgPing asks for a MsgPong.
type MsgPing struct {
	Timestamp time.Time
}

// MsgPong answers a MsgPing.
type MsgPong struct {
	PingTimestamp, PongTimestamp time.Time
}

// MsgDecoderRestart tells a client that asked for it that what follows is encoded anew.
type MsgDecoderRestart struct {
	Message              string
	CompressionAlgorithm string
}

// MsgACK answers a MsgDecoderRestart.
type MsgACK struct{}

// registered is not nil if the names of the messages are taken in this process, as by Calico's own package.
//
// An encoder finds the name of a message, and a decoder its type, only in gob's registry, which is one for the whole
// process. So this is done here, once, before anything is encoded.
var registered = register(map[string]any{
	"MsgClientHello":    MsgClientHello{},
	"MsgServerHello":    MsgServerHello{},
	"MsgKVs":            MsgKVs{},
	"MsgSyncStatus":     MsgSyncStatus{},
	"MsgPing":           MsgPing{},
	"MsgPong":           MsgPong{},
	"MsgDecoderRestart": MsgDecoderRestart{},
	"MsgACK":            MsgACK{},
})

// wirePrefix is what the names on the wire begin with: where Calico's package lay long ago.
const wirePrefix = "github.com/projectcalico/typha/pkg/syncproto."

func register(messages map[string]any) (err error) {
	// gob panics over a name that is taken, and a program that merely links this package must not die of it.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("registering Typha's messages: %v", p)
		}
	}()
	for name, message := range messages {
		gob.RegisterName(wirePrefix+name, message)
	}
	return nil
}

// Writer writes messages to a stream.
type Writer struct {
	to      io.Writer
	buffer  bytes.Buffer
	encoder *gob.Encoder
}

// NewWriter returns a Writer at the start of a stream.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: to}
	w.encoder = gob.NewEncoder(&w.buffer)
	return w
}

// Write writes messages, all by one call of the underlying Write.
func (w *Writer) Write(messages ...any) error {
	if err := w.Skip(messages...); err != nil {
		return err
	}
	_, err := w.to.Write(w.buffer.Bytes())
	return err
}

// Skip takes messages for written: what follows is encoded as it must be after them.
func (w *Writer) Skip(messages ...any) error {
	if registered != nil {
		return registered
	}
	w.buffer.Reset()
	for _, m := range messages {
		if err := w.encoder.Encode(envelope{m}); err != nil {
			return fmt.Errorf("encoding %T: %w", m, err)
		}
	}
	return nil
}

// Encode returns messages as they stand at the beginning of a stream, where the same are always the same octets.
func Encode(messages ...any) ([]byte, error) {
	w := NewWriter(nil)
	err := w.Skip(messages...)
	return w.buffer.Bytes(), err
}

// Reader reads messages from a stream.
type Reader struct {
	frames  frames
	decoder *gob.Decoder
}

// NewReader returns a Reader at the start of a stream.
func NewReader(from io.Reader) *Reader {
	r := &Reader{frames: frames{from: bufio.NewReaderSize(from, 1024)}}
	r.decoder = gob.NewDecoder(&r.frames)
	return r
}

// Read returns the next message, a value of one of the Msg types. It returns [io.EOF] where the stream ends between
// messages, [io.ErrUnexpectedEOF] where it ends within one, an error that wraps [ErrMalformed], and any error of the
// underlying Read.
func (r *Reader) Read() (any, error) {
	if registered != nil {
		return nil, registered
	}
	r.frames.budget = MaxMessage
	var e envelope
	err := r.decoder.Decode(&e)
	switch {
	case err == nil && e.Message == nil:
		return nil, fmt.Errorf("%w: an empty envelope", ErrMalformed)
	case err == nil:
		return e.Message, nil
	case r.frames.failed != nil:
		return nil, r.frames.failed // gob may hide it behind an error of its own
	}
	return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
}

// Peek returns the next n octets without taking them, or fewer and the cause.
func (r *Reader) Peek(n int) ([]byte, error) { return r.frames.from.Peek(n) }

// Buffered returns what was read of the stream and is in no message yet. It holds until the next call of Read or Peek.
func (r *Reader) Buffered() []byte {
	read, _ := r.frames.from.Peek(r.frames.from.Buffered()) // it is there
	return read
}

// frames hands a gob stream on, and looks at the length that stands before each of its parts: gob makes room for a
// part before it is there, and a hostile peer may claim a gigabyte.
type frames struct {
	from *bufio.Reader
	// budget is how many octets the current message may still have.
	budget int
	// length holds the octets of a length that gob has not taken yet, and part is what is left of the part behind it.
	length []byte
	part   int
	failed error
}

// Read implements [io.Reader].
func (f *frames) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.open(); err != nil {
		return 0, err
	}
	if len(f.length) > 0 {
		n := copy(p, f.length)
		f.length = f.length[n:]
		return n, nil
	}
	n, err := f.from.Read(p[:min(len(p), f.part)])
	f.part -= n
	return n, f.fail(midway(err))
}

// ReadByte implements [io.ByteReader], so that gob puts no buffer of its own before frames.
func (f *frames) ReadByte() (byte, error) {
	var one [1]byte
	if _, err := io.ReadFull(f, one[:]); err != nil {
		return 0, err
	}
	return one[0], nil
}

// open reads the length of the next part, where one begins: a number up to 127 is its own octet, and before a greater
// one stands the number of its octets, negated (encoding/gob, "Encoding Details").
func (f *frames) open() error {
	if f.failed != nil {
		return f.failed
	}
	if len(f.length) > 0 || f.part > 0 {
		return nil
	}
	first, err := f.from.ReadByte()
	if err != nil {
		return f.fail(err)
	}
	f.length = append(f.length[:0], first)
	size := uint64(first)
	if first > 127 {
		octets := -int(int8(first))
		if octets > 8 {
			return f.fail(fmt.Errorf("%w: a length of %d octets", ErrMalformed, octets))
		}
		size = 0
		for range octets {
			b, err := f.from.ReadByte()
			if err != nil {
				return f.fail(midway(err))
			}
			f.length = append(f.length, b)
			size = size<<8 | uint64(b)
		}
	}
	f.budget -= len(f.length)
	if f.budget < 0 || size > uint64(f.budget) {
		return f.fail(ErrTooBig)
	}
	f.budget -= int(size)
	f.part = int(size)
	return nil
}

func (f *frames) fail(err error) error {
	if err != nil {
		f.failed = err
	}
	return err
}

// midway makes the end of a stream within a part what it is.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
