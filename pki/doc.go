// Package pki issues credentials that are right in every respect but one.
//
// A [Credential] says by value what one end of a connection shows: its leaf, the path above it, the authority at the
// top, and what is odd about the way it is sent. A [Variant] is one named change to the good credential, and
// [Variants] is the whole table. [Authorities] turns a Credential into signed bytes and a key, an [Issued], and writes
// the trust bundles and revocation lists that go with it. [Describe] says a Credential in words, and [ParseSPIFFEID]
// reads the names that the page recommends.
//
// # Adding a variant
//
// Add a row to [Variants], and its name to testdata by running the tests with -update. The tests take the signed bytes
// and show, with crypto/x509 and with OpenSSL, that the check in Breaks fails and that no other does, and that the row
// differs from its twin in one attribute.
//
// The package knows nothing of who will judge a credential: whether a change matters is for the oracle to say. It
// uses the standard library only, and any package may import it.
package pki
