package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// unnamed: a call that the manifest does not name, or of the other kind, is
// answered with Unimplemented, never with a made-up success.
func (c *checker) unnamed(ctx context.Context) error {
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	source, tracker := c.m.Kind == sdk.KindSource, c.m.Kind == sdk.KindTracker
	issue := sdk.IssueRef{Key: "k", Number: 1}
	for _, call := range []struct {
		name   string
		served bool
		make   func() error
	}{
		{"HandleWebhook of a source", source && c.m.Can(sdk.CanReceive), func() error { _, err := p.HandleWebhook(ctx, sdk.WebhookRequest{}); return err }},
		{"Run", source && c.m.Can(sdk.CanRun), func() error {
			return p.Run(ctx, "", func(context.Context, sdk.Batch) error { return nil })
		}},
		{"Reply", source && c.m.Can(sdk.CanReply), func() error { _, err := p.Reply(ctx, sdk.ReplyRequest{Key: "k"}); return err }},
		{"Annotate", source && c.m.Can(sdk.CanAnnotate), func() error { _, err := p.Annotate(ctx, sdk.AnnotateRequest{Key: "k"}); return err }},
		{"Create", tracker, func() error { _, err := p.Create(ctx, sdk.CreateRequest{Key: "k"}); return err }},
		{"Find", tracker, func() error { _, err := p.Find(ctx, sdk.FindRequest{Key: "k"}); return err }},
		{"Update", tracker && c.m.Can(sdk.CanUpdate), func() error { _, err := p.Update(ctx, sdk.UpdateRequest{Issue: issue}); return err }},
		{"Comment", tracker && c.m.Can(sdk.CanComment), func() error { _, err := p.Comment(ctx, sdk.CommentRequest{Issue: issue, Key: "k"}); return err }},
		{"Search", tracker && c.m.Can(sdk.CanSearch), func() error { _, err := p.Search(ctx, "x", 1); return err }},
		{"Options", tracker && c.m.Can(sdk.CanOffer), func() error { _, err := p.Options(ctx); return err }},
		{"Changes", tracker && c.m.Can(sdk.CanWatch), func() error { _, _, err := p.Changes(ctx, "", time.Time{}); return err }},
		{"HandleWebhook of a tracker", tracker && c.m.Can(sdk.CanReceive), func() error { _, err := p.HandleChange(ctx, sdk.WebhookRequest{}); return err }},
		{"Propose", tracker && c.m.Can(sdk.CanPropose), func() error { _, err := p.Propose(ctx, sdk.ProposeRequest{Key: "k"}); return err }},
	} {
		if call.served {
			continue // it may talk to its service
		}
		if err := call.make(); status.Code(err) != codes.Unimplemented {
			return fmt.Errorf("%s is not among its capabilities and is answered with %v, want Unimplemented", call.name, orNil(err))
		}
	}
	return nil
}

func orNil(err error) any {
	if err == nil {
		return "success"
	}
	return err
}

// heard is the answer to a webhook of a source or of a tracker.
type heard struct {
	status int
	items  []sdk.Item
	ids    []string // of the items, or of the issues that have changed
}

// hear sends a webhook.
func (c *checker) hear(ctx context.Context, p *process, req sdk.WebhookRequest) (heard, error) {
	if c.m.Kind == sdk.KindTracker {
		reply, err := p.HandleChange(ctx, req)
		h := heard{status: reply.Status}
		for _, change := range reply.Changes {
			h.ids = append(h.ids, fmt.Sprintf("%+v %s", change.Issue, change.State))
		}
		return h, err
	}
	reply, err := p.HandleWebhook(ctx, req)
	h := heard{status: reply.Status, items: reply.Items}
	for _, it := range reply.Items {
		h.ids = append(h.ids, it.ExternalID)
	}
	return h, err
}

// garbage: what nobody signed is a defect of the request, which is an answer.
func (c *checker) garbage(ctx context.Context) error {
	if !c.m.Can(sdk.CanReceive) {
		return skip("it takes no webhooks")
	}
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	deep := strings.Repeat(`{"a":[`, 5000)
	for what, req := range map[string]sdk.WebhookRequest{
		"an empty request":         {},
		"a POST without a body":    {Method: "POST"},
		"bytes that are not UTF-8": {Method: "POST", Body: []byte{0xff, 0xfe, 0, 0x80}},
		"JSON that ends too early": {Method: "POST", Body: []byte(`{"content":"x"`)},
		"JSON that is deep":        {Method: "POST", Body: []byte(deep)},
		"null":                     {Method: "POST", Body: []byte("null")},
		"a message without a signature": {Method: "POST", Header: http.Header{"Content-Type": {"application/json"}},
			Body: []byte(`{"id":"1","type":1,"text":"x","content":"x","data":{"content":"x"}}`)},
		"a signature that is none": {Method: "POST", Body: []byte("{}"), Header: http.Header{"Authorization": {"Bearer x", "\x01"},
			"Webhook-Id": {"x"}, "Webhook-Timestamp": {"99999999999999999999"}, "Webhook-Signature": {"v1,%%%"},
			"X-Signature-Ed25519": {"zz"}, "X-Signature-Timestamp": {"-1"}, "X-Hub-Signature-256": {"sha256="},
			"X-Slack-Signature": {"v0=zz"}, "X-Slack-Request-Timestamp": {"NaN"}, "Content-Encoding": {"gzip"}}},
		"an odd path and query": {Method: "POST", Path: "../../etc/passwd", RawQuery: "%zz&a=%00"},
		"a form":                {Method: "POST", Body: []byte("payload=%7B"), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		"one MiB of noise":      {Method: "POST", Body: bytes.Repeat([]byte("\x00ab{"), 256<<10)},
		"a DELETE":              {Method: "DELETE", Body: []byte("{}")},
	} {
		reply, err := c.hear(ctx, p, req)
		switch {
		case err != nil && !p.within(500*time.Millisecond):
			return fmt.Errorf("%s is answered with a gRPC error, want a status from 400 to 499: %w", what, err)
		case err != nil:
			return died(p, what)
		case reply.status < 400 || reply.status > 499:
			return fmt.Errorf("%s is answered with HTTP status %d, want one from 400 to 499", what, reply.status)
		case len(reply.ids) > 0:
			return fmt.Errorf("%s brings %v", what, reply.ids)
		}
	}
	return nil
}

// bounds: a message of 4 MiB is taken, a larger one is refused by gRPC, and
// neither costs the process.
func (c *checker) bounds(ctx context.Context) error {
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	for size, fits := range map[int]bool{sdk.MaxMessage - 4096: true, sdk.MaxMessage + 4096: false} {
		body := bytes.Repeat([]byte("x"), size)
		var err error
		switch {
		case c.m.Can(sdk.CanReceive):
			_, err = c.hear(ctx, p, sdk.WebhookRequest{Method: "POST", Body: body})
		default: // the answer is a diagnostic: it is not JSON
			p, err = c.fresh(ctx)
			if err != nil {
				return err
			}
			_, err = p.Configure(ctx, sdk.Config{JSON: body, DataDir: c.dataDir})
		}
		if fits && err != nil {
			return fmt.Errorf("a message of %d bytes: %w; set the largest message that is received to 4 MiB", size, err)
		}
		if !fits && err == nil {
			return fmt.Errorf("a message of %d bytes is taken, want at most %d", size, sdk.MaxMessage)
		}
		if err := p.Alive(ctx); err != nil {
			return fmt.Errorf("after a message of %d bytes: %w", size, err)
		}
	}
	return nil
}

// twice: the same request names the same things, in another process too.
func (c *checker) twice(ctx context.Context) error {
	if c.subject.Request == nil || !c.m.Can(sdk.CanReceive) {
		return skip("no webhook was given that it takes")
	}
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	other, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	if err := c.configure(ctx, other, c.config); err != nil {
		return err
	}
	req := c.subject.Request()
	var ids []string
	for i, to := range []*process{p, p, other} {
		reply, err := c.hear(ctx, to, req)
		switch {
		case err != nil:
			return fmt.Errorf("the webhook that was given: %w", err)
		case reply.status < 200 || reply.status > 299:
			return fmt.Errorf("the webhook that was given is answered with HTTP status %d", reply.status)
		case len(reply.ids) == 0:
			return errors.New("the webhook that was given brings nothing")
		case i > 0 && !slices.Equal(ids, reply.ids):
			return fmt.Errorf("the same request brought %v and then %v", ids, reply.ids)
		}
		ids = reply.ids
		for _, it := range reply.items {
			if err := inOrder(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// inOrder says what the host would refuse an item for.
func inOrder(it sdk.Item) error {
	switch {
	case it.ExternalID == "":
		return errors.New("an item has no external id")
	case strings.TrimSpace(it.Content) == "":
		return fmt.Errorf("the item %s has no content", it.ExternalID)
	}
	return nil
}
