package triage_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// timed fails when work on n bytes takes longer than half a second and ten
// microseconds a byte, ten times what it needs; a busy machine gets three tries.
func timed(t *testing.T, n int, work func()) {
	t.Helper()
	best := time.Hour
	for range 3 {
		start := time.Now()
		work()
		best = min(best, time.Since(start))
		if best <= 500*time.Millisecond+10*time.Duration(n)*time.Microsecond {
			return
		}
	}
	t.Errorf("%d bytes took %v", n, best)
}

func seeds(f *testing.F) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, h := range hostile {
		f.Add(h)
	}
	for range 50 {
		f.Add(hostileText(r))
	}
}

func FuzzNeutralise(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		timed(t, len(s), func() { triage.Neutralise(s, 4000) })
		checkNeutral(t, s, 0)
		checkNeutral(t, s, 30)
	})
}

func FuzzFence(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		timed(t, len(s), func() { triage.Fence(s) })
		checkFence(t, s)
	})
}

func FuzzTitle(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		timed(t, len(s), func() { triage.IssueTitle(s) })
		checkTitle(t, s)
	})
}

func FuzzCSVCell(f *testing.F) {
	for _, s := range []string{"=SUM(1,1)", "\r=1", "a\r\n\r\nb", "'=", "\"=1", " \t", "\u00a0@a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		timed(t, len(s), func() { triage.CSVValue(triage.CSVCell(s)) })
		checkCell(t, s)
	})
}

// It runs alone, because it measures time.
func TestOutgoingTextTakesLinearTime(t *testing.T) {
	work := map[string]func(string){
		"Neutralise":     func(s string) { triage.Neutralise(s, 0) },
		"Neutralise cut": func(s string) { triage.Neutralise(s, len(s)/2) },
		"Fence":          func(s string) { triage.Fence(s) },
		"IssueTitle":     func(s string) { triage.IssueTitle(s) },
		"CSVCell":        func(s string) { triage.CSVCell(s) },
	}
	for name, f := range work {
		for _, unit := range []string{"a", "`", "\\", "`a", "&lt;", "deadbeef ", "http://x ", "a.", "://", "www.", "\u202e", "\n", " ", "=\r", "'", "\u0301", "<!--", "1234567", "[", "a@b "} {
			took := func(n int) time.Duration {
				s := strings.Repeat(unit, n)
				best := time.Hour
				for range 3 {
					start := time.Now()
					f(s)
					best = min(best, time.Since(start))
				}
				return best
			}
			if small, large := took(4_000), took(16_000); large > 9*small+200*time.Millisecond {
				t.Errorf("%s of %q: %v for 4,000, %v for 16,000", name, unit, small, large)
			}
		}
	}
}
