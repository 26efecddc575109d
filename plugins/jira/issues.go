package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

const (
	mark    = "iterateswarm" // a label of every issue of ours
	keyMark = mark + "-"     // and one with its key
)

// stamp is a time as Jira writes it.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) (err error) {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		return nil
	}
	s.Time, err = time.Parse("2006-01-02T15:04:05.000-0700", text)
	return err
}

type issue struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Fields struct {
		Summary  string   `json:"summary"`
		Labels   []string `json:"labels"`
		Created  stamp    `json:"created"`
		Updated  stamp    `json:"updated"`
		Resolved stamp    `json:"resolutiondate"`
		Creator  person   `json:"creator"`
		Assignee *person  `json:"assignee"`
		Status   struct {
			Category struct {
				Key string `json:"key"` // new, indeterminate or done
			} `json:"statusCategory"`
		} `json:"status"`
		Resolution *struct {
			Name string `json:"name"`
		} `json:"resolution"`
	} `json:"fields"`
}

const fields = "summary,labels,created,updated,resolutiondate,creator,assignee,status,resolution"

func (i issue) number() int64 {
	_, digits, _ := strings.Cut(i.Key, "-")
	n, _ := strconv.ParseInt(digits, 10, 64) // 0 when Jira names its issues otherwise
	return n
}

// marker is our key, from the labels. Two keys are none: somebody has copied
// one.
func (i issue) marker() string {
	var key string
	for _, l := range i.Fields.Labels {
		if k, ok := strings.CutPrefix(l, keyMark); ok && sdk.ValidKey(k) {
			if key != "" {
				return ""
			}
			key = k
		}
	}
	return key
}

func (i issue) state() string {
	if i.Fields.Status.Category.Key == "done" {
		return "closed"
	}
	return "open"
}

func (t *Tracker) found(i issue) sdk.Found {
	return sdk.Found{Key: i.marker(), Number: i.number(), Name: i.Key, NodeID: i.ID, URL: t.browse(i.Key), Title: i.Fields.Summary, State: i.state(), Created: i.Fields.Created.Time}
}

func (t *Tracker) browse(key string) string { return t.site.JoinPath("browse", key).String() }

// isOurs knows an issue by its label and its creator.
func (t *Tracker) isOurs(i issue, account string) bool {
	return i.marker() != "" && (i.Fields.Creator.id() == account || slices.Contains(t.config.FormerAccounts, i.Fields.Creator.id()))
}

// priorities are Jira's own names, from its default scheme.
var priorities = map[string]string{"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low"}

// Create sends one POST. What the form of the issue's type does not have is left
// out before it, since Jira refuses the whole issue for it.
func (t *Tracker) Create(ctx context.Context, req sdk.CreateRequest) sdk.CreateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	k, err := t.kindFor(ctx, req)
	if err != nil {
		return notAsked("list issue types", err)
	}
	if k == nil {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: fmt.Sprintf("the project %s has no issue type %s", t.config.Project, cmp.Or(req.Type, t.config.IssueType))}
	}
	if !slices.Contains(k.fields, "labels") {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: fmt.Sprintf("the form of a %s in %s has no field Labels, by which an issue is found again; add it in Jira", k.Name, t.config.Project)}
	}
	set := map[string]any{
		"project": map[string]string{"key": t.config.Project}, "issuetype": map[string]string{"id": k.ID},
		"summary": rest.Short(req.Title, 250), "description": t.text(req.Body),
		"labels": append([]string{mark, keyMark + req.Key}, labelsOf(append(slices.Clone(req.Labels), t.config.Labels...))...),
	}
	if p := priorities[req.Severity]; p != "" && slices.Contains(k.fields, "priority") {
		set["priority"] = map[string]string{"name": p}
	}
	if len(req.Assignees) > 0 && slices.Contains(k.fields, "assignee") { // Jira knows one
		set["assignee"] = t.assignee(req.Assignees[0])
	}
	answer := t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: "issue", RequestID: req.RequestID, Body: map[string]any{"fields": set}})
	var made issue
	if !answer.OK() || answer.Status != http.StatusCreated || answer.JSON(&made) != nil || made.Key == "" {
		return answer.Failed()
	}
	return sdk.CreateReply{Outcome: sdk.Created, Number: made.number(), Name: made.Key, NodeID: made.ID, URL: t.browse(made.Key), HTTPStatus: answer.Status}
}

// kindFor chooses the type: the one that is asked for, Bug for a bug, the one
// from the configuration.
func (t *Tracker) kindFor(ctx context.Context, req sdk.CreateRequest) (*kind, error) {
	if req.Type != "" {
		return t.kind(ctx, req.Type)
	}
	if req.Class == "bug" {
		if k, err := t.kind(ctx, "Bug"); k != nil || err != nil {
			return k, err
		}
	}
	return t.kind(ctx, t.config.IssueType)
}

// labelsOf makes labels that Jira takes: without spaces.
func labelsOf(want []string) []string {
	var list []string
	for _, l := range want {
		l = strings.Join(strings.Fields(l), "-")
		if l != "" && len(l) <= 255 && !strings.HasPrefix(l, mark) && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// notAsked is the reply when something before the create could not be read.
func notAsked(what string, err error) sdk.CreateReply {
	reply := sdk.CreateReply{Outcome: sdk.NotCreated, Message: what + ": " + err.Error()}
	if p, ok := errors.AsType[*rest.Problem](err); ok {
		reply.HTTPStatus = p.Status
		if p.Status >= 400 && p.Status <= 499 && p.Status != 408 && p.Status != 429 {
			reply.Outcome = sdk.Rejected
		}
	}
	return reply
}
