package link

// Version is the TLS version of a case, or what is spoken in its place.
type Version string

// The versions.
const (
	TLS10 Version = "tls1.0"
	TLS11 Version = "tls1.1"
	TLS12 Version = "tls1.2"
	TLS13 Version = "tls1.3"
	// Clear is a connection without TLS.
	Clear Version = "plaintext"
	// None is a case in which no connection is made.
	None Version = "none"
)

// Versions lists every version.
var Versions = []Version{TLS10, TLS11, TLS12, TLS13, Clear, None}
