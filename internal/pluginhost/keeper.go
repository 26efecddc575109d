package pluginhost

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// keeper keeps one instance running until it is stopped.
type keeper struct {
	host     *Host
	manifest Manifest
	instance Instance
	scrub    scrubber
	log      *slog.Logger
	history  *history // set by Host.put

	after <-chan struct{}    // closed when the keeper before this one is done; may be nil
	stop  context.CancelFunc // ends run
	done  chan struct{}      // closed when run has ended and its process is gone

	mu      sync.Mutex
	status  Status
	process *process      // not nil while status.State is Running
	refused error         // a *Refused or an *Unfit: why it is not tried again
	changed chan struct{} // closed and replaced at every change
}

func newKeeper(h *Host, m Manifest, in Instance) *keeper {
	return &keeper{
		host: h, manifest: m, instance: in,
		scrub:   newScrubber(m, in.Config),
		log:     h.log.With("plugin", m.Name, "instance", in.ID),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
		status:  Status{ID: in.ID, Plugin: m.Name, State: Starting, Since: time.Now()},
	}
}

// run starts the process again and again until ctx ends.
func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	if k.after != nil {
		<-k.after
	}
	if !k.instance.Enabled {
		k.enter(Status{State: Disabled, Detail: "switched off"}, nil)
		return
	}
	if list := CheckConfig(k.manifest, k.instance.Config); hasErrors(list) {
		k.refuse(&Refused{list})
		return
	}
	var history restarts
	for restart := 0; ctx.Err() == nil; restart++ {
		k.enter(Status{State: Starting, Restarts: restart}, nil)
		began := time.Now()
		err := k.runOnce(ctx, restart)
		if ctx.Err() != nil {
			return
		}
		if refused, ok := errors.AsType[*Refused](err); ok {
			k.refuse(refused)
			return
		}
		if unfit, ok := errors.AsType[*Unfit](err); ok {
			k.give(unfit)
			return
		}
		why := k.scrub.line(err.Error())
		wait, giveUp := history.crash(time.Now(), time.Since(began), k.host.timing)
		if giveUp {
			k.log.Error("plugin quarantined", "err", why)
			k.enter(Status{State: Quarantined, Detail: why, Restarts: restart}, nil)
			return
		}
		k.log.Warn("plugin crashed", "err", why, "wait", wait)
		k.enter(Status{State: Backoff, Detail: why, Restarts: restart, RetryAt: time.Now().Add(wait)}, nil)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// runOnce runs one process from start to end. It returns why the process ended,
// never nil.
func (k *keeper) runOnce(ctx context.Context, restart int) error {
	p, err := k.launch(ctx)
	if err != nil {
		return err
	}
	k.log.Info("plugin started", "pid", p.runner.pid)
	k.enter(Status{State: Running, Detail: k.scrub.line(p.notes), PID: p.runner.pid, Restarts: restart}, p)
	streaming, stop := context.WithCancel(ctx)
	defer stop()
	streamed := start(func() { k.stream(streaming, p) })
	err = p.watch(ctx)
	k.forget()
	stop()
	p.end(err == nil)
	<-streamed
	if err == nil {
		err = ctx.Err()
	}
	return err
}

func (k *keeper) refuse(refused *Refused) {
	for i := range refused.Diagnostics {
		d := &refused.Diagnostics[i]
		d.Summary, d.Detail = k.scrub.line(d.Summary), k.scrub.line(d.Detail)
	}
	k.give(refused)
}

// give gives up until somebody changes something.
func (k *keeper) give(why error) {
	k.log.Warn("plugin refused", "err", why.Error())
	k.mu.Lock()
	k.refused = why
	k.mu.Unlock()
	k.enter(Status{State: Disabled, Detail: why.Error()}, nil)
}

// enter makes s the status and tells everyone.
func (k *keeper) enter(s Status, p *process) {
	k.mu.Lock()
	s.ID, s.Plugin, s.Since = k.status.ID, k.status.Plugin, time.Now()
	k.status, k.process = s, p
	close(k.changed)
	k.changed = make(chan struct{})
	k.mu.Unlock()
	if k.host.config.OnStatus != nil {
		k.host.config.OnStatus(s)
	}
}

// forget takes a process that has ended, or is about to, out of use.
func (k *keeper) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.process = nil
	k.status.State, k.status.Detail, k.status.PID = Starting, "", 0
}

func (k *keeper) snapshot() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// trying reports whether the keeper still does something for its instance.
func (k *keeper) trying() bool {
	switch k.snapshot().State {
	case Starting, Running, Backoff:
		return true
	}
	return false
}

// started waits until the instance runs, or is known not to.
func (k *keeper) started(ctx context.Context) error {
	p, err := k.acquire(ctx)
	if err == nil {
		p.release()
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.refused != nil:
		return k.refused
	case !k.instance.Enabled && ctx.Err() == nil:
		return nil
	}
	return err
}

// acquire returns the running process, and waits for one that is starting. The
// caller releases it. The error is a *Down, or ctx's.
func (k *keeper) acquire(ctx context.Context) (*process, error) {
	for {
		k.mu.Lock()
		status, p, changed := k.status, k.process, k.changed
		if p != nil && p.acquire() {
			k.mu.Unlock()
			return p, nil
		}
		k.mu.Unlock()
		if status.State != Starting && status.State != Running {
			return nil, &Down{status}
		}
		select {
		case <-changed:
		case <-k.done:
			if s := k.snapshot(); s.State == Starting || s.State == Running {
				return nil, &Down{Status{ID: s.ID, Plugin: s.Plugin, State: Disabled, Detail: "stopped"}}
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
