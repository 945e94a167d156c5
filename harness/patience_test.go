package harness_test

import (
	"errors"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
)

// TestPatience: a start may take as long as the machine makes others take, however slow it is, and no longer for one that has
// never been quick.
func TestPatience(t *testing.T) {
	t.Parallel()
	lab := harness.NewLab(t.Context(), harness.Options{Deadline: 30 * time.Second})
	felix := harness.Part{Component: component.Component{Name: "felix", Link: "felix-typha"}}
	typha := harness.Part{Component: component.Component{Name: "typha", Link: "felix-typha"}}
	for _, step := range []struct {
		what string
		do   func()
		want time.Duration
	}{
		{"before its first start", func() {}, 2 * time.Minute},
		{"after a first one that read it from the disk", func() { lab.Started(felix, 100*time.Second, nil) }, 30 * time.Second},
		{"after a quick one", func() { lab.Started(felix, 2*time.Second, nil) }, 30 * time.Second},
		{"after a slow one", func() { lab.Started(felix, 20*time.Second, nil) }, 80 * time.Second},
		{"after one that failed", func() { lab.Started(felix, 80*time.Second, errors.New("not ready")) }, 80 * time.Second},
		{"after another one that was quick", func() { lab.Started(felix, time.Second, nil) }, 80 * time.Second},
	} {
		step.do()
		if got := lab.Patience(felix); got != step.want {
			t.Errorf("%s: wanted a start to be given %s, found %s", step.what, step.want, got)
		}
	}
	if got := lab.Patience(typha); got != 2*time.Minute {
		t.Errorf("wanted the first start of another component to be given 2m0s, found %s", got)
	}
}
