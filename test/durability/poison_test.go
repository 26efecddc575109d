package durability

import (
	"testing"
	"time"
)

// A message that takes its process down is put aside after three times, and
// only that message. Something outside has to start the server again, as
// systemd or Docker does; here it is the test.
func TestPoisonIsQuarantinedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	o := build(t, nil, spec{Sweep: 200 * time.Millisecond})
	ctx := t.Context()
	all := distinct(40, 5)
	bad := message{"poison", poison + " number one", "u1"}
	acks := newAckLog(t, o.root)
	o.start()
	clients := o.fleet(ctx, 4, acks)
	for i, m := range all {
		if i == 20 {
			clients.queue <- bad
		}
		clients.queue <- m
	}
	finished := make(chan struct{})
	go func() {
		clients.finish()
		close(finished)
	}()
	deaths := 0
	for end := time.Now().Add(90 * time.Second); ; {
		if time.Now().After(end) {
			t.Fatalf("after %d deaths the message is still tried\n%s", deaths, o.log())
		}
		select {
		case err := <-o.exited:
			o.exited <- err
			o.kill()
			deaths++
			o.start()
			continue
		case <-time.After(50 * time.Millisecond):
		}
		if isDone(finished) && o.unsettled(t) == 0 {
			break
		}
	}
	want(t, "quarantined", o.count(t, `SELECT count(*) FROM feedback WHERE held_reason = 'quarantined'`), 1)
	want(t, "poisoned messages that are visibly held", o.count(t, `SELECT count(*) FROM feedback
		WHERE external_id = 'poison' AND state = 'held' AND held_reason = 'quarantined'`), 1)
	want(t, "deaths", deaths, 3)
	o.stop()
	f := o.check(t, acks.read(t))
	want(t, "lost", f.Lost, 0)
	want(t, "left behind", f.Stuck, 0)
}

func isDone(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
