package pluginhost

import (
	"os"
	"syscall"
	"unsafe"
)

// canWaitDead says that waitDead waits.
const canWaitDead = true

// processAttr puts a plugin into a process group of its own and has the kernel
// kill it when the thread that started it ends.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// waitDead returns true when the process has ended. It does not collect its
// exit status, so the process id and its group stay ours for killGroup.
func waitDead(pid int) bool {
	const pPID = 1 // P_PID of waitid(2)
	var info [128]byte
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if e != syscall.EINTR {
			return e == 0
		}
	}
}

// killGroup kills the process and every process in its group.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
