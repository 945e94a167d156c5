package link

// Endpoint is one of several that a client is told.
type Endpoint struct {
	// Scheme is that of its address, Schemeless for none; "" for that of the mode.
	Scheme string
	// Host is the host name or the IP address that the client is told; "" for that of the mode.
	Host string
	// Shows is the variant of a server of its own, which the client must refuse there; "" for the observer of the case.
	Shows string
}

// Schemeless is the scheme of an address that has none.
const Schemeless = "schemeless"
