//go:build unix

package process

import (
	"os"
	"syscall"
)

// terminate asks a process to end.
func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// kill ends a process and its group.
func kill(p *os.Process) {
	killGroup(p.Pid)
	_ = p.Kill()
}

// killGroup ends what is in a process group; an empty one is no error.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
