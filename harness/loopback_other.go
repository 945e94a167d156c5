//go:build !linux

package harness

// everyLoopback says that 127.0.0.1 is the only loopback address that can be counted on.
const everyLoopback = false
