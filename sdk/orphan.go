package sdk

import (
	"os"
	"strconv"
	"time"
)

// endWithHost ends this process within a second after the host is gone. A host
// that is killed cannot stop its plugins, and an orphan would hold on to
// secrets and connections for ever.
func endWithHost() {
	host := os.Getppid()
	if pid, err := strconv.Atoi(os.Getenv(HostPID)); err == nil {
		host = pid // the host may have gone before we looked
	}
	for os.Getppid() == host {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}
