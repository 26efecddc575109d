package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// What the inbox sorts by: an issue's rank, which needs no clock, and indexes
// that end in the id, so that a page begins where the one before it ended.
func init() {
	m.Register(func(app core.App) error {
		issues, err := app.FindCollectionByNameOrId("issues")
		if err != nil {
			return err
		}
		issues.Fields.Add(number("rank"))
		issues.AddIndex("idx_issues_rank", false, "project, state, rank, id", "")
		issues.AddIndex("idx_issues_latest", false, "project, state, last_seen, id", "")
		issues.AddIndex("idx_issues_first", false, "project, state, first_seen, id", "")
		if err := app.Save(issues); err != nil {
			return err
		}
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		feedback.RemoveIndex("idx_feedback_state")
		feedback.AddIndex("idx_feedback_state", false, "project, state, created, id", "")
		feedback.AddIndex("idx_feedback_sure", false, "project, state, confidence, id", "")
		if err := app.Save(feedback); err != nil {
			return err
		}
		return rankAll(app)
	}, func(app core.App) error {
		issues, err := app.FindCollectionByNameOrId("issues")
		if err != nil {
			return err
		}
		for _, name := range []string{"idx_issues_rank", "idx_issues_latest", "idx_issues_first"} {
			issues.RemoveIndex(name)
		}
		issues.Fields.RemoveByName("rank")
		if err := app.Save(issues); err != nil {
			return err
		}
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		feedback.RemoveIndex("idx_feedback_sure")
		feedback.RemoveIndex("idx_feedback_state")
		feedback.AddIndex("idx_feedback_state", false, "project, state, created", "")
		return app.Save(feedback)
	})
}

// rankAll gives the issues that are there their rank.
func rankAll(app core.App) error {
	var rows []struct {
		ID        string `db:"id"`
		Severity  string `db:"severity"`
		Reporters int    `db:"reporter_count"`
		Seen      string `db:"last_seen"`
	}
	err := app.DB().Select("id", "severity", "reporter_count", "last_seen").From("issues").All(&rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		rank, err := records.RankOf(r.Severity, r.Reporters, r.Seen)
		if err != nil {
			return err
		}
		if _, err := app.DB().NewQuery(`UPDATE issues SET rank = {:rank} WHERE id = {:id}`).
			Bind(map[string]any{"rank": rank, "id": r.ID}).Execute(); err != nil {
			return err
		}
	}
	return nil
}
