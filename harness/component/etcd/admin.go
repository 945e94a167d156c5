package etcd

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/calico-tls/conformance/harness/link/etcd"
)

// awaitHealth asks etcd's /health until it says that a leader has been elected. etcd answers none of the first
// requests if they come before it listens, so they are repeated at short intervals until ctx ends.
func awaitHealth(ctx context.Context, address string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := healthy(ctx, address)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func healthy(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/health", nil)
	if err != nil {
		return fmt.Errorf("asking etcd for its health: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking etcd for its health: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking etcd for its health: wanted status 200, found %s", response.Status)
	}
	return nil
}

// fill writes keys.
func fill(ctx context.Context, address string, keys map[string]string) error {
	client, err := connect(address)
	if err != nil {
		return err
	}
	defer client.Close()
	for key, value := range keys {
		if err := put(ctx, client, key, value); err != nil {
			return err
		}
	}
	return nil
}

// connect returns a connection in the clear, which is made when it is first used. What etcd's JSON gateway offers besides
// is no use here: it is a client of etcd itself, with the server's own certificate.
func connect(address string) (*grpc.ClientConn, error) {
	client, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	return client, nil
}

func put(ctx context.Context, client *grpc.ClientConn, key, value string) error {
	if _, err := etcdserverpb.NewKVClient(client).Put(ctx, &etcdserverpb.PutRequest{Key: []byte(key), Value: []byte(value)}); err != nil {
		return fmt.Errorf("writing %s to etcd: %w", key, err)
	}
	return nil
}

// stranger is a user who may read nothing that is Calico's: the Common Name of the variant "cn-other".
const stranger = "stranger"

// root is the user, and the role, without whom etcd asks nobody who he is.
const root = "root"

// addUsers gives etcd users without passwords, who may each read a key of their own, and makes it ask who its clients are
// (etcd api/etcdserverpb/rpc.proto, service Auth).
func addUsers(ctx context.Context, address string) error {
	client, err := connect(address)
	if err != nil {
		return err
	}
	defer client.Close()
	auth := etcdserverpb.NewAuthClient(client)
	for user, key := range map[string]string{root: "", etcd.ClientCN: etcd.UserKey(etcd.ClientCN), stranger: etcd.UserKey(stranger)} {
		if err := addUser(ctx, auth, user, key); err != nil {
			return fmt.Errorf("adding the user %s to etcd: %w", user, err)
		}
		if err := put(ctx, client, etcd.UserKey(user), user); err != nil {
			return err
		}
	}
	if _, err := auth.AuthEnable(ctx, &etcdserverpb.AuthEnableRequest{}); err != nil {
		return fmt.Errorf("enabling the authentication of etcd: %w", err)
	}
	return nil
}

// addUser adds a user with a role of the same name, which may read and write a key; "" for none.
func addUser(ctx context.Context, auth etcdserverpb.AuthClient, user, key string) error {
	if _, err := auth.UserAdd(ctx, &etcdserverpb.AuthUserAddRequest{Name: user, Options: &authpb.UserAddOptions{NoPassword: true}}); err != nil {
		return err
	}
	if _, err := auth.RoleAdd(ctx, &etcdserverpb.AuthRoleAddRequest{Name: user}); err != nil {
		return err
	}
	if key != "" {
		may := &authpb.Permission{PermType: authpb.Permission_READWRITE, Key: []byte(key)}
		if _, err := auth.RoleGrantPermission(ctx, &etcdserverpb.AuthRoleGrantPermissionRequest{Name: user, Perm: may}); err != nil {
			return err
		}
	}
	_, err := auth.UserGrantRole(ctx, &etcdserverpb.AuthUserGrantRoleRequest{User: user, Role: user})
	return err
}
