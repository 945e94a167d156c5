package link

// Suite is a cipher suite of TLS.
type Suite struct {
	// Name is its name in IANA's registry, as "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", and ID its number there.
	Name string
	ID   uint16
	// Version is the version of TLS in which it can be agreed upon.
	Version Version
	// Key is the kind of key that a server needs for it.
	Key SuiteKey
	// Standing says what an end is to do with it.
	Standing Standing
}

// SuiteKey is the kind of key that a server needs for a suite.
type SuiteKey string

// The kinds of key.
const (
	// KeyECDSA and KeyRSA are keys of a leaf.
	KeyECDSA SuiteKey = "ecdsa"
	KeyRSA   SuiteKey = "rsa"
	// KeyNone is for suites in which a server shows no leaf, or one of a kind that is not issued here.
	KeyNone SuiteKey = "none"
)

// Standing says what an end is to do with a suite that it is offered.
type Standing string

// The standings.
const (
	// Listed: it agrees, unless its setting names other suites.
	Listed Standing = "listed"
	// Unlisted: it is as good as one that is listed, and not on the list.
	Unlisted Standing = "unlisted"
	// Unsound: it gives no forward secrecy, no authentication, no encryption, or a weak one; an end must never agree.
	Unsound Standing = "unsound"
)
