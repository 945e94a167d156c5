package conformance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDueNeedsWhatStandsBehind holds a target to the cases that it has all components for, and says why of the others.
func TestDueNeedsWhatStandsBehind(t *testing.T) {
	for _, c := range []struct {
		name, components string
		due, lacks       []string // as in "etcd/typha": a link, and a subject on it
	}{
		{"Typha and its datastore", "typha: {build: calico-typha}, etcd: {build: etcd}", []string{"felix-typha/typha", "etcd/typha", "etcd/etcd"}, []string{"kube-apiserver/typha"}},
		{"our stub of Typha", "typha: {reference: true}", []string{"felix-typha/typha", "kube-apiserver/typha"}, nil},
		{"a cluster without its datastore", "kube-apiserver: {build: kube-apiserver}, calicoctl: {build: calicoctl}", nil, []string{"kube-apiserver/kube-apiserver", "kube-apiserver/calicoctl", "etcd/calicoctl"}},
		{"all", "typha: {build: calico-typha}, etcd: {build: etcd}, kube-apiserver: {build: kube-apiserver}", []string{"felix-typha/typha", "etcd/typha", "etcd/etcd", "kube-apiserver/typha", "kube-apiserver/kube-apiserver"}, nil},
		{"a Typha that runs already", "typha: {endpoint: '127.0.0.1:1'}", []string{"felix-typha/typha"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "target.yaml")
			if err := os.WriteFile(file, []byte("name: part\ncomponents: {"+c.components+"}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Load(Options{Target: file})
			if len(c.due) == 0 {
				if usage, is := errors.AsType[*UsageError](err); !is || !strings.Contains(usage.Hint(), "and the target has none") {
					t.Errorf("wanted an error that says what is missing, found %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			due, lacks := map[string]bool{}, map[string]bool{}
			for _, x := range r.due {
				due[x.Link+"/"+x.Subject] = true
			}
			for _, x := range r.inapplicable {
				part := strings.Split(x.ID, "/")
				lacks[part[0]+"/"+part[2]] = lacks[part[0]+"/"+part[2]] || strings.Contains(x.Reason, "has to stand behind")
			}
			for _, want := range c.due {
				if !due[want] || lacks[want] {
					t.Errorf("wanted %s judged, found cases: %t, of which some lack something: %t", want, due[want], lacks[want])
				}
			}
			for _, want := range c.lacks {
				if due[want] || !lacks[want] {
					t.Errorf("wanted %s left out, found cases: %t, and a reason: %t", want, due[want], lacks[want])
				}
			}
		})
	}
}
