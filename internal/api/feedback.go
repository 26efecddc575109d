package api

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// longestWait bounds ?wait=.
const longestWait = 60 * time.Second

// ingest is POST /api/feedback: the original's route, answered from the verdict
// that the message was born with.
func (a *API) ingest(e *core.RequestEvent) error {
	if e.Auth != nil && e.Auth.Collection().Name == records.Keys && e.Auth.GetBool("public") {
		return a.ingestPublic(e)
	}
	start := time.Now()
	wait, err := waitFor(e)
	if err != nil {
		return err
	}
	r, err := a.takeIn(e)
	if err != nil {
		return err
	}
	if wait > 0 {
		noReadDeadline(e)
		ctx, cancel := context.WithTimeout(e.Request.Context(), wait)
		defer cancel()
		if r, err = a.p.Wait(ctx, r.Id); err != nil {
			return err
		}
	}
	return a.writeVerdict(e, r, time.Since(start))
}

// takeIn reads, checks and stores the message of a request.
func (a *API) takeIn(e *core.RequestEvent) (*core.Record, error) {
	project, err := a.mayIngest(e)
	if err != nil {
		return nil, err
	}
	m, err := a.message(e)
	if err != nil {
		return nil, err
	}
	if m.Project, err = a.projectFor(e, project, m.Project); err != nil {
		return nil, err
	}
	if m.ExternalID != "" && e.Auth == nil {
		return nil, pipeline.Fault(pipeline.NoCredentials, "external_id makes a message idempotent; it needs an ingest key or a login.").At("external_id")
	}
	leave, err := enter(a.slots)
	if err != nil {
		return nil, err
	}
	defer leave()
	r, isNew, err := a.p.Ingest(m)
	if err != nil {
		return nil, err
	}
	if !isNew {
		e.Response.Header().Set("X-Feedback-Known", r.Id)
	}
	return r, nil
}

// enter takes one of the places for messages that are judged and stored, so that
// a flood cannot fill the memory. It is taken after the body has arrived: slow
// senders hold nobody up.
func enter(places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		p := pipeline.Fault(pipeline.TooBusy, "The server takes in %d messages at once and is full. Send it again in a second.", cap(places))
		p.RetryAfter = time.Second
		return nil, p
	}
}

// mayIngest checks the caller and the rate, and returns the project that the
// caller is bound to, if any.
func (a *API) mayIngest(e *core.RequestEvent) (project string, err error) {
	bucket, limit := "addr:"+guard.AddrKey(e.RealIP()), guard.Limit{}
	switch {
	case e.Auth != nil && e.Auth.Collection().Name == records.Keys:
		project = e.Auth.GetString("project")
		bucket, limit = keyBucket(e.Auth)
	case caller(e) != nil:
		bucket = "user:" + e.Auth.Id
	case !a.cfg.API.PublicIngest:
		return "", pipeline.Fault(pipeline.IngestClosed, "Feedback without a key is switched off here. Send an ingest key in X-API-Key.")
	}
	return project, a.take(bucket, limit)
}

// take spends one token of a bucket.
func (a *API) take(bucket string, limit guard.Limit) error {
	ok, after, _ := a.limiter.Allow(bucket, limit)
	if ok {
		return nil
	}
	p := pipeline.Fault(pipeline.TooFast, "Too many messages from here. The next one is taken in %s.", after.Round(100*time.Millisecond))
	p.RetryAfter = after
	return p
}

func keyBucket(key *core.Record) (string, guard.Limit) {
	return "key:" + key.Id, guard.Limit{Burst: key.GetInt("burst"), Every: time.Duration(key.GetInt("every_ms")) * time.Millisecond}
}

// projectFor decides into which project a message goes: a key's own, or the
// one that is named, or the default.
func (a *API) projectFor(e *core.RequestEvent, bound, named string) (string, error) {
	if bound != "" && named == "" {
		return bound, nil
	}
	r, err := records.ProjectBySlug(e.App, named)
	if err != nil || (bound != "" && r.Id != bound) {
		return "", pipeline.Fault(pipeline.NoProject, "There is no project %q for this caller.", clipped(named)).At("project")
	}
	switch who := caller(e); {
	case who != nil:
		if err := a.p.May(e.App, who, r.Id, triage.Triager, pipeline.NoProject); err != nil {
			return "", err
		}
	case bound == "" && r.GetString("slug") != records.DefaultProject:
		return "", pipeline.Fault(pipeline.NoProject, "Without a key, feedback goes to the default project only.").At("project")
	}
	return r.Id, nil
}

// textFields are the fields of the route that are texts.
var textFields = []string{"content", "source", "user_id", "user_name", "title", "external_id", "permalink", "project"}

// message reads the body, JSON or form. Fields that the route does not know
// are kept in the message's context; nothing is dropped.
func (a *API) message(e *core.RequestEvent) (pipeline.Message, error) {
	raw, err := readBody(e, int64(a.cfg.API.BodyLimit))
	if err != nil {
		return pipeline.Message{}, err
	}
	kind, params, err := mime.ParseMediaType(e.Request.Header.Get("Content-Type"))
	if e.Request.Header.Get("Content-Type") == "" {
		kind, err = "application/json", nil
	}
	if err != nil {
		return pipeline.Message{}, pipeline.Fault(pipeline.BadMediaType, "The Content-Type header cannot be read.")
	}
	var body map[string]any
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		body, err = jsonObject(raw)
	case kind == "application/x-www-form-urlencoded":
		body, err = formObject(raw)
	case kind == "multipart/form-data":
		body, err = multipartObject(raw, params["boundary"])
	default:
		return pipeline.Message{}, pipeline.Fault(pipeline.BadMediaType, "Send application/json or a form, not %q.", clipped(kind))
	}
	if err != nil {
		return pipeline.Message{}, err
	}
	text := map[string]string{}
	for _, f := range textFields {
		v, ok := body[f]
		if !ok || v == nil {
			continue
		}
		s, isText := v.(string)
		if !isText {
			return pipeline.Message{}, pipeline.Fault(pipeline.BadType, "%s must be a text.", f).At(f)
		}
		text[f] = s
		delete(body, f)
	}
	if body["content"] != nil || text["content"] == "" {
		return pipeline.Message{}, pipeline.Fault(pipeline.EmptyContent, "The feedback text is required: send {\"content\": \"…\"}.").At("content")
	}
	m := pipeline.Message{
		Project: text["project"], Source: text["source"], ExternalID: text["external_id"], Subject: text["title"],
		Content: text["content"], Permalink: text["permalink"], AuthorID: text["user_id"], AuthorName: text["user_name"],
		RequestID: requestID(e),
	}
	if len(body) > 0 {
		m.Context = body
	}
	return m, nil
}

func jsonObject(raw []byte) (map[string]any, error) {
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil, pipeline.Fault(pipeline.EmptyContent, "The body is empty: send {\"content\": \"…\"}.").At("content")
	}
	if p := checkJSON(raw); p != nil {
		return nil, p
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil || body == nil {
		return nil, pipeline.Fault(pipeline.BadType, "The body must be a JSON object such as {\"content\": \"…\", \"source\": \"discord\", \"user_id\": \"42\"}.")
	}
	return body, nil
}

func formObject(raw []byte) (map[string]any, error) {
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, pipeline.Fault(pipeline.BadJSON, "The form cannot be read.")
	}
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		return nil, pipeline.Fault(pipeline.BadMediaType, "The body looks like JSON but is declared a form. Add the header Content-Type: application/json.")
	}
	return firstValues(values), nil
}

func firstValues(values map[string][]string) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		out[k] = v[0]
		if len(v) > 1 {
			list := make([]any, len(v))
			for i := range v {
				list[i] = v[i]
			}
			out[k] = list
		}
	}
	return out
}

// waitFor reads ?wait=30s: how long to wait until the message has found its
// issue. It is read before anything is stored.
func waitFor(e *core.RequestEvent) (time.Duration, error) {
	wait := e.Request.URL.Query().Get("wait")
	if wait == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(wait)
	if err != nil || d < 0 || d > longestWait {
		return 0, pipeline.Fault(pipeline.BadValue, "wait is a duration between 0s and %s, such as 30s.", longestWait).At("wait")
	}
	return d, nil
}

// verdictBody is the original's answer: eleven keys, and two of ours.
type verdictBody struct {
	FeedbackID         string
	Classification     string
	Severity           string
	Confidence         float64
	Reasoning          string
	Title              string
	ReproductionSteps  []string
	AcceptanceCriteria []string
	SuggestedLabels    []string
	ProcessingTime     string // seconds, such as "0.012s"
	AffectedComponents []string
	Engine             string
	DuplicateOf        string // the issue it joined, once it has
}

func (a *API) writeVerdict(e *core.RequestEvent, r *core.Record, took time.Duration) error {
	v, err := records.Verdict(r)
	if err != nil {
		return err
	}
	body := verdictBody{
		FeedbackID: r.Id, Classification: r.GetString("class"), Severity: r.GetString("severity"), Confidence: v.Confidence,
		Reasoning: v.Reasoning, Title: v.Title, ReproductionSteps: notNil(v.Steps), AcceptanceCriteria: notNil(v.Criteria),
		SuggestedLabels: notNil(v.Labels), AffectedComponents: notNil(v.Components),
		ProcessingTime: fmt.Sprintf("%.3fs", took.Seconds()), Engine: v.Engine,
	}
	if r.GetFloat("similarity") > 0 && r.GetString("relation") == "report" {
		body.DuplicateOf = r.GetString("issue")
	}
	if wantsHTML(e) {
		var b strings.Builder
		if err := verdictFragment.Execute(&b, body); err != nil {
			return err
		}
		return e.HTML(http.StatusOK, b.String())
	}
	return e.JSON(http.StatusOK, body)
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// wantsHTML reports whether a browser's form or htmx asked, not a program.
func wantsHTML(e *core.RequestEvent) bool {
	accept := e.Request.Header.Get("Accept")
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, "application/json") &&
		strings.HasPrefix(e.Request.URL.Path, "/api/feedback")
}

var verdictFragment = template.Must(template.New("verdict").Parse(`<article class="verdict" data-feedback="{{.FeedbackID}}">
<h2>{{.Title}}</h2>
<p><strong>{{.Classification}}</strong>, {{.Severity}}. {{.Reasoning}}</p>
{{with .ReproductionSteps}}<h3>Steps</h3><ol>{{range .}}<li>{{.}}</li>{{end}}</ol>{{end}}
{{with .AcceptanceCriteria}}<h3>Done when</h3><ul>{{range .}}<li>{{.}}</li>{{end}}</ul>{{end}}
</article>
`))

var problemFragment = template.Must(template.New("problem").Parse(`<p class="problem" role="alert" data-code="{{.Code}}">{{.Message}}</p>
`))

func errorFragment(p *pipeline.Problem) string {
	var b strings.Builder
	if err := problemFragment.Execute(&b, p); err != nil {
		return "" // the template is constant and the data two fields; it cannot fail
	}
	return b.String()
}
