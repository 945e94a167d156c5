//go:build unix && !linux

package process

import "syscall"

// attributes puts a process in a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
