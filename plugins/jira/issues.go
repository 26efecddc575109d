package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
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

// kind is an issue type of the project.
type kind struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subtask bool   `json:"subtask"`
	fields  []string
}

// kinds lists the project's issue types, and reads them again every ten minutes.
func (t *Tracker) kinds(ctx context.Context) ([]kind, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.types != nil && time.Since(t.typesAt) < 10*time.Minute {
		return t.types, nil
	}
	var data struct {
		Types  []kind `json:"issueTypes"` // cloud
		Values []kind `json:"values"`     // data center
	}
	path := "issue/createmeta/" + t.config.Project + "/issuetypes"
	if _, err := t.api.Get(ctx, path, url.Values{"maxResults": {"100"}}, &data); err != nil {
		return nil, err
	}
	types := append(data.Types, data.Values...)
	for i := range types {
		type field struct {
			ID string `json:"fieldId"`
		}
		var screen struct {
			Fields []field `json:"fields"`
			Values []field `json:"values"`
		}
		if _, err := t.api.Get(ctx, path+"/"+url.PathEscape(types[i].ID), url.Values{"maxResults": {"200"}}, &screen); err != nil {
			return nil, err
		}
		for _, f := range append(screen.Fields, screen.Values...) {
			types[i].fields = append(types[i].fields, f.ID)
		}
	}
	t.types, t.typesAt = types, time.Now()
	return types, nil
}

// kind finds an issue type by its name; nil means that the project has none.
func (t *Tracker) kind(ctx context.Context, name string) (*kind, error) {
	types, err := t.kinds(ctx)
	for i, k := range types {
		if strings.EqualFold(k.Name, name) && !k.Subtask {
			return &types[i], err
		}
	}
	return nil, err
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

const (
	margin   = 5 * time.Minute
	pageSize = 100
	maxPages = 200 // 20,000 issues; more is an error, not a miss
)

// find reads all issues that a query names.
func (t *Tracker) find(ctx context.Context, jql string) ([]issue, error) {
	query := url.Values{"jql": {jql}, "fields": {fields}, "maxResults": {strconv.Itoa(pageSize)}}
	path := "search"
	if t.config.cloud() {
		path = "search/jql"
	}
	var all []issue
	for range maxPages {
		var page struct {
			Issues []issue `json:"issues"`
			Next   string  `json:"nextPageToken"` // cloud
			Total  int     `json:"total"`         // data center
		}
		if _, err := t.api.Get(ctx, path, query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Issues...)
		if page.Next != "" {
			query.Set("nextPageToken", page.Next)
		} else if !t.config.cloud() && len(page.Issues) > 0 && len(all) < page.Total {
			query.Set("startAt", strconv.Itoa(len(all)))
		} else {
			return all, nil
		}
	}
	return nil, fmt.Errorf("more than %d issues", maxPages*pageSize)
}

// ago is a time for a query: in minutes before now, since Jira reads a date in
// the zone of the account.
func ago(at time.Time) string {
	minutes := min(time.Since(at).Minutes(), 20*365*24*60)
	return fmt.Sprintf("-%.0fm", math.Ceil(max(minutes, 0))+1)
}

// Find asks for the label of the key, or for the label that every issue of ours
// has.
func (t *Tracker) Find(ctx context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	account, err := t.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	label := mark
	if req.Key != "" {
		if !sdk.ValidKey(req.Key) {
			return nil, errors.New("no valid key")
		}
		label = keyMark + req.Key
	}
	jql := fmt.Sprintf(`labels = "%s" AND created >= "%s" ORDER BY created DESC`, label, ago(req.Since.Add(-margin)))
	list, err := t.find(ctx, jql)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range list {
		if f := t.found(i); t.isOurs(i, account) && (req.Key == "" || f.Key == req.Key) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b sdk.Found) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.Number, a.Number))
	})
	return slices.CompactFunc(found, func(a, b sdk.Found) bool { return a.NodeID == b.NodeID }), nil
}

// Search lists the project's issues by words.
func (t *Tracker) Search(ctx context.Context, query string, limit int) ([]sdk.Found, error) {
	words := rest.SearchWords(query)
	if words == "" {
		return nil, nil
	}
	path := "search"
	if t.config.cloud() {
		path = "search/jql"
	}
	var page struct{ Issues []issue }
	_, err := t.api.Get(ctx, path, url.Values{"jql": {fmt.Sprintf(`project = "%s" AND text ~ "%s" ORDER BY updated DESC`, t.config.Project, words)},
		"fields": {fields}, "maxResults": {strconv.Itoa(min(max(limit, 1), pageSize))}}, &page)
	if err != nil {
		return nil, fmt.Errorf("search issues: %w", err)
	}
	var found []sdk.Found
	for _, i := range page.Issues {
		found = append(found, t.found(i))
	}
	return found, nil
}

// Options lists labels (Data Center does not tell them), the people an issue can
// be given to, and the project's types.
func (t *Tracker) Options(ctx context.Context) (sdk.Options, error) {
	var options sdk.Options
	types, err := t.kinds(ctx)
	if err != nil {
		return options, fmt.Errorf("list issue types: %w", err)
	}
	for _, k := range types {
		if !k.Subtask {
			options.Types = append(options.Types, k.Name)
		}
	}
	if t.config.cloud() {
		var labels struct{ Values []string }
		if _, err := t.api.Get(ctx, "label", url.Values{"maxResults": {"1000"}}, &labels); err != nil {
			return options, fmt.Errorf("list labels: %w", err)
		}
		for _, l := range labels.Values {
			if !strings.HasPrefix(l, mark) {
				options.Labels = append(options.Labels, sdk.Label{Name: l})
			}
		}
	}
	var people []person
	if _, err := t.api.Get(ctx, "user/assignable/search", url.Values{"project": {t.config.Project}, "maxResults": {"1000"}}, &people); err != nil {
		return options, fmt.Errorf("list assignees: %w", err)
	}
	for _, p := range people {
		if p.Active == nil || *p.Active {
			options.Assignees = append(options.Assignees, sdk.Assignee{ID: p.id(), Name: p.Display})
		}
	}
	return options, nil
}
