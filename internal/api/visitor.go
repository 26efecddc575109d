package api

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// The limits of a file that a visitor sends with a message. The collection
// uploads has the same.
const (
	uploadLimit = 5 << 20
	mostUploads = 4 // at once: each is held in memory
)

// uploadTypes are the files taken, by what their first bytes say.
var uploadTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain; charset=utf-8"}

// trap is a field that people do not see and machines fill in.
const trap = "website"

// visit is what a visitor of a web page sends.
type visit struct {
	message  pipeline.Message
	fields   map[string]string
	fileName string
	file     []byte
}

// ingestPublic is POST /api/feedback with a public key: the widget's and the
// form's. The reporter gets a reference and the address of a status page, and
// nothing of what we think of the message.
func (a *API) ingestPublic(e *core.RequestEvent) error {
	key := e.Auth
	byForm := e.Request.URL.Query().Get("from") == "form"
	v, err := a.visit(e, key)
	if err == nil {
		var body map[string]any
		if body, err = a.takeVisit(e, key, v); err == nil {
			if byForm {
				return e.Redirect(http.StatusSeeOther, body["StatusPath"].(string))
			}
			return e.JSON(http.StatusOK, body)
		}
	}
	if p, ok := pipeline.AsProblem(err); ok && byForm {
		return a.formAgain(e, key, v, p)
	}
	return err
}

// visit checks the page and the rate, and reads what was sent.
func (a *API) visit(e *core.RequestEvent, key *core.Record) (visit, error) {
	if err := allowOrigin(e, key); err != nil {
		return visit{}, err
	}
	if err := a.take("visitor:"+guard.AddrKey(e.RealIP()), guard.Limit{}); err != nil {
		return visit{}, err
	}
	kind, params, err := mime.ParseMediaType(e.Request.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		m, err := a.message(e)
		if err != nil {
			return visit{}, err
		}
		return visit{message: m, fields: contextTexts(&m)}, nil
	}
	leave, err := enter(a.uploads)
	if err != nil {
		return visit{}, err
	}
	defer leave()
	raw, err := readBody(e, uploadLimit+int64(a.cfg.API.BodyLimit))
	if err != nil {
		return visit{}, err
	}
	return readVisit(raw, params["boundary"])
}

// readVisit reads a multipart form with at most one file.
func readVisit(raw []byte, boundary string) (visit, error) {
	if boundary == "" {
		return visit{}, pipeline.Fault(pipeline.BadMediaType, "The multipart form has no boundary.")
	}
	form, err := multipart.NewReader(bytes.NewReader(raw), boundary).ReadForm(int64(len(raw)))
	if err != nil {
		return visit{}, pipeline.Fault(pipeline.BadJSON, "The form cannot be read.")
	}
	defer form.RemoveAll()
	v := visit{fields: map[string]string{}}
	for name, values := range form.Value {
		v.fields[name] = values[0]
	}
	v.message = pipeline.Message{Subject: v.fields["title"], Content: v.fields["content"], AuthorID: v.fields["user_id"],
		AuthorName: v.fields["user_name"], Permalink: v.fields["permalink"]}
	for name, files := range form.File {
		switch {
		case name != "attachment":
			return v, pipeline.Fault(pipeline.BadMediaType, "A file is sent in the field attachment.").At(clipped(name))
		case len(files) > 1:
			return v, pipeline.Fault(pipeline.BadValue, "One file can be sent with a message; these are %d.", len(files)).At("attachment")
		case files[0].Size == 0: // a form without a chosen file
			continue
		case files[0].Size > uploadLimit:
			return v, pipeline.Fault(pipeline.BodyTooLarge, "The file has more than %d MiB. Nothing was stored.", uploadLimit>>20).At("attachment")
		}
		f, err := files[0].Open()
		if err != nil {
			return v, pipeline.Fault(pipeline.BadJSON, "The file cannot be read.").At("attachment")
		}
		v.file, err = io.ReadAll(f)
		f.Close()
		if err != nil {
			return v, pipeline.Fault(pipeline.BadJSON, "The file cannot be read.").At("attachment")
		}
		if !slices.Contains(uploadTypes, http.DetectContentType(v.file)) {
			return v, pipeline.Fault(pipeline.BadMediaType, "Send a picture (PNG, JPEG, GIF, WebP), a PDF or a text file.").At("attachment")
		}
		v.fileName = files[0].Filename
	}
	return v, nil
}

// contextTexts takes the texts out of a message's context, so that a form's
// fields are found wherever they came in.
func contextTexts(m *pipeline.Message) map[string]string {
	fields := map[string]string{"content": m.Content, "user_name": m.AuthorName}
	more, _ := m.Context.(map[string]any)
	for name, v := range more {
		if s, ok := v.(string); ok {
			fields[name] = s
		}
	}
	return fields
}

// takeVisit stores one visit.
func (a *API) takeVisit(e *core.RequestEvent, key *core.Record, v visit) (map[string]any, error) {
	if v.fields[trap] != "" {
		return nil, pipeline.Fault(pipeline.BadValue, "Leave the field %s empty; it is there for machines. Nothing was stored.", trap).At(trap)
	}
	m := v.message
	m.Project, m.ExternalID, m.RequestID = key.GetString("project"), "", requestID(e)
	m.Source = "widget"
	if e.Request.URL.Query().Get("from") == "form" {
		m.Source = "form"
	}
	if strings.TrimSpace(m.Content) == "" {
		return nil, pipeline.Fault(pipeline.EmptyContent, "Say what happened; the text is empty.").At("content")
	}
	page := clipped(v.fields["page"])
	m.Context = map[string]any{"key": key.GetString("name"), "page": page, "email": clipped(v.fields["email"])}
	if m.AuthorID == "" {
		m.AuthorID = v.fields["email"]
	}
	leave, err := enter(a.slots)
	if err != nil {
		return nil, err
	}
	r, _, err := a.p.Ingest(m)
	leave()
	if err != nil {
		return nil, err
	}
	body := map[string]any{"FeedbackID": r.Id, "Reference": r.Id, "StatusPath": "/status/" + a.p.Vault.StatusToken(r.Id)}
	if v.file != nil {
		if err := a.keepFile(e.App, r, v); err != nil {
			a.log.Error("attachment not kept", "feedback", r.Id, "request_id", requestID(e), "err", err)
			body["AttachmentError"] = "The message is stored; the file could not be kept."
		}
	}
	return body, nil
}

// keepFile stores the file beside its message.
func (a *API) keepFile(app core.App, message *core.Record, v visit) error {
	c, err := app.FindCachedCollectionByNameOrId(records.Uploads)
	if err != nil {
		return err
	}
	file, err := filesystem.NewFileFromBytes(v.file, v.fileName)
	if err != nil {
		return err
	}
	r := core.NewRecord(c)
	r.Set("project", message.GetString("project"))
	r.Set("feedback", message.Id)
	r.Set("name", clipped(v.fileName))
	r.Set("size", len(v.file))
	r.Set("file", file)
	return app.Save(r)
}

// allowOrigin checks that the page may use the key, and lets it read the answer.
func allowOrigin(e *core.RequestEvent, key *core.Record) error {
	origin := e.Request.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return nil // no browser, or our own form under a strict referrer policy
	}
	own := "//" + e.Request.Host
	if allowed := records.Strings(key, "origins"); len(allowed) > 0 && !slices.Contains(allowed, origin) && !strings.HasSuffix(origin, own) {
		return pipeline.Fault(pipeline.WrongOrigin, "This key is not for pages of %s. An admin of the project adds the origin to it.", clipped(origin))
	}
	e.Response.Header().Set("Access-Control-Allow-Origin", origin)
	e.Response.Header().Add("Vary", "Origin")
	return nil
}
