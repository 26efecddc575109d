//go:build !linux

package llm

import (
	"testing"
	"time"
)

// cpuTime is how long f takes, with whatever else the machine does.
func cpuTime(_ testing.TB, f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
