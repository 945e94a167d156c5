//go:build !linux

package launch

// ephemeral returns the ports that the kernel gives to outgoing connections (RFC 6335 section 6).
func ephemeral() (low, high int) { return 49152, 65535 }
