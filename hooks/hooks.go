// Package hooks ties PocketBase's record events to the pipeline: a message is
// judged and queued as it is created, a plugin follows its record, and what
// must never change is refused. (pb_hooks, in JavaScript, is the operators'.)
package hooks

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// Bind registers every hook. Call it once, before the app serves.
func Bind(app core.App, p *pipeline.Pipeline) {
	bindFeedback(app, p)
	bindPlugins(app, p)
	bindTrackers(app, p)
	bindTrusted(app)
	bindKeys(app)
	bindPins(app)
	bindAudit(app)
	bindMembers(app)
	hide(app, "secrets", records.Sources, records.Trackers)
	hide(app, "hash", records.Keys)

	app.OnRecordAfterUpdateSuccess(records.Projects).BindFunc(func(e *core.RecordEvent) error {
		p.ForgetProject(e.Record.Id)
		return e.Next()
	})
	app.OnRecordUpdate(records.Projects).BindFunc(checkSettings)
	app.OnRecordCreate(records.Projects).BindFunc(checkSettings)
	app.OnRecordCreate(records.Projects, records.Sources).BindFunc(checkSlug)
	app.OnRecordUpdate(records.Projects, records.Sources).BindFunc(checkSlug)
}

// messageTexts are what a caller sets on a message and what must be a text.
var messageTexts = []string{"content", "subject", "source", "external_id", "permalink", pipeline.AuthorID, pipeline.AuthorName}

func bindFeedback(app core.App, p *pipeline.Pipeline) {
	app.OnRecordCreate(records.Feedback).BindFunc(p.Born)
	app.OnRecordCreateRequest(records.Feedback).BindFunc(func(e *core.RecordRequestEvent) error {
		info, err := e.RequestInfo()
		if err != nil {
			return err
		}
		for _, field := range messageTexts {
			v, isText := info.Body[field].(string)
			if form := e.Request.PostForm[field]; len(form) == 1 {
				v, isText = form[0], true // PocketBase makes numbers of a form's digits
			}
			switch {
			case isText:
				e.Record.Set(field, v)
			case info.Body[field] != nil:
				return pipeline.Fault(pipeline.BadType, "%s must be a text.", field).At(field)
			}
		}
		if e.Auth != nil && e.Auth.Collection().Name == records.Keys && e.Record.GetString("project") == "" {
			e.Record.Set("project", e.Auth.GetString("project"))
		}
		e.Record.Set("request_id", e.Response.Header().Get("X-Request-ID"))
		if err = e.Next(); err == nil || e.Written() {
			return err
		}
		if _, ok := pipeline.AsProblem(err); ok {
			return err
		}
		known, other := p.Known(e.Record, false)
		if other != nil {
			return other
		}
		if known == nil {
			return err
		}
		e.Response.Header().Set("X-Feedback-Known", known.Id)
		if err := apis.EnrichRecord(e.RequestEvent, known); err != nil {
			return err
		}
		return e.JSON(http.StatusOK, known)
	})
	app.OnRecordUpdate(records.Feedback).BindFunc(func(e *core.RecordEvent) error {
		if e.Record.GetString("erased") != "" && e.Record.GetString("content") == pipeline.ErasedText {
			return e.Next()
		}
		for _, field := range []string{"project", "source", "external_id", "subject", "content", "permalink"} {
			if e.Record.GetString(field) != e.Record.Original().GetString(field) {
				return pipeline.Fault(pipeline.BadValue, "A message is stored verbatim and never changed.").At(field)
			}
		}
		return e.Next()
	})
	app.OnRecordDeleteExecute(records.Feedback).BindFunc(func(e *core.RecordEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		return p.Erase(e.App, e.Record)
	})
	app.OnRecordAfterDeleteSuccess(records.Feedback).BindFunc(func(e *core.RecordEvent) error {
		p.Forget(e.Record.Id)
		p.Unlearn(e.Record.GetString("project"))
		return e.Next()
	})
	rank := func(e *core.RecordEvent) error {
		e.Record.Set("rank", records.Rank(e.Record))
		return e.Next()
	}
	app.OnRecordCreate(records.Issues).BindFunc(rank)
	app.OnRecordUpdate(records.Issues).BindFunc(rank)
	count := func(e *core.RecordEvent) error {
		p.Changed()
		return e.Next()
	}
	app.OnRecordAfterCreateSuccess(records.Feedback, records.Issues).BindFunc(count)
	app.OnRecordAfterUpdateSuccess(records.Feedback, records.Issues).BindFunc(count)
	app.OnRecordAfterDeleteSuccess(records.Feedback, records.Issues).BindFunc(count)
}

func bindPlugins(app core.App, p *pipeline.Pipeline) {
	seal := func(e *core.RecordEvent) error {
		if err := p.SealConfig(e.Record); err != nil {
			return err
		}
		return e.Next()
	}
	app.OnRecordCreate(records.Sources, records.Trackers).BindFunc(seal)
	app.OnRecordUpdate(records.Sources, records.Trackers).BindFunc(seal)

	changed := func(e *core.RecordEvent) error {
		p.PluginChanged(e.Record, false)
		return e.Next()
	}
	app.OnRecordAfterCreateSuccess(records.Sources, records.Trackers).BindFunc(changed)
	app.OnRecordAfterUpdateSuccess(records.Sources, records.Trackers).BindFunc(changed)
	app.OnRecordAfterDeleteSuccess(records.Sources, records.Trackers).BindFunc(func(e *core.RecordEvent) error {
		p.PluginChanged(e.Record, true)
		return e.Next()
	})
}

// hide keeps a field out of every answer, a superuser's too.
func hide(app core.App, field string, collections ...string) {
	app.OnRecordEnrich(collections...).BindFunc(func(e *core.RecordEnrichEvent) error {
		if err := e.Next(); err != nil { // shows hidden fields to superusers
			return err
		}
		e.Record.Hide(field)
		return nil
	})
}

// bindKeys makes an ingest key when its record is created over the API. The
// key itself is in that one answer and nowhere else.
func bindKeys(app core.App) {
	app.OnRecordCreateRequest(records.Keys).BindFunc(func(e *core.RecordRequestEvent) error {
		key, prefix := records.NewKey()
		e.Record.Set("public_key", "")
		if e.Record.GetBool("public") {
			key, prefix = records.NewPublicKey()
			e.Record.Set("public_key", key)
		}
		e.Record.Set("hash", records.KeyHash(key))
		e.Record.Set("prefix", prefix)
		e.Record.WithCustomData(true)
		e.Record.Set("key", key)
		return e.Next()
	})
	app.OnRecordUpdateRequest(records.Keys).BindFunc(func(e *core.RecordRequestEvent) error {
		for _, field := range []string{"hash", "prefix", "project", "public_key"} {
			e.Record.Set(field, e.Record.Original().GetString(field))
		}
		e.Record.Set("public", e.Record.Original().GetBool("public"))
		return e.Next()
	})
	checkOrigins := func(e *core.RecordEvent) error {
		for _, o := range records.Strings(e.Record, "origins") {
			u, err := url.Parse(o)
			if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != o {
				return pipeline.Fault(pipeline.BadValue, "%q is no web origin; one looks like https://www.example.com.", o).At("origins")
			}
		}
		return e.Next()
	}
	app.OnRecordCreate(records.Keys).BindFunc(checkOrigins)
	app.OnRecordUpdate(records.Keys).BindFunc(checkOrigins)
}

// bindAudit keeps the decisions append-only, for superusers too.
func bindAudit(app core.App) {
	refuse := func(e *core.RecordEvent) error {
		return pipeline.Fault(pipeline.BadValue, "Decisions are appended and never changed or deleted.")
	}
	app.OnRecordUpdate(records.Decisions).BindFunc(refuse)
	app.OnRecordDelete(records.Decisions).BindFunc(refuse)
	app.OnRecordCreate(records.Decisions).BindFunc(func(e *core.RecordEvent) error {
		return pipeline.Fault(pipeline.BadValue, "Decisions are written by the server only.")
	})
}

// bindPins keeps which programs may run with the routes that start and stop
// them.
func bindPins(app core.App) {
	refuse := func(e *core.RecordRequestEvent) error {
		return pipeline.Fault(pipeline.BadValue, "Plugins are enabled and disabled with POST /api/plugins/NAME/enable and …/disable.")
	}
	app.OnRecordCreateRequest(records.Pins).BindFunc(refuse)
	app.OnRecordUpdateRequest(records.Pins).BindFunc(refuse)
	app.OnRecordDeleteRequest(records.Pins).BindFunc(refuse)
}

// checkSlug refuses a slug that could be an id.
func checkSlug(e *core.RecordEvent) error {
	if records.LooksLikeID(e.Record.GetString("slug")) {
		return pipeline.Fault(pipeline.BadValue, "A slug must not look like an id, 15 lower-case letters and digits; add a hyphen.").At("slug")
	}
	return e.Next()
}

var languageCode = regexp.MustCompile(`^[a-z]{2}$`)

func checkSettings(e *core.RecordEvent) error {
	s, err := records.SettingsOf(e.Record)
	switch {
	case err != nil:
		return pipeline.Fault(pipeline.BadValue, "The settings do not fit: %s.", strings.TrimSuffix(err.Error(), ".")).At("settings")
	case !slices.Contains(records.Levels, s.Level()):
		return pipeline.Fault(pipeline.BadValue, "automation is one of %s.", strings.Join(records.Levels, ", ")).At("settings")
	case s.AutoAbove < 0 || s.AutoAbove > 1:
		return pipeline.Fault(pipeline.BadValue, "auto_above lies between 0 and 1.").At("settings")
	case s.RetentionDays < 0:
		return pipeline.Fault(pipeline.BadValue, "retention_days is a number of days, or 0 to keep texts.").At("settings")
	case s.HoldBelow < 0 || s.HoldBelow > 1 || s.JoinAbove < 0 || s.JoinAbove > 1:
		return pipeline.Fault(pipeline.BadValue, "hold_below and join_above lie between 0 and 1.").At("settings")
	case s.LLM.DailyTokens < 0 || s.LLM.DailyCost < 0 || s.LLM.SourceShare < 0 || s.LLM.SourceShare > 1:
		return pipeline.Fault(pipeline.BadValue, "llm.daily_tokens and llm.daily_cost are not negative, llm.source_share lies between 0 and 1.").At("settings")
	case s.Language != "" && !languageCode.MatchString(s.Language):
		return pipeline.Fault(pipeline.BadValue, "language is two lower-case letters, such as en or de.").At("settings")
	}
	if err := pipeline.CheckTemplates(s.Templates); err != nil {
		return err
	}
	return e.Next()
}
