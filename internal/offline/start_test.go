package offline

import (
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The engine must not slow down the start of the program: New does nothing, and
// the first verdict pays for decoding.
func TestFirstVerdictIsQuick(t *testing.T) {
	start := time.Now()
	e := New()
	made := time.Since(start)
	e.Judge(triage.Item{Text: "hello"})
	first := time.Since(start)
	t.Logf("New took %v, the first verdict %v", made, first)
	if made > 100*time.Millisecond || first > 5*time.Second { // 30 ms on an idle core
		t.Errorf("New took %v, the first verdict %v", made, first)
	}
}
