// Command program is package program as an executable.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	in := launch.Invocation{Args: os.Args[1:], Env: map[string]string{}}
	for _, variable := range os.Environ() {
		key, value, _ := strings.Cut(variable, "=")
		in.Env[key] = value
	}
	os.Exit(program.Main(ctx, in, os.Stdout))
}
