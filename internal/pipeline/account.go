package pipeline

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// otherSources is the account of all sources that nobody has configured. Who
// posts over the API names the source: many names must not be many shares.
const otherSources = "other"

// account says whose budget judging a message is charged to.
func (p *Pipeline) account(r *core.Record, settings records.Settings) (triage.Account, error) {
	b := p.budgetOf(settings)
	a := triage.Account{Project: r.GetString("project"), Source: otherSources, Tokens: b.DailyTokens, Cost: b.DailyCost, Share: b.SourceShare}
	var n int
	err := p.App.DB().Select("count(*)").From(records.Sources).
		Where(dbx.HashExp{"slug": r.GetString("source"), "project": a.Project}).Row(&n)
	if err != nil {
		return a, fmt.Errorf("look for the source: %w", err)
	}
	if n > 0 {
		a.Source = r.GetString("source")
	}
	return a, nil
}

// budgetOf is a project's budget for the model, with the installation's defaults.
func (p *Pipeline) budgetOf(settings records.Settings) records.Budget {
	b := settings.LLM
	if b.DailyTokens == 0 {
		b.DailyTokens = p.ModelBudget.DailyTokens
	}
	if b.DailyCost == 0 {
		b.DailyCost = p.ModelBudget.DailyCost
	}
	if b.SourceShare == 0 {
		b.SourceShare = p.ModelBudget.SourceShare
	}
	return b
}
