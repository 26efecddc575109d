package githubsource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	surely       = 0.8 // from here on GitHub's word for the confidence is high
	probably     = 0.5 // and from here on medium
	maxRationale = 200 // bytes
)

// label is one as GitHub takes it: with a reason, how sure it is, and whether a
// person is to accept it.
type label struct {
	Name       string `json:"name"`
	Rationale  string `json:"rationale,omitempty"`
	Confidence string `json:"confidence"`
	Suggest    bool   `json:"suggest"`
}

// Annotate shows the verdict on the issue: labels, as suggestions unless the
// configuration says otherwise, and one comment. Adding a label twice is as good
// as once, so the labels come first.
func (s *Source) Annotate(ctx context.Context, req sdk.AnnotateRequest) sdk.ReplyReply {
	where, refused := s.place(req.Target)
	if refused != nil {
		return *refused
	}
	note := ""
	if list := s.labels(req.Labels); len(list) > 0 {
		path := s.path(fmt.Sprintf("issues/%d/labels", where.Number))
		if resp, err := s.write(ctx, http.MethodPost, path, map[string]any{"labels": list}, nil); err != nil {
			reply := classify(resp, err, s.now())
			if reply.Outcome != sdk.Rejected {
				return reply
			}
			note = "the labels were not taken: " + reply.Message
			if req.Text == "" {
				return reply
			}
		}
	}
	if req.Text == "" {
		return sdk.ReplyReply{Outcome: sdk.Created, ID: req.PreviousID, URL: req.Target.Permalink}
	}
	reply := s.comment(ctx, where.Number, req.Key, req.Text, req.PreviousID)
	if note != "" && reply.Outcome == sdk.Created {
		reply.Message = note
	}
	return reply
}

// Reply writes a comment under the issue.
func (s *Source) Reply(ctx context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	where, refused := s.place(req.Target)
	if refused != nil {
		return *refused
	}
	return s.comment(ctx, where.Number, req.Key, req.Text, req.PreviousID)
}

// place finds the issue of a message.
func (s *Source) place(t sdk.Target) (place, *sdk.ReplyReply) {
	var where place
	refuse := func(message string) (place, *sdk.ReplyReply) {
		return place{}, &sdk.ReplyReply{Outcome: sdk.Rejected, Message: message}
	}
	switch err := json.Unmarshal([]byte(t.ContextJSON), &where); {
	case s.config.Token == "":
		return refuse("there is no token: without one nothing can be written in GitHub")
	case err != nil || where.Number <= 0:
		return refuse("the message does not say which issue it is")
	case where.Kind != issueKind:
		return refuse("nothing is written under discussions")
	}
	return where, nil
}

func (s *Source) labels(list []sdk.SuggestedLabel) []label {
	var out []label
	for _, l := range list {
		if strings.TrimSpace(l.Name) == "" {
			continue
		}
		sure := "low"
		if l.Confidence >= surely {
			sure = "high"
		} else if l.Confidence >= probably {
			sure = "medium"
		}
		out = append(out, label{l.Name, cut(strings.Join(strings.Fields(l.Rationale), " "), maxRationale), sure, !s.config.ApplyLabels})
	}
	return out
}

// written is a comment as GitHub shows it.
type written struct {
	ID      int64  `json:"id"`
	HTMLURL string `json:"html_url"`
	Body    string `json:"body"`
	User    *user  `json:"user"`
}

// comment writes one comment, or edits the one with previousID or, failing
// that, the one of ours that carries the key.
func (s *Source) comment(ctx context.Context, number int, key, text, previousID string) sdk.ReplyReply {
	if !sdk.ValidKey(key) {
		return sdk.ReplyReply{Outcome: sdk.Rejected, Message: "the key is not made of letters and digits"}
	}
	body := map[string]string{"body": sdk.Marker(key) + "\n" + plain(text)}
	id, err := strconv.ParseInt(previousID, 10, 64)
	if err != nil || id <= 0 {
		var refused *sdk.ReplyReply
		if id, refused = s.findComment(ctx, number, key); refused != nil {
			return *refused
		}
	}
	if id > 0 {
		reply, gone := s.send(ctx, http.MethodPatch, fmt.Sprintf("issues/comments/%d", id), body)
		if !gone {
			return reply
		}
	}
	reply, _ := s.send(ctx, http.MethodPost, fmt.Sprintf("issues/%d/comments", number), body)
	return reply
}

// send writes a comment. It is gone when somebody has deleted it.
func (s *Source) send(ctx context.Context, method, path string, body any) (reply sdk.ReplyReply, gone bool) {
	var done written
	resp, err := s.write(ctx, method, s.path(path), body, &done)
	if err != nil {
		missing := method == http.MethodPatch && resp != nil && resp.Response != nil && resp.StatusCode == http.StatusNotFound
		return classify(resp, err, s.now()), missing
	}
	if done.ID <= 0 {
		return sdk.ReplyReply{Message: "GitHub says written and names no comment"}, false
	}
	return sdk.ReplyReply{Outcome: sdk.Created, ID: strconv.FormatInt(done.ID, 10), URL: done.HTMLURL}, false
}

// findComment looks for our comment with a key: the marker alone can be forged.
// 0 means that there is none. What cannot be looked up is not written.
func (s *Source) findComment(ctx context.Context, number int, key string) (int64, *sdk.ReplyReply) {
	login, resp, err := s.whoAmI(ctx)
	if err != nil {
		return 0, notWritten(resp, err, s)
	}
	query := url.Values{"per_page": {strconv.Itoa(pageSize)}}
	for page := 1; page > 0 && page <= maxPages; {
		query.Set("page", strconv.Itoa(page))
		var list []written
		next, err := s.get(ctx, s.path(fmt.Sprintf("issues/%d/comments?%s", number, query.Encode())), &list)
		if err != nil {
			return 0, notWritten(nil, err, s)
		}
		for _, c := range list {
			if got, ok := sdk.MarkerOf(c.Body); ok && got == key && c.User != nil && strings.EqualFold(c.User.Login, login) {
				return c.ID, nil
			}
		}
		page = next
	}
	return 0, nil
}

// notWritten says why nothing has been sent. Only what GitHub refuses for good
// is not worth another try.
func notWritten(resp *gh.Response, err error, s *Source) *sdk.ReplyReply {
	if answer, ok := err.(*gh.ErrorResponse); ok && resp == nil {
		resp = &gh.Response{Response: answer.Response}
	}
	reply := classify(resp, err, s.now())
	if reply.Outcome != sdk.Rejected {
		reply.Outcome = sdk.NotCreated
	}
	return &reply
}
