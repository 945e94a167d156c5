//go:build unix

package build

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// killWait is how long killed processes may take to be gone.
const killWait = 10 * time.Second

// runAll runs a command in a process group of its own, which is killed as a whole when the command's context ends, and
// waits until all of its descendants are gone: they inherit the end of a pipe, and the last one to end closes it.
func runAll(cmd *exec.Cmd) error {
	// A parent-death signal is sent when the thread that started the command ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	alive, held, err := os.Pipe()
	if err != nil {
		return err
	}
	defer alive.Close()
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killWait
	err = cmd.Start()
	_ = held.Close()
	if err != nil {
		return err
	}
	err = cmd.Wait()
	if deadline := alive.SetReadDeadline(time.Now().Add(killWait)); deadline == nil {
		_, _ = io.Copy(io.Discard, alive)
	}
	return err
}
