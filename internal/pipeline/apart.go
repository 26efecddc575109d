package pipeline

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Apart notes that an issue and its reports are not the same matter as another
// one: they are not offered to each other again. Merging them undoes it.
func (p *Pipeline) Apart(id string, a Act) (Outcome, error) {
	if a.Into == "" || a.Into == id {
		return Outcome{}, Fault(BadValue, "Name the issue that this one is not the same as.").At("into")
	}
	defer p.lockIssue(id)()
	defer p.counts.changed()
	var out Outcome
	err := p.App.RunInTransaction(func(tx core.App) error {
		issue, err := p.issueFor(tx, id, triage.Triager, a)
		if err != nil {
			return err
		}
		other, err := p.sameProject(tx, issue, a.Into)
		if err != nil {
			return err
		}
		if err := records.Separate(tx, issue.GetString("project"), id, other.Id); err != nil {
			return err
		}
		var reports []string
		err = tx.DB().Select("id").From(records.Feedback).Where(dbx.HashExp{"issue": id}).AndWhere(dbx.Not(dbx.HashExp{"issue": ""})).Column(&reports)
		if err != nil {
			return fmt.Errorf("read reports: %w", err)
		}
		for _, r := range reports {
			if err := records.Separate(tx, issue.GetString("project"), r, other.Id); err != nil {
				return err
			}
		}
		a.Reason = join(fmt.Sprintf("Not the same as issue %d.", other.GetInt("number")), a.Reason)
		out, err = p.decided(tx, issue, "apart", snapshot(issue), a, "")
		return err
	})
	return out, err
}

// Regression says that a draft is about what a closed issue had mended.
func (p *Pipeline) Regression(id string, a Act) (Outcome, error) {
	return p.act(id, triage.ActEdit, triage.Triager, a, func(tx core.App, issue *core.Record) error {
		other, err := p.sameProject(tx, issue, a.Into)
		if err != nil {
			return err
		}
		if other.GetString("state") != string(triage.Closed) {
			return Fault(IllegalMove, "Issue %d is %s; only what was closed can come back. Merge the two instead.", other.GetInt("number"), other.GetString("state")).At("into")
		}
		issue.Set("regression_of", other.Id)
		return nil
	})
}

// sameProject reads another issue of an issue's project.
func (p *Pipeline) sameProject(tx core.App, issue *core.Record, id string) (*core.Record, error) {
	other, err := tx.FindRecordById(records.Issues, id)
	if err != nil || other.GetString("project") != issue.GetString("project") {
		return nil, Fault(NoIssue, "There is no issue %q in this project.", id).At("into")
	}
	return other, nil
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + " " + b
}
