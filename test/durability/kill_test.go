package durability

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// result is the one line that a run reports.
type result struct {
	Test     string
	Seed     uint64
	Kills    int
	Acked    int
	FirstAck string // longest time from a restart to the first acknowledgement
	Slowest  string // slowest acknowledged request
	Drain    string // from the last start until nothing was left to do
	Odd      int    // answers other than 200, 429 and 503
	found
}

func (r result) String() string {
	raw, _ := json.Marshal(r)
	return string(raw)
}

// storm says how to kill.
type storm struct {
	cycles, items int
	approve       int // at most so many drafts, more or less
	spec          spec
	patience      time.Duration // how long nothing may move before the run is over
}

func chosenSeed() uint64 {
	if *seed != 0 {
		return *seed
	}
	return uint64(time.Now().UnixNano())
}

// rage sends messages and approves drafts while the server is killed again and
// again, lets the last server finish, and counts.
func rage(t *testing.T, name string, st storm, knobs func(*hub)) result {
	t.Helper()
	r := result{Test: name, Seed: chosenSeed(), Kills: st.cycles}
	dice := rand.New(rand.NewPCG(r.Seed, 1))
	h := newHub(t, r.Seed)
	h.set(knobs)
	o := build(t, h, st.spec)
	acks := newAckLog(t, o.root)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	clients := o.fleet(ctx, 8, acks)
	all := distinct(st.items, r.Seed)

	approving, stopApproving := context.WithCancel(ctx)
	approved := make(chan struct{})
	go func() {
		defer close(approved)
		o.approveAll(approving, st.approve)
	}()
	defer func() {
		stopApproving()
		<-approved
	}()

	// A quarter is sent at once, so that every server finds work that its
	// predecessor left; the rest comes in bursts, one a server.
	sent := st.items / 4
	for _, m := range all[:sent] {
		clients.queue <- m
	}
	for i := range st.cycles {
		o.start()
		for to := st.items/4 + (i+1)*(st.items-st.items/4)/st.cycles; sent < to; sent++ {
			clients.queue <- all[sent]
		}
		time.Sleep(time.Duration(dice.Int64N(int64(500 * time.Millisecond))))
		o.kill()
		if i == st.cycles/2 {
			o.noOrphans(t)
		}
	}
	o.start()
	begin := time.Now()
	clients.finish()
	calm := time.Now()
	for left := -1; left != 0 && time.Since(calm) < st.patience; time.Sleep(200 * time.Millisecond) {
		if now := o.waiting(t); now != left {
			left, calm = now, time.Now()
		}
	}
	r.Drain = time.Since(begin).Round(time.Millisecond).String()
	stopApproving()
	<-approved
	o.stop()
	o.noOrphans(t)
	r.Acked, r.Odd = int(acks.n.Load()), int(clients.odd.Load())
	r.FirstAck = time.Duration(clients.firstAck.Load()).Round(time.Millisecond).String()
	r.Slowest = time.Duration(clients.slowest.Load()).Round(time.Millisecond).String()
	r.found = o.check(t, acks.read(t))
	t.Log(r)
	fmt.Println(r)
	return r
}

// want fails the test when a count is not what it must be.
func want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d, want %d", what, got, want)
	}
}

// Not parallel: it measures how soon a restarted server answers.
func TestKillLosesNothingAndFilesNothingTwice(t *testing.T) {
	st := storm{cycles: *cycles, items: *items, approve: *items / 3, spec: spec{Sweep: 500 * time.Millisecond, Breaker: time.Second, Cooldown: 2 * time.Millisecond}, patience: time.Minute}
	if testing.Short() {
		st.cycles, st.items, st.approve = 5, 300, 100
	}
	r := rage(t, "kill", st, func(h *hub) {
		h.lag, h.flap = 600*time.Millisecond, 0.2
		h.broken, h.dead, h.limited = 0.06, 0.01, 0.01
		h.before, h.after = 2*time.Millisecond, 5*time.Millisecond
	})
	want(t, "messages acknowledged", r.Acked, st.items)
	want(t, "messages stored", r.Items, st.items)
	want(t, "acknowledged messages lost", r.Lost, 0)
	want(t, "messages stored twice", r.Twice, 0)
	want(t, "messages left behind", r.Stuck, 0)
	want(t, "issues filed twice", r.FiledTwice, 0)
	want(t, "issues in the tracker that nobody knows", r.Stray, 0)
	want(t, "wrong numbers", r.WrongNumber, 0)
	want(t, "deliveries left open", r.Open, 0)
	want(t, "issues filed or waiting for a person", r.Filed+r.NeedsHuman+r.Drafts, r.Issues)
	want(t, "odd answers", r.Odd, 0)
	if r.Filed < st.items/5 {
		t.Errorf("only %d of %d issues were filed; the run shows too little", r.Filed, r.Issues)
	}
}

// The control runs take the two halves of the protection away. If they found
// nothing, the test above would prove nothing.
func TestControlWithoutSweepLeavesWorkBehind(t *testing.T) {
	st := storm{cycles: 12, items: 400, approve: 200, spec: spec{NoSweep: true, Breaker: time.Second, Cooldown: 2 * time.Millisecond}, patience: 5 * time.Second}
	if testing.Short() {
		st.cycles, st.items = 6, 200
	}
	r := rage(t, "control: no sweep", st, func(h *hub) { h.broken, h.after = 0.05, 5*time.Millisecond })
	if r.Stuck == 0 {
		t.Errorf("no message was left behind without the sweep and the reset at the start: %v", r)
	}
	if r.Open == 0 {
		t.Errorf("no delivery was left behind without the sweep and the reset at the start: %v", r)
	}
	want(t, "acknowledged messages lost", r.Lost, 0) // those are on disk whatever happens
}

func TestControlBlindPostFilesTwice(t *testing.T) {
	st := storm{cycles: 8, items: 200, approve: 150, spec: spec{BlindPost: true, Sweep: 300 * time.Millisecond, Breaker: time.Second, Cooldown: 2 * time.Millisecond}, patience: 20 * time.Second}
	if testing.Short() {
		st.cycles, st.items = 4, 100
	}
	r := rage(t, "control: blind post", st, func(h *hub) { h.broken, h.after = 0.1, 5*time.Millisecond })
	if r.FiledTwice == 0 {
		t.Errorf("nothing was filed twice although creates were repeated blindly: %v", r)
	}
}
