//go:build !unix

package sdktest

import "os/exec"

// group does nothing here.
func group(*exec.Cmd) {}

// killGroup kills the process alone.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
