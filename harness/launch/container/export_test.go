package container

import (
	"context"
	"net/http/httptrace"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// SharesFiles reports whether an engine with these security options may be shown folders of this machine by a user.
func SharesFiles(user int, securityOptions []string) bool {
	return (&engine{info: system.Info{SecurityOptions: securityOptions}}).sharesFiles(user)
}

// KeepsConnection reports whether a connection to the engine is used again after testcontainers has closed its client.
func KeepsConnection(ctx context.Context) (reused bool, err error) {
	e, err := connect(ctx)
	if err != nil {
		return false, err
	}
	defer e.close()
	if _, err := e.client.Ping(ctx, client.PingOptions{}); err != nil {
		return false, err
	}
	if err := e.provider.Close(); err != nil {
		return false, err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
	_, err = e.client.Ping(ctx, client.PingOptions{})
	return reused, err
}
