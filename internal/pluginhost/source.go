package pluginhost

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// HandleWebhook passes one HTTP request to a source. The caller stores the
// items and gives the reply to the sender only afterwards. On an error, which
// may be a *Down, ErrNoInstance, ErrWrongKind, ErrCannot or ErrBadReply, the
// sender should get 503 so that it sends again.
func (h *Host) HandleWebhook(ctx context.Context, id string, req WebhookRequest) (WebhookReply, error) {
	var reply WebhookReply
	n := need{KindSource, sdk.CanReceive, h.timing.Webhook}
	err := h.call(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
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

// maxReplyText is how long a reply or an annotation may be, in characters.
const maxReplyText = 4000

// Reply tells the author of a message something, where the message came from.
// It never fails: what became of it is in the reply, as with Create. When Mail
// is set the caller sends it and looks at nothing else.
func (h *Host) Reply(ctx context.Context, id string, req ReplyRequest) ReplyReply {
	switch n := utf8.RuneCountInString(req.Text); {
	case !sdk.ValidKey(req.Key):
		return ReplyReply{Outcome: Rejected, Message: badKey(req.Key)}
	case n == 0 || n > maxReplyText:
		return ReplyReply{Outcome: Rejected, Message: fmt.Sprintf("the reply has %d characters, want 1 to %d", n, maxReplyText)}
	}
	var reply ReplyReply
	n := need{KindSource, sdk.CanReply, h.timing.Reply}
	failed := h.attempt(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
		var err error
		if reply, err = p.Reply(ctx, req); err == nil {
			checkReply(&reply, k.scrub)
		}
		return err
	})
	if failed != nil {
		return ReplyReply{Outcome: failed.outcome, Message: failed.message, RetryAfter: failed.after}
	}
	return reply
}

// Annotate shows a verdict where the message is. It never fails: what became of
// it is in the reply.
func (h *Host) Annotate(ctx context.Context, id string, req AnnotateRequest) ReplyReply {
	switch n := utf8.RuneCountInString(req.Text); {
	case !sdk.ValidKey(req.Key):
		return ReplyReply{Outcome: Rejected, Message: badKey(req.Key)}
	case n > maxReplyText:
		return ReplyReply{Outcome: Rejected, Message: fmt.Sprintf("the comment has %d characters, at most %d are sent", n, maxReplyText)}
	}
	var reply ReplyReply
	n := need{KindSource, sdk.CanAnnotate, h.timing.Reply}
	failed := h.attempt(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
		var err error
		if reply, err = p.Annotate(ctx, req); err == nil {
			reply.Mail = nil // an annotation is where the message is
			checkReply(&reply, k.scrub)
		}
		return err
	})
	if failed != nil {
		return ReplyReply{Outcome: failed.outcome, Message: failed.message, RetryAfter: failed.after}
	}
	return reply
}

func badKey(key string) string {
	return fmt.Sprintf("the key %q is not 1 to 64 letters and digits", key)
}
