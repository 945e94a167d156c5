package harness

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

// directoryOf returns the address of who lists endpoints to the clients of a link that ask for them, as "IP:port"; "" if they
// are told of them directly. It is started when it is first asked for, and stops with the lab.
func (l *Lab) directoryOf(ctx context.Context, of Link) (string, error) {
	if of.Directory == nil {
		return "", nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.directories[of.Name]; d != nil {
		return d.Addr, nil
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", net.JoinHostPort(loopbackAddress, "0"))
	if err != nil {
		return "", fmt.Errorf("starting a directory of endpoints: %w", err)
	}
	d := &http.Server{
		Addr: listener.Addr().String(), Handler: of.Directory, ReadHeaderTimeout: patienceOfProvider, ErrorLog: log.New(io.Discard, "", 0),
	}
	l.directories[of.Name] = d
	go func() { _ = d.Serve(listener) }()
	return d.Addr, nil
}
