package api

import (
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

//go:embed pages/*.html
var pageFiles embed.FS

var (
	formPage   = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/form.html"))
	statusPage = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/status.html"))
)

// formData is what the form page shows.
type formData struct {
	Title, Key, Problem, Field, Content, Name, Email string
}

// form is GET /feedback: a page that works without JavaScript. ?key= names the
// public key; without it the default project's only one is taken.
func (a *API) form(e *core.RequestEvent) error {
	data := formData{Title: "Send us feedback"}
	status := http.StatusOK
	key, err := publicKey(e.App, e.Request.URL.Query().Get("key"))
	switch {
	case err == nil:
		data.Key = key.GetString("public_key")
		if p, err := e.App.FindRecordById(records.Projects, key.GetString("project")); err == nil && p.GetString("slug") != records.DefaultProject {
			data.Title = "Feedback on " + p.GetString("name")
		}
	case e.Request.URL.Query().Get("key") != "":
		data.Problem, status = "This form has been taken down. Ask whoever gave you the link for a new one.", http.StatusNotFound
	default:
		status = http.StatusNotFound
	}
	return page(e, status, formPage, data)
}

// publicKey finds an enabled public key, or the default project's only one.
func publicKey(app core.App, key string) (*core.Record, error) {
	if key != "" {
		return app.FindFirstRecordByFilter(records.Keys, "hash = {:h} && public = true && disabled = false", dbx.Params{"h": records.KeyHash(key)})
	}
	list, err := app.FindRecordsByFilter(records.Keys, "project.slug = {:p} && public = true && disabled = false", "created", 2, 0,
		dbx.Params{"p": records.DefaultProject})
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, pipeline.Fault(pipeline.BadKey, "There is no single public key.")
	}
	return list[0], nil
}

// formAgain shows the form with what was wrong and all that was typed.
func (a *API) formAgain(e *core.RequestEvent, key *core.Record, v visit, p *pipeline.Problem) error {
	return page(e, p.Status(), formPage, formData{Title: "Send us feedback", Key: key.GetString("public_key"), Problem: p.Message,
		Field: p.Field, Content: v.fields["content"], Name: v.fields["user_name"], Email: v.fields["email"]})
}

// standing is what a reporter reads about a message.
type standing struct {
	Title, Sign, Head, Text, Reference, ISO, Received, Content string
}

// status is GET /status/{token}: where a message stands, for who wrote it.
func (a *API) status(e *core.RequestEvent) error {
	id, ok := a.p.Vault.FeedbackOf(e.Request.PathValue("token"))
	var r *core.Record
	err := error(nil)
	if ok {
		r, err = e.App.FindRecordById(records.Feedback, id)
	}
	if !ok || err != nil {
		return page(e, http.StatusNotFound, formPage, formData{Title: "Nothing here", Problem: "There is no message at this address. It may have been erased."})
	}
	at := r.GetDateTime("created").Time().UTC()
	s := standing{Reference: r.Id, ISO: at.Format(time.RFC3339), Received: at.Format("2 January 2006, 15:04 UTC"), Content: r.GetString("content")}
	s.Sign, s.Head, s.Text = a.standsAt(e.App, r)
	s.Title = s.Head
	return page(e, http.StatusOK, statusPage, s)
}

// standsAt says where a message stands. It does not tell how it was judged.
func (a *API) standsAt(app core.App, r *core.Record) (sign, head, text string) {
	received := func() (string, string, string) {
		return "✓", "We have your message", "Thank you. Somebody of the team reads it."
	}
	issueID := r.GetString("issue")
	for range 100 { // merging refuses circles
		issue, err := app.FindRecordById(records.Issues, issueID)
		if issueID == "" || err != nil {
			return received()
		}
		if into := issue.GetString("merged_into"); into != "" {
			issueID = into
			continue
		}
		switch state := triage.IssueState(issue.GetString("state")); {
		case state == triage.Closed && issue.GetString("closed_as") != "not_planned":
			return "✓", "It is done", "What you told us about is finished. Thank you."
		case state == triage.Closed, state == triage.Declined:
			return "—", "We will not do it", "The team has looked at it and decided against it. Thank you for taking the time."
		case state == triage.Filed, state == triage.Approved:
			return "→", "It is on our list", "The team has taken it up."
		}
		return "…", "We are looking at it", "The team has your message and decides on it."
	}
	return received()
}

// page writes one of the pages for visitors, under the web app's policy.
func page(e *core.RequestEvent, status int, t *template.Template, data any) error {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, "page", data); err != nil {
		return err
	}
	h := e.Response.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	return e.HTML(status, b.String())
}
