// Package felixtypha is the connection from Felix to Typha: its modes, its wire protocol, and the two instruments, a
// [Prober] that plays Felix and an [Observer] that plays Typha.
//
// The protocol is a stream of gob messages in each direction, inside TLS or in the clear. The client speaks first, with
// a [MsgClientHello]; a server that takes it answers with a [MsgServerHello], then sends what it knows as [MsgKVs] and
// says how far it is by [MsgSyncStatus]. From time to time it sends a [MsgPing], and the client answers with a
// [MsgPong].
//
// So a decoded MsgServerHello is the proof for a client that it was accepted: under TLS 1.3 its handshake ends before
// the server has judged it. For a server the proof is a MsgPong, as it shows that the client took what it was sent.
package felixtypha
