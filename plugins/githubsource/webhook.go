package githubsource

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// HandleWebhook answers 401 with an empty body to every request whose signature
// is not in order, whatever the reason, and 200 to the rest. What is no new
// text of a person makes no item.
func (s *Source) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if req.Method != http.MethodPost {
		return sdk.WebhookReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"POST"}}}, nil
	}
	if !signed(s.config.Secrets, req.Header, req.Body) {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	if e := req.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return says(http.StatusUnsupportedMediaType, "The body is compressed; send it as it is."), nil
	}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind != "application/json" {
		return says(http.StatusUnsupportedMediaType, "Set the webhook's content type to application/json."), nil
	}
	item, note, ok := s.read(req.Header.Get("X-GitHub-Event"), req.Body)
	switch {
	case !ok:
		return says(http.StatusBadRequest, note), nil
	case item == nil:
		return says(http.StatusOK, note), nil
	}
	reply := says(http.StatusOK, "Taken.")
	reply.Items = []sdk.Item{*item}
	return reply, nil
}

func says(status int, message string) sdk.WebhookReply {
	b, _ := json.Marshal(map[string]string{"message": message}) // strings always encode
	return sdk.WebhookReply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: append(b, '\n')}
}

// What is read of an event. The same fields are asked for when polling.

type user struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

type post struct {
	ID          int64     `json:"id"`
	Number      int       `json:"number"`
	Title       string    `json:"title"`
	Body        string    `json:"body"`
	HTMLURL     string    `json:"html_url"`
	User        *user     `json:"user"`
	Created     time.Time `json:"created_at"`
	Association string    `json:"author_association"`
	PullRequest *struct{} `json:"pull_request"`
}

type event struct {
	Action     string `json:"action"`
	Issue      *post  `json:"issue"`
	Discussion *post  `json:"discussion"`
	Comment    *post  `json:"comment"`
	Sender     *user  `json:"sender"`
	Repository struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// read returns the message of an event, or says why there is none. It is not ok
// when the body is no event at all.
func (s *Source) read(kind string, body []byte) (item *sdk.Item, note string, ok bool) {
	if kind == "ping" {
		return nil, "The webhook works.", true
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, "The body is not an event of GitHub.", false
	}
	if !strings.EqualFold(e.Repository.FullName, s.config.Owner+"/"+s.config.Repo) {
		return nil, "This source is for another repository.", true
	}
	if e.Sender != nil && s.isOurs(e.Sender) {
		return nil, "Left alone: not by a person.", true
	}
	switch {
	case kind == "issues" && e.Action == "opened" && e.Issue != nil:
		item = s.item(about{kind: issueKind}, e.Issue)
	case kind == "issue_comment" && e.Action == "created" && e.Issue != nil && e.Comment != nil && s.config.comments():
		item = s.item(about{kind: issueKind, under: e.Issue}, e.Comment)
	case kind == "discussion" && e.Action == "created" && e.Discussion != nil && s.config.Discussions:
		item = s.item(about{kind: discussionKind}, e.Discussion)
	case kind == "discussion_comment" && e.Action == "created" && e.Discussion != nil && e.Comment != nil && s.config.Discussions && s.config.comments():
		item = s.item(about{kind: discussionKind, under: e.Discussion}, e.Comment)
	default:
		return nil, "Nothing for us.", true
	}
	if item == nil {
		return nil, "Left alone: not by a person, ours, or a pull request.", true
	}
	return item, "", true
}
