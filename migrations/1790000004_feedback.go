package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Messages, the people who wrote them and the issues they point at.
func init() {
	m.Register(func(app core.App) error {
		reporters := core.NewBaseCollection("reporters")
		reporters.Fields.Add(belongs(app, "project", "projects"))
		reporters.Fields.Add(needed("source", 60))
		reporters.Fields.Add(text("external_id", 200)) // empty: the unnamed reporters of a source, counted as one
		reporters.Fields.Add(text("handle", 200))
		stamps(reporters)
		reporters.AddIndex("idx_reporters_identity", true, "project, source, external_id", "")
		reporters.ListRule = member("project")
		reporters.ViewRule = member("project")
		if err := app.Save(reporters); err != nil {
			return err
		}

		issues := core.NewBaseCollection("issues")
		issues.Fields.Add(belongs(app, "project", "projects"))
		issues.Fields.Add(number("number"))
		issues.Fields.Add(needed("title", 300))
		issues.Fields.Add(list("steps", 128<<10))
		issues.Fields.Add(text("expected", 20_000))
		issues.Fields.Add(text("observed", 20_000))
		issues.Fields.Add(list("criteria", 128<<10))
		issues.Fields.Add(list("labels", 16<<10))
		issues.Fields.Add(list("components", 16<<10))
		issues.Fields.Add(list("environment", 16<<10))
		issues.Fields.Add(list("missing", 16<<10))
		issues.Fields.Add(one("class", "bug", "feature", "question", "noise"))
		issues.Fields.Add(one("severity", "critical", "high", "medium", "low"))
		issues.Fields.Add(one("state", "draft", "approved", "filed", "closed", "declined", "snoozed"))
		issues.Fields.Add(number("version"))
		issues.Fields.Add(number("report_count"))
		issues.Fields.Add(number("reporter_count"))
		issues.Fields.Add(&core.DateField{Name: "first_seen"})
		issues.Fields.Add(&core.DateField{Name: "last_seen"})
		issues.Fields.Add(&core.DateField{Name: "snoozed_until"})
		issues.Fields.Add(text("tracker", 15))
		issues.Fields.Add(text("tracker_key", 200)) // the tracker's own number, such as "412"
		issues.Fields.Add(text("tracker_url", 2000))
		issues.Fields.Add(text("filing", 2000)) // where filing stands, in words
		stamps(issues)
		if err := app.Save(issues); err != nil {
			return err
		}
		issues.Fields.Add(link(app, "merged_into", "issues"))
		issues.Fields.Add(link(app, "regression_of", "issues"))
		issues.AddIndex("idx_issues_number", true, "project, number", "")
		issues.AddIndex("idx_issues_state", false, "project, state, created", "")
		issues.AddIndex("idx_issues_created", false, "project, created", "")
		issues.AddIndex("idx_issues_seen", false, "project, last_seen", "")
		issues.AddIndex("idx_issues_reports", false, "project, reporter_count", "")
		issues.AddIndex("idx_issues_due", false, "state, snoozed_until", "")
		issues.AddIndex("idx_issues_merged", false, "merged_into", "merged_into != ''")
		issues.ListRule = member("project")
		issues.ViewRule = member("project")
		if err := app.Save(issues); err != nil {
			return err
		}

		feedback := core.NewBaseCollection("feedback")
		feedback.Fields.Add(belongs(app, "project", "projects"))
		feedback.Fields.Add(needed("source", 60))
		feedback.Fields.Add(text("external_id", 500))
		feedback.Fields.Add(link(app, "reporter", "reporters"))
		feedback.Fields.Add(text("subject", 1000))
		feedback.Fields.Add(needed("content", 1<<20)) // the largest ITERATESWARM_API_TEXT_LIMIT
		feedback.Fields.Add(text("permalink", 2000))
		feedback.Fields.Add(list("context", 64<<10))
		feedback.Fields.Add(list("attachments", 64<<10))
		feedback.Fields.Add(text("language", 10))
		feedback.Fields.Add(maybe("class", "bug", "feature", "question", "noise"))
		feedback.Fields.Add(maybe("severity", "critical", "high", "medium", "low"))
		feedback.Fields.Add(number("confidence"))
		feedback.Fields.Add(text("reasoning", 5000))
		feedback.Fields.Add(text("title", 300))
		feedback.Fields.Add(list("verdict", 512<<10)) // the whole triage.Verdict, evidence offsets included
		feedback.Fields.Add(text("engine", 120))
		feedback.Fields.Add(text("engine_version", 120))
		feedback.Fields.Add(one("state", "received", "triaged", "joined", "noise", "held"))
		feedback.Fields.Add(maybe("held_reason", "low_confidence", "quarantined"))
		feedback.Fields.Add(link(app, "issue", "issues"))
		feedback.Fields.Add(maybe("relation", "report", "regression"))
		feedback.Fields.Add(number("similarity"))
		feedback.Fields.Add(list("candidates", 64<<10)) // similar issues that were not joined, with the reason
		feedback.Fields.Add(number("lost"))             // attempts that died with their process
		feedback.Fields.Add(number("took_ms"))          // from stored to settled
		feedback.Fields.Add(text("request_id", 64))
		stamps(feedback)
		feedback.AddIndex("idx_feedback_identity", true, "project, source, external_id", "external_id != ''")
		feedback.AddIndex("idx_feedback_received", false, "id", "state = 'received'")
		feedback.AddIndex("idx_feedback_state", false, "project, state, created", "")
		feedback.AddIndex("idx_feedback_created", false, "project, created", "")
		feedback.AddIndex("idx_feedback_class", false, "project, class, severity, created", "")
		feedback.AddIndex("idx_feedback_issue", false, "issue, reporter", "issue != ''")
		feedback.ListRule = member("project")
		feedback.ViewRule = member("project")
		// A key's message that names no project goes to the key's own; hooks fills it in.
		feedback.CreateRule = types.Pointer(`(@request.auth.collectionName = "keys" && (project = "" || project = @request.auth.project)) || (` +
			*member("project", "triager", "approver", "admin") + `)`)
		return app.Save(feedback)
	}, func(app core.App) error {
		return drop(app, "reporters", "issues", "feedback")
	})
}
