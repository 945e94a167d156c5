// Package etcd is the connection from Calico's components, and from kube-apiserver, to etcd: its modes, and the two
// instruments, a [Prober] that plays the client and an [Observer] that plays the server.
//
// The protocol is gRPC over HTTP/2. A client knows that it was accepted once a Range has been answered: under TLS 1.3 its
// handshake ends before the server has judged it. An etcd that has users refuses some of those whom it has let in, by its
// answer; whom it took its client for, it shows by answering for a key that nobody but that user may read.
package etcd
