package pluginhost

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRepliesOfASourceAreChecked(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "s", "source")
	ask := func(text string) ReplyReply {
		t.Helper()
		return h.Reply(t.Context(), "s", ReplyRequest{Key: "k", Kind: Fixed, Target: Target{ExternalID: "m1"}, Text: text})
	}
	want := ReplyReply{Outcome: Created, ID: "m1/fixed", Message: "said as [secret]", RetryAfter: time.Hour}
	if d := cmp.Diff(want, ask("Done.")); d != "" {
		t.Errorf("Reply (-want +got):\n%s", d)
	}
	mailed := ask("mail")
	if d := cmp.Diff(&Mail{To: "ann@example.com", Subject: "a Bcc: x@example.com", Text: "t",
		InReplyTo: "<1@example.com>", References: []string{"<0@example.com>"}}, mailed.Mail); d != "" {
		t.Errorf("Mail (-want +got):\n%s", d)
	}
	if got := ask("two recipients"); got.Outcome != Rejected || got.Mail != nil {
		t.Errorf("a mail to two: %+v, want rejected", got)
	}
	for what, got := range map[string]ReplyReply{
		"no text":   ask(""),
		"long text": ask(strings.Repeat("ü", 4001)),
		"no key":    h.Reply(t.Context(), "s", ReplyRequest{Text: "x"}),
	} {
		if got.Outcome != Rejected {
			t.Errorf("%s: %+v, want rejected", what, got)
		}
	}
	got := h.Annotate(t.Context(), "s", AnnotateRequest{Key: "k", Labels: []SuggestedLabel{{Name: "bug"}}})
	if d := cmp.Diff(ReplyReply{Outcome: Created, ID: "bug"}, got); d != "" {
		t.Errorf("Annotate (-want +got):\n%s", d)
	}
	if got := ask("exit"); got.Outcome != Unknown {
		t.Errorf("a crash: %+v, want unknown", got)
	}
}

func TestAnswersOfATrackerAreChecked(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	mustSet(t, h, "t", "tracker")
	ctx, issue := t.Context(), IssueRef{Key: "k1", Name: "APP-1"}
	text := func(s string) *string { return &s }

	if d := cmp.Diff(UpdateReply{Outcome: Created, URL: "https://tracker.test/APP-1", Message: "with [secret]"},
		h.Update(ctx, "t", UpdateRequest{Issue: issue, State: text("closed"), Body: text("x")})); d != "" {
		t.Errorf("Update (-want +got):\n%s", d)
	}
	if d := cmp.Diff(UpdateReply{Outcome: Created, ID: "c1", Message: Marker("k9")},
		h.Comment(ctx, "t", CommentRequest{Issue: issue, Key: "k9", Body: "x"})); d != "" {
		t.Errorf("Comment (-want +got):\n%s", d)
	}
	for what, got := range map[string]UpdateReply{
		"an odd state":      h.Update(ctx, "t", UpdateRequest{Issue: issue, State: text("done")}),
		"no issue":          h.Update(ctx, "t", UpdateRequest{}),
		"another's marker":  h.Update(ctx, "t", UpdateRequest{Issue: issue, Body: text(Marker("k2"))}),
		"comment, no key":   h.Comment(ctx, "t", CommentRequest{Issue: issue, Body: "x"}),
		"comment, no issue": h.Comment(ctx, "t", CommentRequest{Key: "k", Body: "x"}),
	} {
		if got.Outcome != Rejected {
			t.Errorf("%s: %+v, want rejected", what, got)
		}
	}

	found, err := h.Search(ctx, "t", "words", 3)
	if d := cmp.Diff([]Found{{Number: 1, Title: "a b", State: "open"}, {Number: 2, State: "closed"}, {Number: 3, State: "closed"}}, found); d != "" || err != nil {
		t.Errorf("Search: %v (-want +got):\n%s", err, d)
	}
	if _, err := h.Search(ctx, "t", "fail", 3); err == nil || !strings.Contains(err.Error(), "no search with [secret]") {
		t.Errorf("Search that fails: %v", err)
	}
	options, err := h.Options(ctx, "t")
	if d := cmp.Diff(Options{Labels: []Label{{Name: "bug", Color: "ff0000", Description: "a b"}, {Name: "ui"}},
		Assignees: []Assignee{{ID: "u1", Name: "Ann"}}, Types: []string{"Bug"}}, options); d != "" || err != nil {
		t.Errorf("Options: %v (-want +got):\n%s", err, d)
	}

	since := time.UnixMilli(1_700_000_000_123).UTC()
	changes, cursor, err := h.Changes(ctx, "t", "at", since)
	want := []Change{{Issue: IssueRef{Key: "k1", Number: 1}, State: "closed", Reason: "completed", At: since, PullRequest: "https://tracker.test/pr/1"},
		{Issue: IssueRef{Number: 2}, State: "open"}}
	if d := cmp.Diff(want, changes); d != "" || err != nil || cursor != "at+" {
		t.Errorf("Changes: cursor %q, %v (-want +got):\n%s", cursor, err, d)
	}
	if _, _, err := h.Changes(ctx, "t", "long", since); !errors.Is(err, ErrBadReply) {
		t.Errorf("a cursor of 64 KiB and one: %v, want ErrBadReply", err)
	}
	reply, err := h.HandleChange(ctx, "t", WebhookRequest{Method: "POST"})
	if err != nil || len(reply.Changes) != 1 || reply.Changes[0].Issue.Key != "k1" {
		t.Errorf("HandleChange = %+v, %v", reply, err)
	}
	for _, path := range []string{"unauthorised", "teapot"} {
		if _, err := h.HandleChange(ctx, "t", WebhookRequest{Path: path}); !errors.Is(err, ErrBadReply) {
			t.Errorf("%s with a change: %v, want ErrBadReply", path, err)
		}
	}
	if got := h.Propose(ctx, "t", ProposeRequest{Key: "k", Files: []File{{Path: "a"}}}); got.Outcome != Created || got.Number != 1 {
		t.Errorf("Propose = %+v", got)
	}
	if got := h.Propose(ctx, "t", ProposeRequest{Key: "k"}); got.Outcome != Rejected {
		t.Errorf("Propose of nothing = %+v", got)
	}
	if got := h.Update(ctx, "t", UpdateRequest{Issue: issue, Title: text("exit")}); got.Outcome != Unknown {
		t.Errorf("a crash: %+v, want unknown", got)
	}
}

// What a plugin does not name, it is not asked; what it names and does not
// serve is refused for good.
func TestOnlyWhatIsNamedIsCalled(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *Config) {
		for i := range c.Manifests {
			c.Manifests[i].Capabilities = nil
		}
	})
	mustSet(t, h, "t", "tracker")
	mustSet(t, h, "s", "source")
	ctx, issue := t.Context(), IssueRef{Number: 1}
	for what, got := range map[string]Outcome{
		"reply":            h.Reply(ctx, "s", ReplyRequest{Key: "k", Text: "x"}).Outcome,
		"annotate":         h.Annotate(ctx, "s", AnnotateRequest{Key: "k"}).Outcome,
		"update":           h.Update(ctx, "t", UpdateRequest{Issue: issue}).Outcome,
		"comment":          h.Comment(ctx, "t", CommentRequest{Key: "k", Issue: issue}).Outcome,
		"propose":          h.Propose(ctx, "t", ProposeRequest{Key: "k", Files: []File{{Path: "a"}}}).Outcome,
		"reply, a tracker": h.Reply(ctx, "t", ReplyRequest{Key: "k", Text: "x"}).Outcome,
	} {
		if got != Rejected {
			t.Errorf("%s: %s, want rejected", what, got)
		}
	}
	_, searched := h.Search(ctx, "t", "x", 1)
	_, offered := h.Options(ctx, "t")
	_, _, watched := h.Changes(ctx, "t", "", time.Time{})
	_, listened := h.HandleChange(ctx, "t", WebhookRequest{})
	_, received := h.HandleWebhook(ctx, "s", WebhookRequest{})
	for what, err := range map[string]error{"search": searched, "options": offered, "changes": watched, "change": listened, "webhook": received} {
		if !errors.Is(err, ErrCannot) {
			t.Errorf("%s: %v, want ErrCannot", what, err)
		}
	}
	if got := h.Create(ctx, "t", CreateRequest{Key: "k"}); got.Outcome != Created {
		t.Errorf("Create needs no capability: %+v", got)
	}
}
