package pluginhost

import (
	"context"
	"fmt"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Create files one issue. It never fails: what became of the attempt is in the
// reply. NotCreated means that the call did not reach a process, or that the
// plugin is sure; a plugin that dies or misses its deadline leaves Unknown.
// The marker becomes the body's first line if it is not there yet.
func (h *Host) Create(ctx context.Context, id string, req CreateRequest) CreateReply {
	why := tooBig(req.Title, req.Body)
	if why == "" {
		req.Body, why = marked(req.Key, req.Body)
	}
	if why != "" {
		return CreateReply{Outcome: Rejected, Message: why}
	}
	n := need{kind: KindTracker, within: h.timing.Create}
	return h.create(ctx, id, n, func(ctx context.Context, p *process) (CreateReply, error) { return p.Create(ctx, req) })
}

// Propose opens a draft pull request. It never fails: what became of the
// attempt is in the reply, as with Create.
func (h *Host) Propose(ctx context.Context, id string, req ProposeRequest) CreateReply {
	why := tooBig(req.Title, req.Body)
	switch {
	case why != "":
	case !sdk.ValidKey(req.Key):
		why = badKey(req.Key)
	case len(req.Files) == 0:
		why = "the proposal changes no file"
	}
	if why != "" {
		return CreateReply{Outcome: Rejected, Message: why}
	}
	n := need{KindTracker, sdk.CanPropose, h.timing.Propose}
	return h.create(ctx, id, n, func(ctx context.Context, p *process) (CreateReply, error) { return p.Propose(ctx, req) })
}

func (h *Host) create(ctx context.Context, id string, n need, f func(context.Context, *process) (CreateReply, error)) CreateReply {
	var reply CreateReply
	failed := h.attempt(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
		var err error
		if reply, err = f(ctx, p); err == nil {
			checkCreateReply(&reply, k.scrub)
		}
		return err
	})
	if failed != nil {
		return CreateReply{Outcome: failed.outcome, Message: failed.message, RetryAfter: failed.after}
	}
	return reply
}

// Update changes an issue that exists. It never fails: what became of the
// attempt is in the reply, where Created means done.
func (h *Host) Update(ctx context.Context, id string, req UpdateRequest) UpdateReply {
	why := nameless(req.Issue)
	if req.State != nil && *req.State != "open" && *req.State != "closed" {
		why = fmt.Sprintf("the state %q is neither open nor closed", *req.State)
	}
	if req.Body != nil && why == "" {
		var body string
		body, why = marked(req.Issue.Key, *req.Body)
		req.Body = &body
	}
	if why != "" {
		return UpdateReply{Outcome: Rejected, Message: why}
	}
	n := need{KindTracker, sdk.CanUpdate, h.timing.Update}
	return h.update(ctx, id, n, func(ctx context.Context, p *process) (UpdateReply, error) { return p.Update(ctx, req) })
}

// Comment writes under an issue, or edits a comment. It never fails: what
// became of the attempt is in the reply. The marker of req.Key becomes the
// body's first line if it is not there yet.
func (h *Host) Comment(ctx context.Context, id string, req CommentRequest) UpdateReply {
	why := nameless(req.Issue)
	if why == "" {
		req.Body, why = marked(req.Key, req.Body)
	}
	if why != "" {
		return UpdateReply{Outcome: Rejected, Message: why}
	}
	n := need{KindTracker, sdk.CanComment, h.timing.Update}
	return h.update(ctx, id, n, func(ctx context.Context, p *process) (UpdateReply, error) { return p.Comment(ctx, req) })
}

func (h *Host) update(ctx context.Context, id string, n need, f func(context.Context, *process) (UpdateReply, error)) UpdateReply {
	var reply UpdateReply
	failed := h.attempt(ctx, id, n, func(ctx context.Context, k *keeper, p *process) error {
		var err error
		if reply, err = f(ctx, p); err == nil {
			checkUpdateReply(&reply, k.scrub)
		}
		return err
	})
	if failed != nil {
		return UpdateReply{Outcome: failed.outcome, Message: failed.message, RetryAfter: failed.after}
	}
	return reply
}

// Find lists the issues that carry our marker, newest first. An error means
// that nobody has looked.
func (h *Host) Find(ctx context.Context, id string, req FindRequest) ([]Found, error) {
	var found []Found
	n := need{kind: KindTracker, within: h.timing.Find}
	err := h.call(ctx, id, n, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		found, err = p.Find(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return checkFound(found, req.Key), nil
}

// maxSearch is how many issues a search brings at most.
const maxSearch = 50

// Search lists at most limit issues by words, best first.
func (h *Host) Search(ctx context.Context, id, query string, limit int) ([]Found, error) {
	limit = min(max(limit, 1), maxSearch)
	var found []Found
	n := need{KindTracker, sdk.CanSearch, h.timing.Search}
	err := h.call(ctx, id, n, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		found, err = p.Search(ctx, query, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return checkSearched(found, limit), nil
}

// Options lists what an issue can be given.
func (h *Host) Options(ctx context.Context, id string) (Options, error) {
	var options Options
	n := need{KindTracker, sdk.CanOffer, h.timing.Search}
	err := h.call(ctx, id, n, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		options, err = p.Options(ctx)
		return err
	})
	if err != nil {
		return Options{}, err
	}
	return checkOptions(options), nil
}

// Changes lists what changed in the tracker after cursor, or after since when
// there is no cursor, oldest first, and returns where to go on.
func (h *Host) Changes(ctx context.Context, id, cursor string, since time.Time) ([]Change, string, error) {
	var changes []Change
	var next string
	n := need{KindTracker, sdk.CanWatch, h.timing.Changes}
	err := h.call(ctx, id, n, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		if changes, next, err = p.Changes(ctx, cursor, since); err != nil {
			return err
		}
		return checkCursor(next)
	})
	if err != nil {
		return nil, "", err
	}
	return checkChanges(changes, time.Now()), next, nil
}

// HandleChange passes one HTTP request to a tracker. The caller takes the
// changes over and gives the reply to the sender only afterwards; on an error
// the sender should get 503, as with HandleWebhook.
func (h *Host) HandleChange(ctx context.Context, id string, req WebhookRequest) (ChangeReply, error) {
	var reply ChangeReply
	n := need{KindTracker, sdk.CanReceive, h.timing.Webhook}
	err := h.call(ctx, id, n, func(ctx context.Context, _ *keeper, p *process) error {
		var err error
		if reply, err = p.HandleChange(ctx, req); err != nil {
			return err
		}
		return checkChangeReply(&reply, time.Now())
	})
	if err != nil {
		return ChangeReply{}, err
	}
	return reply, nil
}

// marked puts the marker of key before a body, or says why that cannot be sent.
func marked(key, body string) (string, string) {
	if !sdk.ValidKey(key) {
		return "", badKey(key)
	}
	there, is := sdk.MarkerOf(body)
	if is && there != key {
		return "", "the body carries the marker of another delivery"
	}
	if !is {
		body = sdk.Marker(key) + "\n\n" + body
	}
	return body, tooBig(body)
}

// tooBig says that texts do not fit into one message with room to spare.
func tooBig(texts ...string) string {
	size := 0
	for _, s := range texts {
		size += len(s)
	}
	if size > sdk.MaxMessage/2 {
		return fmt.Sprintf("the issue has %d bytes, at most %d can be filed", size, sdk.MaxMessage/2)
	}
	return ""
}

// nameless says that a reference names no issue.
func nameless(ref IssueRef) string {
	if ref.Number <= 0 && ref.NodeID == "" && ref.Name == "" {
		return "the request names no issue"
	}
	return ""
}
