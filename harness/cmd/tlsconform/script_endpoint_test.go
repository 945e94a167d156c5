package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// awaited bounds how long a transcript waits for a text.
const awaited = 20 * time.Second

// authority writes into a folder an authority (ca.crt, ca.key), and below it the credentials of a Typha and of a Felix:
// authority FOLDER.
func authority(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: authority FOLDER")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	root := pki.Credential{Leaf: pki.AuthorityTemplate(pki.Trusted), Root: pki.SelfSigned}
	issued, err := pki.NewAuthorities().Issue(root)
	ts.Check(err)
	own := writeCredential(ts, issued, dir, "ca")
	authorities, err := pki.Adopt(own[0], own[1])
	ts.Check(err)
	link := felixtypha.Link
	for _, leaf := range []struct {
		name string
		pki.Role
		pki.Identity
	}{{"server", pki.Server, link.Server.Identity}, {"client", pki.Client, link.Client.Identity}} {
		issued, err := authorities.Issue(pki.Good(leaf.Role, leaf.Identity))
		ts.Check(err)
		writeCredential(ts, issued, dir, leaf.name)
	}
}

// writeCredential writes a credential, and returns its certificate and its key in PEM.
func writeCredential(ts *testscript.TestScript, issued *pki.Issued, dir, name string) [][]byte {
	key, err := issued.KeyPEM(pki.PKCS8)
	ts.Check(err)
	both := [][]byte{issued.CertificatePEM(), key}
	for i, suffix := range []string{".crt", ".key"} {
		ts.Check(os.WriteFile(filepath.Join(dir, name+suffix), both[i], 0o600))
	}
	return both
}

// port puts a port on which nobody listens into a variable, and in the place of its name into files: port NAME FILE….
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: port NAME file...")
	}
	var l net.ListenConfig
	listener, err := l.Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Check(listener.Close())
	insert(ts, args[0], number, args[1:])
}

// website serves a web page over HTTPS until the transcript ends, and puts its address into files in the place of its name:
// website NAME FILE….
func website(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: website NAME file...")
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "welcome") })
	server := httptest.NewTLSServer(page)
	ts.Defer(server.Close)
	insert(ts, args[0], server.Listener.Addr().String(), args[1:])
}

// set puts a value into files in the place of a name: set NAME VALUE FILE….
func set(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: set NAME VALUE file...")
	}
	insert(ts, args[0], args[1], args[2:])
}

// insert sets a variable, and puts it in the place of its name into files.
func insert(ts *testscript.TestScript, name, value string, files []string) {
	ts.Setenv(name, value)
	for _, file := range files {
		text := ts.ReadFile(file)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(strings.ReplaceAll(text, name, value)), 0o600))
	}
}

// await waits until a file holds a text: await FILE TEXT.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	over := time.After(awaited)
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(data), args[1]) {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			ts.Fatalf("waiting for %q in %s: found %q", args[1], args[0], data)
		}
	}
}
