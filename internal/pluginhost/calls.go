package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// call runs f on the instance's process with a deadline. The error of acquiring
// the process comes back as it is; that of f has the plugin's name before it.
func (h *Host) call(ctx context.Context, id string, kind Kind, limit time.Duration,
	f func(context.Context, *keeper, *process) error) error {
	k, err := h.keeper(id, kind)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := k.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release()
	err = f(ctx, k, p)
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		p.doubt()
	}
	return &callError{text: k.manifest.Name + ": " + k.scrub.line(err.Error()), cause: err}
}

// callError is an error of a call with its text cleaned.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

// HandleWebhook passes one HTTP request to a source. The caller stores the
// items and gives the reply to the sender only afterwards. On an error, which
// may be a *Down, ErrNoInstance, ErrWrongKind or ErrBadReply, the sender should
// get 503 so that it sends again.
func (h *Host) HandleWebhook(ctx context.Context, id string, req WebhookRequest) (WebhookReply, error) {
	var reply WebhookReply
	err := h.call(ctx, id, KindSource, h.timing.Webhook, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		if reply, err = p.HandleWebhook(ctx, req); err != nil {
			return err
		}
		return checkWebhookReply(&reply, time.Now())
	})
	if err != nil {
		return WebhookReply{}, err
	}
	return reply, nil
}

// Create files one issue. It never fails: what became of the attempt is in the
// reply. NotCreated means that the call did not reach a process, or that the
// plugin is sure; a plugin that dies or misses its deadline leaves Unknown.
// The marker becomes the body's first line if it is not there yet.
func (h *Host) Create(ctx context.Context, id string, req CreateRequest) CreateReply {
	if why := prepareCreate(&req); why != "" {
		return CreateReply{Outcome: Rejected, Message: why}
	}
	reached := false
	var reply CreateReply
	err := h.call(ctx, id, KindTracker, h.timing.Create, func(ctx context.Context, k *keeper, p *process) error {
		reached = true
		var err error
		if reply, err = p.Create(ctx, req); err != nil {
			return err
		}
		checkCreateReply(&reply, k.scrub)
		return nil
	})
	down, isDown := errors.AsType[*Down](err)
	switch {
	case err == nil:
		return reply
	case reached:
		return CreateReply{Outcome: Unknown, Message: err.Error()}
	case isDown:
		return CreateReply{Outcome: NotCreated, Message: err.Error(), RetryAfter: down.RetryAfter()}
	case errors.Is(err, ErrWrongKind):
		return CreateReply{Outcome: Rejected, Message: err.Error()}
	}
	return CreateReply{Outcome: NotCreated, Message: err.Error()}
}

// prepareCreate puts the marker where it belongs, or says why the request
// cannot be sent.
func prepareCreate(req *CreateRequest) string {
	if !sdk.ValidKey(req.Key) {
		return fmt.Sprintf("the delivery key %q is not 1 to 64 letters and digits", req.Key)
	}
	key, marked := sdk.MarkerOf(req.Body)
	if marked && key != req.Key {
		return "the body carries the marker of another delivery"
	}
	if !marked {
		req.Body = sdk.Marker(req.Key) + "\n\n" + req.Body
	}
	if size := len(req.Title) + len(req.Body); size > sdk.MaxMessage/2 {
		return fmt.Sprintf("the issue has %d bytes, at most %d can be filed", size, sdk.MaxMessage/2)
	}
	return ""
}

// Find lists the issues that carry our marker, newest first. An error means
// that nobody has looked.
func (h *Host) Find(ctx context.Context, id string, req FindRequest) ([]Found, error) {
	var found []Found
	err := h.call(ctx, id, KindTracker, h.timing.Find, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		found, err = p.Find(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return checkFound(found, req.Key), nil
}

// Health asks the service behind an instance, over the network, whether it
// accepts the configuration. It never fails: a plugin that cannot be asked is
// not healthy.
func (h *Host) Health(ctx context.Context, id string) Health {
	var health Health
	err := h.call(ctx, id, "", h.timing.Check, func(ctx context.Context, k *keeper, p *process) error {
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
