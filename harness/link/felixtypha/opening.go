package felixtypha

import (
	"slices"
	"sync"
	"time"
)

// What opens a conversation is the same in each connection, so it is encoded once: gob would write its types anew every
// time.
var (
	hellos  = sync.OnceValues(func() (map[string][]byte, error) { return encodeAll(func(h MsgClientHello) []any { return []any{h} }) })
	flights = sync.OnceValues(func() (map[string][]byte, error) { return encodeAll(Flight) })
)

func encodeAll(of func(MsgClientHello) []any) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, syncer := range Syncers {
		octets, err := Encode(of(hello(syncer))...)
		if err != nil {
			return nil, err
		}
		all[syncer] = octets
	}
	return all, nil
}

// hello is the first message of the prober.
func hello(syncer string) MsgClientHello {
	return MsgClientHello{
		Hostname: "tlsconform", Info: "conformance prober", Version: "conformance",
		SyncerType: syncer, SupportsModernPolicyKeys: true,
	}
}

// begun is the time of the ping in a [Flight].
var begun = time.Now()

// ReadyKey is the key by which a datastore is flagged as ready, by the value "true".
const ReadyKey = "/calico/v1/Ready"

// Flight returns what a Typha that is in sync with an empty datastore answers to a client's hello, and a ping.
func Flight(hello MsgClientHello) []any {
	return []any{
		MsgServerHello{Version: "conformance", SyncerType: syncerOf(hello), SupportsNodeResourceUpdates: true},
		// Without this key a Felix takes the datastore for one that is not ready, and ends.
		MsgKVs{KVs: []SerializedUpdate{{Key: ReadyKey, Value: []byte("true"), Revision: "1", UpdateType: 1}}},
		MsgSyncStatus{SyncStatus: InSync},
		MsgPing{Timestamp: begun},
	}
}

// EncodedFlight returns the [Flight] as it stands at the beginning of a stream.
func EncodedFlight(hello MsgClientHello) ([]byte, error) {
	if !slices.Contains(Syncers, syncerOf(hello)) {
		return Encode(Flight(hello)...)
	}
	all, err := flights()
	return all[syncerOf(hello)], err
}

func syncerOf(hello MsgClientHello) string {
	if hello.SyncerType == "" {
		return SyncerFelix
	}
	return hello.SyncerType
}
