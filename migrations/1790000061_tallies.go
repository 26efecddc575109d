package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Tallies: how many messages, issues, decisions and calls to a model there are
// of each kind on each day. Triggers keep them, in the transaction of the row
// they count, so that numbers cost the same however many rows there are.
func init() {
	m.Register(func(app core.App) error {
		for _, q := range append(tallyTables(), tallyTriggers()...) {
			if _, err := app.DB().NewQuery(q).Execute(); err != nil {
				return err
			}
		}
		return nil
	}, func(app core.App) error {
		for _, q := range []string{
			`DROP TRIGGER feedback_days_in`, `DROP TRIGGER feedback_days_up`, `DROP TRIGGER feedback_days_out`,
			`DROP TRIGGER issue_days_in`, `DROP TRIGGER issue_days_up`, `DROP TRIGGER issue_days_out`,
			`DROP TRIGGER decision_days_in`, `DROP TRIGGER usage_days_in`,
			`DROP TABLE feedback_days`, `DROP TABLE issue_days`, `DROP TABLE decision_days`, `DROP TABLE usage_days`,
			`DROP INDEX idx_feedback_source`, `DROP INDEX idx_feedback_seen`, `DROP INDEX idx_decisions_acts`,
		} {
			if _, err := app.DB().NewQuery(q).Execute(); err != nil {
				return err
			}
		}
		return nil
	})
}

// tallyTables make the tables, fill them from what is there and add the indexes
// that the other numbers need.
func tallyTables() []string {
	return []string{
		// again: it joined an issue that was known already
		`CREATE TABLE feedback_days (project TEXT NOT NULL, day TEXT NOT NULL, source TEXT NOT NULL, class TEXT NOT NULL,
			severity TEXT NOT NULL, engine TEXT NOT NULL, state TEXT NOT NULL, again INTEGER NOT NULL, n INTEGER NOT NULL,
			PRIMARY KEY (project, day, source, class, severity, engine, state, again)) WITHOUT ROWID`,
		`INSERT INTO feedback_days SELECT project, substr(created, 1, 10), source, class, severity, engine, state,
			relation = 'report' AND similarity > 0, count(*) FROM feedback GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`,
		`CREATE TABLE issue_days (project TEXT NOT NULL, day TEXT NOT NULL, state TEXT NOT NULL, merged INTEGER NOT NULL,
			n INTEGER NOT NULL, PRIMARY KEY (project, day, state, merged)) WITHOUT ROWID`,
		`INSERT INTO issue_days SELECT project, substr(created, 1, 10), state, merged_into != '', count(*) FROM issues GROUP BY 1, 2, 3, 4`,
		`CREATE TABLE decision_days (project TEXT NOT NULL, day TEXT NOT NULL, actor_kind TEXT NOT NULL, action TEXT NOT NULL,
			n INTEGER NOT NULL, PRIMARY KEY (project, day, actor_kind, action)) WITHOUT ROWID`,
		`INSERT INTO decision_days SELECT project, substr(created, 1, 10), actor_kind, action, count(*) FROM decisions GROUP BY 1, 2, 3, 4`,
		`CREATE TABLE usage_days (project TEXT NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL,
			failed INTEGER NOT NULL, tokens INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY (project, day, model)) WITHOUT ROWID`,
		`INSERT INTO usage_days SELECT project, substr(created, 1, 10), model, count(*), sum(outcome != 'ok'),
			sum(tokens_in + tokens_out), sum(cost) FROM usage GROUP BY 1, 2, 3`,
		`CREATE INDEX idx_feedback_source ON feedback (project, source, created)`,
		`CREATE INDEX idx_feedback_seen ON feedback (issue, created) WHERE issue != ''`,
		`CREATE INDEX idx_decisions_acts ON decisions (project, created) WHERE actor_kind = 'person'`,
	}
}

func tallyTriggers() []string {
	feedback := func(row, by string) string {
		return `INSERT INTO feedback_days VALUES (` + row + `.project, substr(` + row + `.created, 1, 10), ` + row + `.source, ` +
			row + `.class, ` + row + `.severity, ` + row + `.engine, ` + row + `.state, ` +
			row + `.relation = 'report' AND ` + row + `.similarity > 0, ` + by + `) ON CONFLICT DO UPDATE SET n = n + ` + by + `;`
	}
	issue := func(row, by string) string {
		return `INSERT INTO issue_days VALUES (` + row + `.project, substr(` + row + `.created, 1, 10), ` + row + `.state, ` +
			row + `.merged_into != '', ` + by + `) ON CONFLICT DO UPDATE SET n = n + ` + by + `;`
	}
	return []string{
		`CREATE TRIGGER feedback_days_in AFTER INSERT ON feedback BEGIN ` + feedback("new", "1") + ` END`,
		`CREATE TRIGGER feedback_days_out AFTER DELETE ON feedback BEGIN ` + feedback("old", "-1") + ` END`,
		`CREATE TRIGGER feedback_days_up AFTER UPDATE ON feedback
			WHEN (old.project, old.created, old.source, old.class, old.severity, old.engine, old.state, old.relation, old.similarity)
			IS NOT (new.project, new.created, new.source, new.class, new.severity, new.engine, new.state, new.relation, new.similarity)
			BEGIN ` + feedback("old", "-1") + ` ` + feedback("new", "1") + ` END`,
		`CREATE TRIGGER issue_days_in AFTER INSERT ON issues BEGIN ` + issue("new", "1") + ` END`,
		`CREATE TRIGGER issue_days_out AFTER DELETE ON issues BEGIN ` + issue("old", "-1") + ` END`,
		`CREATE TRIGGER issue_days_up AFTER UPDATE ON issues
			WHEN (old.project, old.created, old.state, old.merged_into) IS NOT (new.project, new.created, new.state, new.merged_into)
			BEGIN ` + issue("old", "-1") + ` ` + issue("new", "1") + ` END`,
		`CREATE TRIGGER decision_days_in AFTER INSERT ON decisions BEGIN
			INSERT INTO decision_days VALUES (new.project, substr(new.created, 1, 10), new.actor_kind, new.action, 1)
			ON CONFLICT DO UPDATE SET n = n + 1; END`,
		`CREATE TRIGGER usage_days_in AFTER INSERT ON usage BEGIN
			INSERT INTO usage_days VALUES (new.project, substr(new.created, 1, 10), new.model, 1, new.outcome != 'ok',
			new.tokens_in + new.tokens_out, new.cost) ON CONFLICT DO UPDATE SET calls = calls + 1, failed = failed + excluded.failed,
			tokens = tokens + excluded.tokens, cost = cost + excluded.cost; END`,
	}
}
