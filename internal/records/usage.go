package records

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Used is what a source of a project has used of a model.
type Used struct {
	Project string  `db:"project" json:"-"`
	Source  string  `db:"source" json:"source"`
	Tokens  int     `db:"tokens" json:"tokens"`
	Cost    float64 `db:"cost" json:"cost"`
}

// AppendUsage writes one row of the ledger: a call to a model for a message.
func AppendUsage(tx core.App, a triage.Account, subject, requestID string, c triage.Call) error {
	_, err := tx.DB().Insert(Usage, dbx.Params{
		"id": core.GenerateDefaultRandomId(), "project": a.Project, "source": a.Source, "subject_id": subject, "model": c.Model, "kind": c.Kind,
		"mode": c.Mode, "attempt": c.Attempt, "tokens_in": c.TokensIn, "tokens_out": c.TokensOut, "cost": c.Cost,
		"ms": float64(c.Took.Microseconds()) / 1000, "outcome": c.Outcome, "request_id": requestID,
		"created": types.NowDateTime().String(),
	}).Execute()
	if err != nil {
		return fmt.Errorf("append usage: %w", err)
	}
	return nil
}

// UsedSince sums the ledger from a time on, by project and source.
func UsedSince(app core.App, since time.Time) ([]Used, error) {
	from, err := types.ParseDateTime(since)
	if err != nil {
		return nil, err
	}
	var sums []Used
	err = app.DB().NewQuery(`SELECT project, source, sum(tokens_in + tokens_out) AS tokens, sum(cost) AS cost
		FROM usage WHERE created >= {:since} GROUP BY project, source`).Bind(dbx.Params{"since": from.String()}).All(&sums)
	if err != nil {
		return nil, fmt.Errorf("sum usage: %w", err)
	}
	return sums, nil
}
