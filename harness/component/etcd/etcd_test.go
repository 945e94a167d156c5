package etcd_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
)

// TestInProcess starts etcd in this process, stores a key and reads it back, and stops it.
func TestInProcess(t *testing.T) {
	t.Parallel()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	i, err := inprocess.New(run).Start(t.Context(), etcd.New(nil).Program(component.Start{}))
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{i.Address(etcd.ClientPort)}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := client.Put(ctx, "/calico/v1/Ready", "true"); err != nil {
		t.Fatal(err)
	}
	got, err := client.Get(ctx, "/calico/v1/Ready")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "true" {
		t.Errorf("wanted the value that was stored, found %v", got.Kvs)
	}
	if err := i.Stop(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-i.Done():
	default:
		t.Error("wanted etcd to have ended")
	}
}

// TestUnfitFolder: an etcd that cannot start says why.
func TestUnfitFolder(t *testing.T) {
	t.Parallel()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close(context.WithoutCancel(t.Context())) })
	p := component.Override(etcd.New(nil).Program(component.Start{}), nil, map[string]string{"ETCD_LISTEN_CLIENT_URLS": "http://[::1]:x"})
	p.Deadline = 10 * time.Second
	if _, err := inprocess.New(run).Start(t.Context(), p); err == nil {
		t.Fatal("wanted an error, found none")
	}
}

// TestKeys: an etcd that is ready holds the keys that it is to have, octet for octet.
func TestKeys(t *testing.T) {
	t.Parallel()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	keys := map[string]string{"/calico/a": `{"kind":"A"}`, "/calico/b": "\x00\xff\n", "/calico/empty": ""}
	i, err := inprocess.New(run).Start(t.Context(), etcd.Behind(keys).Program(component.Start{}))
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{i.Address(etcd.ClientPort)}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := client.Get(ctx, "", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, kv := range got.Kvs {
		found[string(kv.Key)] = string(kv.Value)
	}
	if !maps.Equal(found, keys) {
		t.Errorf("wanted %q, found %q", keys, found)
	}
}

// TestKeysThatAreRefused: an etcd that does not take a key is not ready, and says which.
func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close(context.WithoutCancel(t.Context())) })
	p := etcd.Behind(map[string]string{"": "a key must have a name"}).Program(component.Start{})
	if _, err := inprocess.New(run).Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "to etcd: rpc error: code = InvalidArgument") {
		t.Errorf("wanted an error of the key, found %v", err)
	}
}
