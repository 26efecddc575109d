package pluginhost

import "time"

// Timing holds every time and limit of the host. A zero field means its
// default.
type Timing struct {
	Start       time.Duration // 10 s: from exec to a usable connection
	Configure   time.Duration // 10 s
	HealthEvery time.Duration // 10 s: between two health checks, so a hang is seen within 15 s
	Health      time.Duration // 5 s: a health check that takes longer kills the process
	Webhook     time.Duration // 3 s: what Slack and Discord allow
	Create      time.Duration // 20 s: a tracker plugin allows itself 15 s for its request
	Find        time.Duration // 90 s: many pages
	Check       time.Duration // 15 s: "Test connection"
	Reply       time.Duration // 20 s: also for an annotation
	Update      time.Duration // 20 s: also for a comment
	Search      time.Duration // 15 s: also for the options; a person waits
	Changes     time.Duration // 90 s: many pages
	Propose     time.Duration // 60 s: several requests

	ItemBurst int           // 1000: messages of one instance's stream that are taken as they come
	ItemEvery time.Duration // 5 ms: between two after that, 200 a second

	Backoff     time.Duration // 1 s: wait before the first restart; doubles
	MaxBackoff  time.Duration // 60 s
	Healthy     time.Duration // 60 s of running make the next wait Backoff again
	CrashLimit  int           // 3: one more within CrashWindow means quarantine
	CrashWindow time.Duration // 10 min

	Drain time.Duration // 3 s: for running calls when a process is to stop
	Grace time.Duration // 2 s: from the request to stop to SIGKILL
}

func (t Timing) withDefaults() Timing {
	or := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	or(&t.Start, 10*time.Second)
	or(&t.Configure, 10*time.Second)
	or(&t.HealthEvery, 10*time.Second)
	or(&t.Health, 5*time.Second)
	or(&t.Webhook, 3*time.Second)
	or(&t.Create, 20*time.Second)
	or(&t.Find, 90*time.Second)
	or(&t.Check, 15*time.Second)
	or(&t.Reply, 20*time.Second)
	or(&t.Update, 20*time.Second)
	or(&t.Search, 15*time.Second)
	or(&t.Changes, 90*time.Second)
	or(&t.Propose, 60*time.Second)
	or(&t.Backoff, time.Second)
	or(&t.MaxBackoff, 60*time.Second)
	or(&t.Healthy, 60*time.Second)
	or(&t.CrashWindow, 10*time.Minute)
	or(&t.Drain, 3*time.Second)
	or(&t.Grace, 2*time.Second)
	or(&t.ItemEvery, 5*time.Millisecond)
	if t.ItemBurst == 0 {
		t.ItemBurst = 1000
	}
	if t.CrashLimit == 0 {
		t.CrashLimit = 3
	}
	return t
}

// restarts decides when a crashed plugin may run again.
type restarts struct {
	crashes []time.Time   // those within the window
	wait    time.Duration // the last wait
}

// crash notes one crash at now, of a process that had run for up. It returns
// how long to wait, or giveUp when there have been too many.
func (r *restarts) crash(now time.Time, up time.Duration, t Timing) (wait time.Duration, giveUp bool) {
	kept := r.crashes[:0]
	for _, c := range r.crashes {
		if now.Sub(c) < t.CrashWindow {
			kept = append(kept, c)
		}
	}
	r.crashes = append(kept, now)
	if len(r.crashes) > t.CrashLimit {
		return 0, true
	}
	if up >= t.Healthy || r.wait == 0 {
		r.wait = t.Backoff
	} else {
		r.wait = min(2*r.wait, t.MaxBackoff)
	}
	return r.wait, false
}
