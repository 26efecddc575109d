package command

import (
	"fmt"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// thinkWorkers is how many degraded messages are thought over at the same time.
const thinkWorkers = 2

// replyWorkers is how many people are told something at the same time.
const replyWorkers = 4

// openModel makes the engine that asks a model; nil when none is configured.
func openModel(o Options) (*llm.Engine, error) {
	c := o.Config.LLM
	if c.Model == "" {
		return nil, nil
	}
	cfg := llm.FromConfig(o.Config)
	cfg.Breaker = guard.BreakerConfig{Failures: o.Config.Breaker.Failures, Open: o.Config.Breaker.Open,
		OnChange: func(from, to string) {
			o.Log.Warn("breaker of the model", "model", c.Model, "from", from, "to", to)
		}}
	if o.TuneModel != nil {
		o.TuneModel(&cfg)
	}
	e, err := llm.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("language model: %w", err)
	}
	return e, nil
}

// model opens the engine that asks a model, with what the ledger says was used
// today.
func (s *Server) model() (pipeline.Model, error) {
	e, err := openModel(s.opts)
	if e == nil || err != nil {
		return nil, err
	}
	used, err := records.UsedSince(s.App, time.Now().UTC().Truncate(24*time.Hour))
	if err != nil {
		return nil, err
	}
	for _, u := range used {
		e.Spent(triage.Account{Project: u.Project, Source: u.Source}, u.Tokens, u.Cost)
	}
	return e, nil
}
