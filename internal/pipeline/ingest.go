package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Message is one piece of feedback from outside.
type Message struct {
	Project     string // id
	Source      string // where it came from, such as "discord"; empty: "api"
	ExternalID  string // the source's own id; the same id twice is one message
	Subject     string
	Content     string // verbatim
	Permalink   string
	AuthorID    string
	AuthorName  string
	Context     any // kept as JSON beside the message
	Attachments any
	RequestID   string

	fromPlugin bool // the source's own plugin brought it
	demo       bool // one of the items that show how the product works
}

// Ingest stores a message. It is durable, judged and queued when Ingest
// returns. A message that is known already (same project, source, external id
// and text) is returned as it is, with isNew false. The error is a *Problem when the
// message itself is at fault.
func (p *Pipeline) Ingest(m Message) (r *core.Record, isNew bool, err error) {
	c, err := p.App.FindCachedCollectionByNameOrId(records.Feedback)
	if err != nil {
		return nil, false, err
	}
	r = core.NewRecord(c)
	r.Set("project", m.Project)
	r.Set("source", m.Source)
	r.Set("external_id", m.ExternalID)
	r.Set("subject", m.Subject)
	r.Set("content", m.Content)
	r.Set("permalink", m.Permalink)
	r.Set("context", m.Context)
	r.Set("attachments", m.Attachments)
	r.Set("request_id", m.RequestID)
	r.Set(AuthorID, m.AuthorID)
	r.Set(AuthorName, m.AuthorName)
	if m.ExternalID != "" { // a source may bring again what was erased
		if gone, err := p.known(m.Project, m.Source, p.Vault.ErasedID(m.Project, m.Source, m.ExternalID)); err == nil {
			return gone, false, nil
		}
	}
	ctx := context.Background()
	if m.fromPlugin {
		ctx = context.WithValue(ctx, pluginKey{}, true)
	}
	if m.demo {
		ctx = context.WithValue(ctx, demoKey{}, true)
	}
	err = p.App.SaveWithContext(ctx, r)
	if err == nil {
		return r, true, nil
	}
	if _, ok := AsProblem(err); ok {
		return nil, false, err
	}
	if known, other := p.Known(r, m.fromPlugin); known != nil || other != nil {
		return known, false, other
	}
	return nil, false, refused(err)
}

// demoKey marks the context of a message that shows how the product works.
type demoKey struct{}

// pluginKey marks the context of a message that a source's own plugin brought.
type pluginKey struct{}

// Known returns the stored message that a new one repeats, or nil. An external
// id that stands for another text is a problem and tells nothing of that text,
// unless the source has signed both.
func (p *Pipeline) Known(r *core.Record, signed bool) (*core.Record, error) {
	id := r.GetString("external_id")
	if id == "" {
		return nil, nil
	}
	known, err := p.known(r.GetString("project"), r.GetString("source"), id)
	switch {
	case err != nil:
		return nil, nil // it is another reason that kept it from being stored
	case signed || known.GetString("content") == r.GetString("content"):
		return known, nil
	}
	return nil, Fault(OtherMessage, "This external_id stands for a message with another text.").At("external_id")
}

// refused makes a problem of what PocketBase says against a record's fields.
func refused(err error) error {
	var fields json.Marshaler // its validation.Errors: a map from field to sentence
	var said map[string]string
	if !errors.As(err, &fields) {
		return err
	}
	raw, jsonErr := fields.MarshalJSON()
	if jsonErr != nil || json.Unmarshal(raw, &said) != nil || len(said) == 0 {
		return err
	}
	first := slices.Min(slices.Collect(maps.Keys(said)))
	return Fault(BadValue, "%s: %s", first, strings.TrimSuffix(said[first], ".")+".").At(first)
}

// AuthorID and AuthorName are what a caller may set on a new feedback record to
// say who wrote it. They are not columns; the hook turns them into a reporter.
const (
	AuthorID   = "user_id"
	AuthorName = "user_name"
)

func (p *Pipeline) known(project, source, externalID string) (*core.Record, error) {
	return p.App.FindFirstRecordByFilter(records.Feedback,
		"project = {:p} && source = {:s} && external_id = {:e}",
		dbx.Params{"p": project, "s": source, "e": externalID})
}

// Born is what the create hook of feedback does, whoever creates the record: it
// checks the text, judges it, and commits the record, its reporter, its first
// decision and its job together. Everything that a caller may not set is set
// here.
func (p *Pipeline) Born(e *core.RecordEvent) error {
	start := time.Now()
	r := e.Record
	if err := p.CheckReadOnly(); err != nil {
		return err
	}
	if err := p.check(r); err != nil {
		return err
	}
	if err := p.checkSource(e); err != nil {
		return err
	}
	settings, _, err := p.read(e.App, r.GetString("project"))
	if err != nil {
		return err
	}
	item := itemOf(r, settings)
	v := p.judge(r.GetString("project"), item)
	records.SetVerdict(r, v)
	for field, value := range map[string]any{
		"state": string(triage.Received), "held_reason": "", "issue": "", "relation": "",
		"similarity": 0, "candidates": nil, "lost": 0, "took_ms": 0,
		"degraded": false, "degraded_why": "", "thoughts": 0, "think_at": "",
		"erased": "", "demo": e.Context != nil && e.Context.Value(demoKey{}) != nil,
	} {
		r.Set(field, value)
	}
	judged := time.Since(start)

	outer := e.App
	err = outer.RunInTransaction(func(tx core.App) error {
		e.App = tx
		reporter, err := reporterFor(tx, r)
		if err != nil {
			return err
		}
		r.Set("reporter", reporter)
		if err := e.Next(); err != nil {
			return err
		}
		_, err = records.Append(tx, records.Decision{
			Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id,
			Action: "judge", ActorKind: records.ByEngine, Actor: v.Engine,
			After: map[string]any{"class": v.Class, "severity": v.Severity, "confidence": v.Confidence,
				"severity_confidence": v.SeverityProbs[v.Severity]},
			Reason: v.Reasoning, Engine: v.Engine, Prompt: v.EngineVersion,
			InputHash: inputHash(item), RequestID: r.GetString("request_id"),
		})
		if err != nil {
			return err
		}
		err = records.AppendStep(tx, records.Step{Project: r.GetString("project"), SubjectID: r.Id, Name: "judge",
			Engine: v.Engine, Took: judged, Attempt: 1, RequestID: r.GetString("request_id")})
		if err != nil {
			return err
		}
		return p.queue.Enqueue(context.Background(), tx, TriageArgs{ID: r.Id}, jobOpts("triage", r.GetString("request_id")))
	})
	e.App = outer
	return err
}

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,59}$`)

// check normalises what a caller may set and refuses what cannot be kept.
func (p *Pipeline) check(r *core.Record) error {
	content := r.GetString("content")
	switch {
	case !utf8.ValidString(content):
		return Fault(BadText, "The text is not valid UTF-8.").At("content")
	case strings.TrimSpace(strings.ReplaceAll(content, "\x00", "")) == "":
		return Fault(EmptyContent, "The feedback text is required; this one is empty.").At("content")
	case len(content) > p.TextLimit:
		return Fault(TextTooLong, "The text has %d bytes; the limit is %d. Nothing was stored or cut.", len(content), p.TextLimit).At("content")
	}
	source := strings.ToLower(strings.TrimSpace(r.GetString("source")))
	if source == "" {
		source = "api"
	}
	if !sourceName.MatchString(source) {
		return Fault(BadValue, "A source is named with lower-case letters, digits, - and _, at most 60 of them.").At("source")
	}
	r.Set("source", source)
	for _, f := range []struct {
		name string
		max  int
	}{{"external_id", 500}, {"subject", 1000}, {"permalink", 2000}, {AuthorID, 200}, {AuthorName, 200}} {
		s := r.GetString(f.name)
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return Fault(BadText, "%s must be valid UTF-8 without NUL.", f.name).At(f.name)
		}
		if n := utf8.RuneCountInString(s); n > f.max {
			return Fault(BadValue, "%s has %d characters; the limit is %d.", f.name, n, f.max).At(f.name)
		}
	}
	if link := r.GetString("permalink"); link != "" && !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
		return Fault(BadValue, "A permalink starts with https:// or http://.").At("permalink")
	}
	if err := checkExtra(r); err != nil {
		return err
	}
	if r.GetString("project") == "" {
		def, err := records.ProjectBySlug(p.App, "")
		if err != nil {
			return Fault(NoProject, "There is no default project; name one.").At("project")
		}
		r.Set("project", def.Id)
	}
	return nil
}

// longestExtra is the most bytes of JSON beside a message; the fields of the
// collection take as many.
const longestExtra = 64 << 10

// checkExtra refuses what cannot be kept beside the text.
func checkExtra(r *core.Record) error {
	for _, f := range []string{"context", "attachments"} {
		if n := len(r.GetString(f)); n > longestExtra {
			return Fault(TextTooLong, "%s has %d bytes of JSON; the limit is %d. Nothing was stored or cut.", f, n, longestExtra).At(f)
		}
	}
	return nil
}

// checkSource keeps the name of a configured source for its own plugin: what
// it signs must not be taken by somebody else before.
func (p *Pipeline) checkSource(e *core.RecordEvent) error {
	if e.Context != nil && e.Context.Value(pluginKey{}) != nil {
		return nil
	}
	var n int
	err := e.App.DB().Select("count(*)").From(records.Sources).Where(dbx.HashExp{"slug": e.Record.GetString("source")}).Row(&n)
	if err != nil {
		return fmt.Errorf("look for the source: %w", err)
	}
	if n > 0 {
		return Fault(BadValue, "%s is a source with a plugin; only that brings its messages.", e.Record.GetString("source")).At("source")
	}
	return nil
}

// reporterFor finds or makes the reporter of a message and returns its id.
func reporterFor(tx core.App, r *core.Record) (string, error) {
	project, source := r.GetString("project"), r.GetString("source")
	author, name := r.GetString(AuthorID), r.GetString(AuthorName)
	if author == "" {
		author = name
	}
	var id string
	err := tx.DB().Select("id").From(records.Reporters).
		Where(dbx.HashExp{"project": project, "source": source, "external_id": author}).Row(&id)
	if err == nil {
		return id, nil
	}
	c, err := tx.FindCachedCollectionByNameOrId(records.Reporters)
	if err != nil {
		return "", err
	}
	rep := core.NewRecord(c)
	rep.Set("project", project)
	rep.Set("source", source)
	rep.Set("external_id", author)
	rep.Set("handle", name)
	if err := tx.Save(rep); err != nil {
		return "", fmt.Errorf("save reporter: %w", err)
	}
	return rep.Id, nil
}

func inputHash(it triage.Item) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(it.Title), it.Title, it.Text)
	return hex.EncodeToString(h.Sum(nil))
}

// jobMeta is what a job carries beside its ids.
type jobMeta struct {
	RequestID string `json:"request_id,omitempty"`
	Snoozes   int    `json:"snoozes,omitempty"` // River's own count
}

func jobOpts(queueName, requestID string) *river.InsertOpts {
	meta, _ := json.Marshal(jobMeta{RequestID: requestID})
	return &river.InsertOpts{Queue: queueName, Metadata: meta}
}

func requestIDOf(metadata []byte) string {
	var m jobMeta
	_ = json.Unmarshal(metadata, &m) // River's own metadata has no request id; then there is none
	return m.RequestID
}

// AsProblem returns the problem in err, if there is one. PocketBase's own errors
// hold one without unwrapping to it.
func AsProblem(err error) (*Problem, bool) {
	var p *Problem
	if errors.As(err, &p) {
		return p, true
	}
	var api interface{ RawData() any }
	if errors.As(err, &api) {
		raw, _ := api.RawData().(error)
		return p, errors.As(raw, &p)
	}
	return nil, false
}
