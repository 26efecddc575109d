package durability

import (
	"testing"
	"time"
)

// Docker waits ten seconds after SIGTERM; eight is the promise.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	h := newHub(t, 21)
	h.set(func(h *hub) { h.after = 100 * time.Millisecond })
	o := build(t, h, spec{Sweep: 300 * time.Millisecond})
	acks := newAckLog(t, o.root)
	rounds, n := 6, 600
	if testing.Short() {
		rounds, n = 2, 100
	}
	clients := o.fleet(t.Context(), 8, acks)
	all := distinct(n, 22)
	var longest time.Duration
	for i := range rounds {
		o.start()
		for _, m := range all[i*n/rounds : (i+1)*n/rounds] {
			clients.queue <- m
		}
		time.Sleep(200 * time.Millisecond)
		o.approveSome(t.Context())
		time.Sleep(50 * time.Millisecond)
		longest = max(longest, o.stop())
	}
	t.Logf("longest stop: %v", longest)
	if longest > 8*time.Second {
		t.Errorf("the longest stop took %v, want at most 8 s", longest)
	}
	o.start()
	clients.finish()
	until(t, time.Minute, "every message to settle", func() bool { return o.unsettled(t) == 0 })
	until(t, time.Minute, "every delivery to end", func() bool { return o.count(t, `SELECT count(*) FROM issues WHERE state = 'approved'`) == 0 })
	o.stop()
	o.noOrphans(t)
	f := o.check(t, acks.read(t))
	want(t, "stored", f.Items, n)
	want(t, "lost", f.Lost, 0)
	want(t, "quarantined", f.Quarantined, 0)
	want(t, "filed twice", f.FiledTwice, 0)
}
