package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// need is what a call asks for.
type need struct {
	kind   Kind   // empty: either
	can    string // the capability; empty: every plugin of the kind serves it
	within time.Duration
}

// call runs f on the instance's process with a deadline. The error of acquiring
// the process comes back as it is; that of f has the plugin's name before it.
func (h *Host) call(ctx context.Context, id string, n need,
	f func(context.Context, *keeper, *process) error) error {
	k, err := h.keeper(id, n.kind)
	if err != nil {
		return err
	}
	if n.can != "" && !k.manifest.Can(n.can) {
		return fmt.Errorf("%w: %s does not serve %q", ErrCannot, k.manifest.Name, n.can)
	}
	ctx, cancel := context.WithTimeout(ctx, n.within)
	defer cancel()
	p, err := k.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release()
	err = f(ctx, k, p)
	k.history.called(err)
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		p.doubt()
	}
	return &callError{text: k.manifest.Name + ": " + k.scrub.line(err.Error()), cause: err}
}

// fate is what is known of an attempt that has failed.
type fate struct {
	outcome Outcome
	message string
	after   time.Duration
}

// attempt is call for what has an effect outside. It says what is known when
// the attempt fails, and returns nil when f has the plugin's answer.
func (h *Host) attempt(ctx context.Context, id string, n need,
	f func(context.Context, *keeper, *process) error) *fate {
	reached := false
	err := h.call(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
		reached = true
		return f(ctx, k, p)
	})
	down, isDown := errors.AsType[*Down](err)
	switch {
	case err == nil:
		return nil
	case grpcstatus.Code(err) == codes.Unimplemented, errors.Is(err, ErrWrongKind), errors.Is(err, ErrCannot):
		return &fate{outcome: Rejected, message: err.Error()}
	case reached:
		return &fate{outcome: Unknown, message: err.Error()}
	case isDown:
		return &fate{NotCreated, err.Error(), down.RetryAfter()}
	}
	return &fate{outcome: NotCreated, message: err.Error()}
}

// callError is an error of a call with its text cleaned.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

// Health asks the service behind an instance, over the network, whether it
// accepts the configuration. It never fails: a plugin that cannot be asked is
// not healthy.
func (h *Host) Health(ctx context.Context, id string) Health {
	var health Health
	err := h.call(ctx, id, need{within: h.timing.Check}, func(ctx context.Context, k *keeper, p *process) error {
		var err error
		health, err = p.Check(ctx)
		health.Detail = k.scrub.line(health.Detail)
		return err
	})
	if err != nil {
		return Health{Detail: err.Error()}
	}
	return health
}
