package harness

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// scripted serves what it is told to, one connection after the other whoever asks, and then nobody.
type scripted struct {
	link.Listener
	serves []func(ctx context.Context, a link.Attempt) handshake.Account
	served atomic.Int32
}

func (s *scripted) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	n := int(s.served.Add(1)) - 1
	if n >= len(s.serves) {
		<-ctx.Done()
		return handshake.Account{Claim: handshake.Failed, AlertReceived: handshake.NoAlert}, ""
	}
	return s.serves[n](ctx, a), "127.0.0.1:1"
}

func alerted(context.Context, link.Attempt) handshake.Account {
	return handshake.Account{Claim: handshake.WasRefused, AlertReceived: 42}
}

func leaves(context.Context, link.Attempt) handshake.Account {
	return handshake.Account{Claim: handshake.WasRefused, AlertReceived: handshake.NoAlert}
}

func accepts(_ context.Context, a link.Attempt) handshake.Account {
	a.Accepted()
	return handshake.Account{Claim: handshake.Accepted, AlertReceived: handshake.NoAlert}
}

// TestServeAtOnceCutsNobody: who is in a handshake still when the first answer is in says of it what became of that one, and
// not that its peer had gone.
func TestServeAtOnceCutsNobody(t *testing.T) {
	t.Parallel()
	cut := make(chan struct{})
	slow := func(ctx context.Context, _ link.Attempt) handshake.Account {
		<-ctx.Done()
		close(cut)
		return leaves(ctx, link.Attempt{})
	}
	listener := &scripted{serves: []func(context.Context, link.Attempt) handshake.Account{leaves, slow, alerted}}
	account, from, stop := serveAtOnce(t.Context(), link.Attempt{Accepted: func() {}}, listener)
	if account.AlertReceived != 42 || from == "" {
		t.Errorf("wanted the one that said something, found %+v", account)
	}
	select {
	case <-cut:
		t.Error("a connection was cut that was being served")
	default:
	}
	if stop() {
		t.Error("wanted no later one accepted, found one")
	}
	<-cut
}

// TestServeAtOnceHearsOne: a client that accepts its server on all of its connections is heard of one.
func TestServeAtOnceHearsOne(t *testing.T) {
	t.Parallel()
	var heard atomic.Int32
	listener := &scripted{serves: []func(context.Context, link.Attempt) handshake.Account{leaves, accepts, accepts, accepts}}
	account, _, stop := serveAtOnce(t.Context(), link.Attempt{Accepted: func() { heard.Add(1) }}, listener)
	defer stop()
	if account.Claim != handshake.Accepted || heard.Load() != 1 {
		t.Errorf("wanted it to accept and to be heard of that once, found %v and %d times", account.Claim, heard.Load())
	}
}

// TestServeAtOnceTellsOfALaterOne: a client that refuses its server, and takes it on another connection, is told of.
func TestServeAtOnceTellsOfALaterOne(t *testing.T) {
	t.Parallel()
	dialled, refused := make(chan struct{}), make(chan struct{})
	later := func(ctx context.Context, a link.Attempt) handshake.Account {
		close(dialled)
		<-refused
		return accepts(ctx, a)
	}
	listener := &scripted{serves: []func(context.Context, link.Attempt) handshake.Account{alerted, later}}
	account, _, stop := serveAtOnce(t.Context(), link.Attempt{Accepted: func() { t.Error("wanted it heard of its refusal alone, found it heard of another one") }}, listener)
	select {
	case <-dialled:
	case <-time.After(10 * time.Second):
		t.Fatal("wanted it served again after its refusal, found it is not")
	}
	close(refused)
	if account.Claim != handshake.WasRefused || !stop() {
		t.Errorf("wanted a refusal and a later one accepted, found %v and none", account.Claim)
	}
}

// TestServeAtOnceMeetsNobodyWhoSpeaks: where every connection is left without a word, that is what is returned.
func TestServeAtOnceMeetsNobodyWhoSpeaks(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	last := func(ctx context.Context, a link.Attempt) handshake.Account {
		defer cancel()
		return leaves(ctx, a)
	}
	account, from, stop := serveAtOnce(ctx, link.Attempt{Accepted: func() {}}, &scripted{serves: []func(context.Context, link.Attempt) handshake.Account{leaves, last}})
	if account.Claim != handshake.WasRefused || from == "" || stop() {
		t.Errorf("wanted a connection that was left, found %v", account.Claim)
	}
}
