//go:build !linux

package pluginhost

import (
	"os"
	"syscall"
)

// canWaitDead says that waitDead returns at once here.
const canWaitDead = false

// processAttr asks for nothing special: the sdk's own check of its parent ends
// orphans within a second.
func processAttr() *syscall.SysProcAttr { return nil }

// waitDead cannot wait here without collecting the exit status.
func waitDead(int) bool { return false }

// killGroup kills the process alone.
func killGroup(p *os.Process) { _ = p.Kill() }
