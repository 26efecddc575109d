package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// What people are told of their messages, what a tracker is told of new
// reports, and what trackers tell back.
func init() {
	m.Register(func(app core.App) error {
		sources, err := app.FindCollectionByNameOrId("sources")
		if err != nil {
			return err
		}
		sources.Fields.Add(list("loop", 2<<10)) // what people are told by themselves; see records.Loop
		if err := app.Save(sources); err != nil {
			return err
		}
		trackers, err := app.FindCollectionByNameOrId("trackers")
		if err != nil {
			return err
		}
		cursor := text("cursor", 4<<10) // where the next look for changes begins
		cursor.Hidden = true
		trackers.Fields.Add(cursor)
		if err := app.Save(trackers); err != nil {
			return err
		}
		issues, err := app.FindCollectionByNameOrId("issues")
		if err != nil {
			return err
		}
		issues.Fields.Add(text("tracker_state", 40))        // open or closed, as the tracker says
		issues.Fields.Add(list("tracker_assignees", 8<<10)) // as the tracker says
		issues.Fields.Add(text("pull_request", 2000))       // address of the linked one
		issues.Fields.Add(maybe("closed_as", "completed", "not_planned", "duplicate"))
		if err := app.Save(issues); err != nil {
			return err
		}

		replies := core.NewBaseCollection("replies")
		replies.Fields.Add(belongs(app, "project", "projects"))
		replies.Fields.Add(belongs(app, "feedback", "feedback")) // the message that is answered
		replies.Fields.Add(link(app, "issue", "issues"))
		replies.Fields.Add(belongs(app, "source", "sources"))
		replies.Fields.Add(link(app, "reporter", "reporters"))
		replies.Fields.Add(one("kind", "acknowledge", "ask", "filed", "fixed", "declined", "message", "annotate"))
		replies.Fields.Add(text("text", 8000))
		replies.Fields.Add(one("state", "pending", "sending", "sent", "failed"))
		replies.Fields.Add(needed("key", 20))
		replies.Fields.Add(text("author", 15)) // the person who wrote it; empty: by itself
		replies.Fields.Add(text("external_id", 500))
		replies.Fields.Add(text("url", 2000))
		replies.Fields.Add(text("error", 2000))
		replies.Fields.Add(number("attempts"))
		replies.Fields.Add(&core.DateField{Name: "next_at"})
		replies.Fields.Add(&core.DateField{Name: "sent_at"})
		stamps(replies)
		replies.AddIndex("idx_replies_key", true, "key", "")
		replies.AddIndex("idx_replies_due", false, "state, next_at", "")
		replies.AddIndex("idx_replies_feedback", false, "feedback, created", "")
		replies.AddIndex("idx_replies_issue", false, "issue, created", "issue != ''")
		replies.AddIndex("idx_replies_project", false, "project, created", "")
		replies.ListRule = member("project")
		replies.ViewRule = member("project")
		if err := app.Save(replies); err != nil {
			return err
		}

		notes := core.NewBaseCollection("notes") // one comment a filed issue, edited as reports come in
		notes.Fields.Add(belongs(app, "project", "projects"))
		notes.Fields.Add(belongs(app, "issue", "issues"))
		notes.Fields.Add(belongs(app, "tracker", "trackers"))
		notes.Fields.Add(number("wanted"))  // reporters to be told of
		notes.Fields.Add(number("written")) // reporters that the comment tells of
		notes.Fields.Add(text("comment_id", 200))
		notes.Fields.Add(text("error", 2000))
		notes.Fields.Add(number("attempts"))
		notes.Fields.Add(&core.DateField{Name: "next_at"}) // empty: nothing to do
		stamps(notes)
		notes.AddIndex("idx_notes_issue", true, "issue", "")
		notes.AddIndex("idx_notes_due", false, "next_at", "next_at != ''")
		notes.ListRule = member("project")
		notes.ViewRule = member("project")
		return app.Save(notes)
	}, func(app core.App) error {
		if err := drop(app, "replies", "notes"); err != nil {
			return err
		}
		for name, fields := range map[string][]string{
			"sources": {"loop"}, "trackers": {"cursor"},
			"issues": {"tracker_state", "tracker_assignees", "pull_request", "closed_as"},
		} {
			c, err := app.FindCollectionByNameOrId(name)
			if err != nil {
				return err
			}
			for _, f := range fields {
				c.Fields.RemoveByName(f)
			}
			if err := app.Save(c); err != nil {
				return err
			}
		}
		return nil
	})
}
