//go:build !unix

package process

import "os"

// terminate ends a process: there is no way to ask.
func terminate(p *os.Process) error { return p.Kill() }

// kill ends a process.
func kill(p *os.Process) { _ = p.Kill() }

// killGroup does nothing: there are no process groups.
func killGroup(int) {}
