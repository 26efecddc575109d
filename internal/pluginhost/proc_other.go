//go:build !linux

package pluginhost

import (
	"io/fs"
	"os"
	"syscall"
)

// noFollow has no meaning here; Lstat has looked before.
const noFollow = 0

// ownedByUs cannot be told here.
func ownedByUs(fs.FileInfo) bool { return true }

// residentBytes cannot be told here.
func residentBytes(int) int64 { return 0 }

// canWaitDead says that waitDead returns at once here.
const canWaitDead = false

// processAttr asks for nothing special: the sdk's own check of its parent ends
// orphans within a second.
func processAttr() *syscall.SysProcAttr { return nil }

// waitDead cannot wait here without collecting the exit status.
func waitDead(int) bool { return false }

// killGroup kills the process alone.
func killGroup(p *os.Process) { _ = p.Kill() }
