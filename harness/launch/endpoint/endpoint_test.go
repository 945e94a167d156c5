package endpoint_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/endpoint"
)

// TestEndpoint: where nobody listens it is said; what is there already is no part of the log, and what comes is, also in a
// file of the same name; nothing can be changed, and stopping ends what we have of it alone.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var listening net.ListenConfig
	server, err := listening.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "of old\n")
	i, err := endpoint.Launcher{Address: server.Addr().String(), LogFile: path}.Start(ctx, launch.Program{Name: "typha"})
	if err != nil {
		t.Fatal(err)
	}
	if found := i.Address("any"); found != server.Addr().String() {
		t.Errorf("wanted the address %s, found %s", server.Addr(), found)
	}
	write(t, path, "first\n")
	wait(ctx, t, i, "first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, path, "second\n")
	wait(ctx, t, i, "second")
	for _, line := range i.Log().Tail(10) {
		if line == "of old" {
			t.Error("wanted what is written from now on, found what was there")
		}
	}
	if err := i.Replace(ctx, "ca.pem", nil); err == nil {
		t.Error("replacing a file: wanted an error, found none")
	}
	if err := i.Stop(ctx); err != nil {
		t.Error(err)
	}
	<-i.Done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server.Addr().String())
	if err != nil {
		t.Fatalf("after the stop the server no longer listens: %v", err)
	}
	_ = conn.Close()
}

// TestNobodyListens: that is an error of its own.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	server, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	_, err = endpoint.Launcher{Address: server.Addr().String()}.Start(t.Context(), launch.Program{Name: "typha"})
	if _, absent := errors.AsType[*endpoint.AbsentError](err); !absent {
		t.Errorf("wanted an AbsentError, found %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func wait(ctx context.Context, t *testing.T, i launch.Instance, line string) {
	t.Helper()
	if _, err := i.Log().Wait(ctx, func(l string) bool { return l == line }); err != nil {
		t.Fatalf("waiting for the line %q: %v", line, err)
	}
}
