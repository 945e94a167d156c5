package component

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/calico-tls/conformance/harness/launch"
)

// AskReady returns what asks a component of Calico whether it is ready, at /readiness on a port: a status of 200 or 204
// means that it is, 503 that it is not (Calico libcalico-go/lib/health/health.go). The error is that of an answer that
// means neither.
func AskReady(port string) func(context.Context, launch.Instance) (Readiness, error) {
	return func(ctx context.Context, i launch.Instance) (Readiness, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Address(port)+"/readiness", nil)
		if err != nil {
			return NoAnswer, fmt.Errorf("asking whether it is ready: %w", err)
		}
		response, err := client.Do(request)
		if err != nil {
			return NoAnswer, nil // which is an answer
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		switch response.StatusCode {
		case http.StatusOK, http.StatusNoContent:
			return IsReady, nil
		case http.StatusServiceUnavailable:
			return IsNotReady, nil
		}
		return NoAnswer, fmt.Errorf("asking whether it is ready: wanted status 200, 204 or 503, found %s", response.Status)
	}
}

// client keeps no connection, as the next program on a port is another one, and is led to no other place.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
