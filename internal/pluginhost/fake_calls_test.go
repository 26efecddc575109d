package pluginhost

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// The rest of the fake: the calls that are served by capability. Each answers
// what its request's text names, and is odd where a stranger's answer can be.

func (f *fake) Reply(_ context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	switch req.Text {
	case "exit":
		os.Exit(7)
	case "mail":
		return sdk.ReplyReply{Mail: &sdk.Mail{To: "Ann <ann@example.com>", Subject: "a\nBcc: x@example.com", Text: "t",
			InReplyTo: "<1@example.com>", References: []string{"<0@example.com>", "no id"}}}
	case "two recipients":
		return sdk.ReplyReply{Mail: &sdk.Mail{To: "a@example.com, b@example.com", Text: "t"}}
	}
	return sdk.ReplyReply{Outcome: sdk.Created, ID: req.Target.ExternalID + "/" + string(req.Kind), URL: "javascript:alert(1)",
		Message: "said as " + f.config.Token, RetryAfter: 1000 * time.Hour}
}

// Run brings messages as the configuration says. Each message's id is its
// number, and so is the cursor after it.
func (f *fake) Run(ctx context.Context, cursor string, store sdk.Store) error {
	n, _ := strconv.Atoi(cursor)
	bring := func(items int) error {
		b := sdk.Batch{}
		for range items {
			n++
			b.Items = append(b.Items, sdk.Item{ExternalID: strconv.Itoa(n), Content: "message"})
		}
		b.Cursor = strconv.Itoa(n)
		return store(ctx, b)
	}
	switch f.config.Run {
	case "ends": // after each message
		return bring(1)
	case "fails":
		return errors.New("the mailbox is locked for " + f.config.Token)
	case "dies":
		if err := bring(1); err != nil {
			return err
		}
		os.Exit(7)
	case "bad": // one that makes sense between two that make none
		err := store(ctx, sdk.Batch{Cursor: "3", Items: []sdk.Item{{ExternalID: "1"}, {ExternalID: "2", Content: "c"}, {Content: "c"}}})
		if err != nil {
			return err
		}
	case "cursor":
		return store(ctx, sdk.Batch{Cursor: strings.Repeat("x", maxCursor+1)})
	case "flood":
		for {
			if err := bring(sdk.MaxBatch); err != nil {
				return err
			}
		}
	case "steady":
		for range 3 {
			if err := bring(2); err != nil {
				return err
			}
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Annotate(_ context.Context, req sdk.AnnotateRequest) sdk.ReplyReply {
	return sdk.ReplyReply{Outcome: sdk.Created, ID: req.Labels[0].Name, Mail: &sdk.Mail{To: "x"}}
}

func (f *fake) Update(_ context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	if req.Title != nil && *req.Title == "exit" {
		os.Exit(7)
	}
	return sdk.UpdateReply{Outcome: sdk.Created, URL: "https://tracker.test/" + req.Issue.Name, Message: "with " + f.config.Token}
}

func (f *fake) Comment(_ context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	first, _, _ := strings.Cut(req.Body, "\n")
	return sdk.UpdateReply{Outcome: sdk.Created, ID: "c1", Message: first}
}

func (f *fake) Search(_ context.Context, query string, limit int) ([]sdk.Found, error) {
	if query == "fail" {
		return nil, errors.New("no search with " + f.config.Token)
	}
	list := []sdk.Found{{Title: "nameless"}, {Number: 1, Title: "a\nb", URL: "javascript:1", State: "odd"}}
	for i := range limit + 5 {
		list = append(list, sdk.Found{Number: int64(i + 2), State: "closed"})
	}
	return list, nil
}

func (f *fake) Options(context.Context) (sdk.Options, error) {
	return sdk.Options{
		Labels:    []sdk.Label{{Name: ""}, {Name: "bug", Color: "ff0000", Description: "a\nb"}, {Name: "ui", Color: "url(x)"}},
		Assignees: []sdk.Assignee{{Name: "nobody"}, {ID: "u1", Name: "Ann"}},
		Types:     []string{"Bug", ""},
	}, nil
}

func (f *fake) Changes(_ context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	if cursor == "long" {
		return nil, strings.Repeat("x", maxCursor+1), nil
	}
	return []sdk.Change{
		{Issue: sdk.IssueRef{Key: "k1", Number: 1}, State: "closed", Reason: "completed", At: since, PullRequest: "https://tracker.test/pr/1"},
		{Issue: sdk.IssueRef{Number: 2}, State: "open", Reason: "odd", PullRequest: "javascript:1", At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Issue: sdk.IssueRef{Number: 3}, State: "merged"},
		{Issue: sdk.IssueRef{Key: "a-->", Number: 4}, State: "open"},
		{State: "open"},
	}, cursor + "+", nil
}

func (f *fake) HandleChange(_ context.Context, req sdk.WebhookRequest) (sdk.ChangeReply, error) {
	reply := sdk.ChangeReply{Status: 200, Changes: []sdk.Change{{Issue: sdk.IssueRef{Key: "k1"}, State: "closed"}}}
	switch req.Path {
	case "unauthorised":
		reply.Status = 401
	case "teapot":
		reply.Status = 700
	}
	return reply, nil
}

func (f *fake) Propose(_ context.Context, req sdk.ProposeRequest) sdk.CreateReply {
	return sdk.CreateReply{Outcome: sdk.Created, Number: int64(len(req.Files)), URL: "https://tracker.test/pr/1"}
}
