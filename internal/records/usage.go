package records

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// AppendUsage writes one row of the ledger: a call to a model for a message.
func AppendUsage(tx core.App, project, subject, requestID string, c triage.Call) error {
	_, err := tx.DB().Insert(Usage, dbx.Params{
		"id": core.GenerateDefaultRandomId(), "project": project, "subject_id": subject, "model": c.Model, "kind": c.Kind,
		"mode": c.Mode, "attempt": c.Attempt, "tokens_in": c.TokensIn, "tokens_out": c.TokensOut, "cost": c.Cost,
		"ms": float64(c.Took.Microseconds()) / 1000, "outcome": c.Outcome, "request_id": requestID,
		"created": types.NowDateTime().String(),
	}).Execute()
	if err != nil {
		return fmt.Errorf("append usage: %w", err)
	}
	return nil
}

// UsedSince sums the ledger from a time on.
func UsedSince(app core.App, since time.Time) (tokens int, cost float64, err error) {
	from, err := types.ParseDateTime(since)
	if err != nil {
		return 0, 0, err
	}
	var sum struct {
		Tokens int     `db:"tokens"`
		Cost   float64 `db:"cost"`
	}
	err = app.DB().NewQuery(`SELECT coalesce(sum(tokens_in + tokens_out), 0) AS tokens, coalesce(sum(cost), 0) AS cost
		FROM usage WHERE created >= {:since}`).Bind(dbx.Params{"since": from.String()}).One(&sum)
	if err != nil {
		return 0, 0, fmt.Errorf("sum usage: %w", err)
	}
	return sum.Tokens, sum.Cost, nil
}
