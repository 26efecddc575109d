package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// How retention works: once a day, some messages in each transaction.
const (
	retainEvery = 24 * time.Hour
	retainFirst = time.Minute // after the start
	retainRows  = 100
)

// retain erases the texts that are older than their project keeps them, until
// ctx ends.
func (p *Pipeline) retain(ctx context.Context) {
	wait := time.NewTimer(retainFirst)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		if n, err := p.RetainAll(ctx); err != nil && ctx.Err() == nil {
			p.Log.Error("retention", "err", err)
		} else if n > 0 {
			p.Log.Info("texts erased by retention", "count", n)
		}
		wait.Reset(retainEvery)
	}
}

// RetainAll erases in every project what it keeps no longer, and returns how
// many messages that were.
func (p *Pipeline) RetainAll(ctx context.Context) (int, error) {
	projects, err := p.App.FindAllRecords(records.Projects)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, project := range projects {
		settings, err := records.SettingsOf(project)
		if err != nil || settings.RetentionDays <= 0 {
			continue // settings that cannot be read erase nothing
		}
		for ctx.Err() == nil {
			some, err := p.retainSome(project.Id, settings.RetentionDays)
			if n += some; err != nil {
				return n, fmt.Errorf("project %s: %w", project.GetString("slug"), err)
			}
			if some < retainRows {
				break
			}
		}
	}
	return n, nil
}

// Outdated counts the messages whose text a project would erase if it kept them
// for so many days.
func (p *Pipeline) Outdated(project string, days int) (int, error) {
	var n int
	err := p.App.DB().NewQuery(`SELECT count(*) FROM feedback WHERE project = {:p} AND created < {:t} AND erased = ''`).
		Bind(dbx.Params{"p": project, "t": olderThan(days)}).Row(&n)
	return n, err
}

func olderThan(days int) string { return types.NowDateTime().AddDate(0, 0, -days).String() }

func (p *Pipeline) retainSome(project string, days int) (int, error) {
	defer p.lock(project)()
	var gone []*core.Record
	err := p.App.RunInTransaction(func(tx core.App) error {
		var err error
		gone, err = tx.FindRecordsByFilter(records.Feedback, "project = {:p} && created < {:t} && erased = ''", "created", retainRows, 0,
			dbx.Params{"p": project, "t": olderThan(days)})
		if err != nil || len(gone) == 0 {
			return err
		}
		_, err = p.erasure(tx, project, nil, "").erase(gone, project, fmt.Sprintf("Older than the %d days that the project keeps texts.", days))
		return err
	})
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	p.forget(gone, nil)
	return len(gone), nil
}
