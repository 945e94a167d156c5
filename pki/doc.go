// Package pki issues credentials that are right in every respect but one.
//
// A [Credential] says by value what one end of a connection shows: its leaf, the path above it, the authority at the
// top, and what is odd about the way it is sent. A [Variant] is one named change to the good credential, and
// [Variants] is the whole table. [Authorities] turns a Credential into signed bytes and a key, an [Issued].
//
// The package knows nothing of who will judge a credential: whether a change matters is for the oracle to say. It
// uses the standard library only, and any package may import it.
package pki
