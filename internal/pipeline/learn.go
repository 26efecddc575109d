package pipeline

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// pupil is what one project's people have taught. The decisions are the truth;
// this, and the row that it is saved in, can be made again from them.
type pupil struct {
	layer atomic.Pointer[offline.Layer] // nil: nothing was taught; read without a lock

	mu      sync.Mutex // guards what follows, and is held while something is learned
	learner *offline.Learner
	through string    // id of the last decision that was taken in
	at      time.Time // when that was
	dirty   bool      // there is something to save
	epoch   int       // how often something that was learned from stopped to count
	anew    bool      // it is being learned anew in the background
}

// taught takes in what people have decided in a project since the last call.
// Call it after the commit. What goes wrong is logged: the decision stands, and
// the next call takes it in.
func (p *Pipeline) taught(project string) {
	pu := &p.project(project).pupil
	pu.mu.Lock()
	defer pu.mu.Unlock()
	if pu.anew {
		return // whoever learns anew will come to it
	}
	err := p.fresh(project, pu)
	if err == nil {
		err = p.catchUp(context.Background(), project, pu, nil)
	}
	if err != nil {
		p.Log.Error("learn", "project", project, "err", err)
	}
}

// fresh makes a pupil that has learned nothing yet ready to learn.
func (p *Pipeline) fresh(project string, pu *pupil) (err error) {
	if pu.learner == nil {
		pu.through, err = p.lastReset(project)
		pu.learner = offline.NewLearner(p.Engine)
	}
	return err
}

// catchUp teaches a pupil the decisions that follow. The pupil's lock must be
// held. progress, unless nil, hears of every few decisions and may end it.
func (p *Pipeline) catchUp(ctx context.Context, project string, pu *pupil, progress func(decisions int) error) error {
	for {
		examples, through, n, err := p.lessonsAfter(project, pu.through)
		if err != nil || n == 0 {
			return err
		}
		for _, x := range examples {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			pu.learner.Learn(x)
		}
		pu.through, pu.dirty = through, true
		if len(examples) > 0 {
			pu.at = time.Now()
			pu.layer.Store(pu.learner.Layer())
		}
		if progress != nil {
			if err := progress(n); err != nil {
				return err
			}
		}
	}
}

// relearn makes a project's layer anew in the background: something that it was
// learned from no longer counts. Until then the old one judges.
func (p *Pipeline) relearn(project string) {
	pu := &p.project(project).pupil
	pu.mu.Lock()
	defer pu.mu.Unlock()
	pu.epoch++
	if pu.anew {
		return // what runs sees that it has to begin again
	}
	pu.anew = true
	p.spawn(func() {
		err := p.learnAnew(context.Background(), project, p.unlessStopping)
		pu.mu.Lock()
		defer pu.mu.Unlock()
		pu.anew = false
		if err != nil {
			pu.learner, pu.dirty = nil, false // what no longer counts must not be saved; the next lesson begins anew
		}
		if err != nil && !errors.Is(err, errStopping) {
			p.Log.Error("learn anew", "project", project, "err", err)
		}
	})
}

// Unlearn makes a project's layer anew, when it has one: a message that it may
// have been learned from is gone, or what it was learned against has changed.
func (p *Pipeline) Unlearn(project string) {
	if p.project(project).pupil.layer.Load() != nil {
		p.relearn(project)
	}
}

// dropLayer removes the saved layer in the transaction that erases messages, so
// that a crash after it does not bring back what was learned from them.
func dropLayer(tx core.App, project string) error {
	_, err := tx.DB().Delete(records.Layers, dbx.HashExp{"project": project}).Execute()
	return wrap("drop the layer", err)
}

var errStopping = errors.New("the server is stopping")

func (p *Pipeline) unlessStopping(int) error {
	p.spawning.Lock()
	defer p.spawning.Unlock()
	if p.stopping {
		return errStopping
	}
	return nil
}

// learnAnew learns all decisions of a project into a fresh layer, puts it in the
// place of the old one and saves it. It begins again when meanwhile something
// stops to count.
func (p *Pipeline) learnAnew(ctx context.Context, project string, progress func(decisions int) error) error {
	pu := &p.project(project).pupil
	for {
		pu.mu.Lock()
		epoch := pu.epoch
		pu.mu.Unlock()
		next := new(pupil)
		if err := p.fresh(project, next); err != nil {
			return err
		}
		if err := p.catchUp(ctx, project, next, progress); err != nil {
			return err
		}
		if done, err := p.install(ctx, project, pu, next, epoch); done || err != nil {
			return err
		}
	}
}

// install puts what was learned anew in its place, unless something has stopped
// to count since it was begun.
func (p *Pipeline) install(ctx context.Context, project string, pu, next *pupil, epoch int) (done bool, err error) {
	pu.mu.Lock()
	defer pu.mu.Unlock()
	if pu.epoch != epoch {
		return false, nil
	}
	if err := p.catchUp(ctx, project, next, nil); err != nil {
		return false, err
	}
	pu.learner, pu.through, pu.at, pu.anew = next.learner, next.through, next.at, false
	pu.layer.Store(next.layer.Load())
	return true, p.saveLayer(project, pu)
}

// saveLayer writes the row of a project's layer. The pupil's lock must be held.
func (p *Pipeline) saveLayer(project string, pu *pupil) error {
	data := pu.learner.Encode()
	_, err := p.App.NonconcurrentDB().NewQuery(`INSERT INTO layers (id, project, through, weights, version, data, created, updated)
		SELECT {:id}, {:p}, {:t}, {:w}, {:v}, {:d}, {:now}, {:now} WHERE EXISTS (SELECT 1 FROM projects WHERE id = {:p})
		ON CONFLICT (project) DO UPDATE SET through = {:t}, weights = {:w}, version = {:v}, data = {:d}, updated = {:now}`).
		Bind(dbx.Params{"id": core.GenerateDefaultRandomId(), "p": project, "t": pu.through, "w": p.Engine.Version(),
			"v": pu.learner.Version(), "d": base64.StdEncoding.EncodeToString(data), "now": types.NowDateTime().String()}).Execute()
	if err != nil {
		return fmt.Errorf("save layer: %w", err)
	}
	pu.dirty = false
	return nil
}

// layersSaved is how often layers that have changed are saved. What a crash
// loses of them is learned again from the decisions at the next start.
const layersSaved = 2 * time.Second

func (p *Pipeline) saveLayersEvery(ctx context.Context) {
	tick := time.NewTicker(layersSaved)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.saveLayers()
		case <-ctx.Done():
			p.saveLayers()
			return
		}
	}
}

func (p *Pipeline) saveLayers() {
	if p.ReadOnly() {
		return // later, or learned again from the decisions
	}
	p.projects.Range(func(id, v any) bool {
		pu := &v.(*project).pupil
		pu.mu.Lock()
		defer pu.mu.Unlock()
		if pu.dirty && !pu.anew {
			if err := p.saveLayer(id.(string), pu); err != nil {
				p.Log.Error("save layer", "project", id, "err", err)
			}
		}
		return true
	})
}

// learnedAtStart is how many decisions the start waits for when layers have to
// be learned anew: about a tenth of a second for each thousand.
const learnedAtStart = 2000

// loadLayers reads the saved layers and takes in the few decisions after them.
// A layer that does not fit any more is learned anew, a large one while the
// server works.
func (p *Pipeline) loadLayers() error {
	var rows []struct {
		Project string `db:"project"`
		Through string `db:"through"`
		Data    string `db:"data"`
		Stale   bool   `db:"stale"`
		Updated string `db:"updated"`
	}
	// Stale: what it was learned from was undone, erased or reset after it was saved.
	err := p.App.DB().NewQuery(`SELECT p.id AS project, coalesce(l.through, '') AS through, coalesce(l.data, '') AS data, coalesce(l.updated, '') AS updated,
		EXISTS (SELECT 1 FROM decisions u WHERE u.project = p.id AND u.actor_kind = 'person' AND (u.undo_of != '' OR u.action IN ('` + resetLearning + `', '` + records.Erasure + `'))
			AND u.rowid > coalesce((SELECT rowid FROM decisions WHERE id = l.through), 0)) AS stale
		FROM projects p LEFT JOIN layers l ON l.project = p.id
		WHERE l.id IS NOT NULL OR EXISTS (SELECT 1 FROM decisions d WHERE d.project = p.id AND d.actor_kind = 'person')`).All(&rows)
	if err != nil {
		return fmt.Errorf("load layers: %w", err)
	}
	left := learnedAtStart
	for _, r := range rows {
		pu := &p.project(r.Project).pupil
		raw, err := base64.StdEncoding.DecodeString(r.Data)
		if err == nil && !r.Stale && r.Data != "" {
			pu.learner, err = offline.DecodeLearner(p.Engine, raw)
		}
		if pu.learner == nil {
			if err != nil && !errors.Is(err, offline.ErrOtherWeights) {
				p.Log.Warn("a saved layer cannot be read and is learned anew", "project", r.Project, "err", err)
			}
			n, err := p.decisionsToLearn(p.App, r.Project)
			if err != nil {
				return err
			}
			if left -= n; left >= 0 {
				p.taught(r.Project)
			} else {
				p.relearn(r.Project)
			}
			continue
		}
		pu.through = r.Through
		if at, err := types.ParseDateTime(r.Updated); err == nil {
			pu.at = at.Time()
		}
		pu.layer.Store(pu.learner.Layer())
		p.taught(r.Project)
	}
	return nil
}

// ResetLearning forgets what a project's people have taught: its verdicts are
// those of the shipped weights again. The decisions stay, and what is decided
// from now on is learned.
func (p *Pipeline) ResetLearning(project string, by *core.Record, reason, requestID string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	if err := p.May(p.App, by, project, triage.Admin, NoProject); err != nil {
		return err
	}
	err := p.App.RunInTransaction(func(tx core.App) error {
		_, err := records.Append(tx, records.Decision{Project: project, Subject: records.Projects, SubjectID: project, Action: resetLearning,
			ActorKind: records.ByPerson, Actor: by.Collection().Name + "/" + by.Id, Reason: reason, RequestID: requestID})
		if err != nil {
			return err
		}
		return dropLayer(tx, project)
	})
	if err != nil {
		return fmt.Errorf("reset learning: %w", err)
	}
	pu := &p.project(project).pupil
	pu.mu.Lock()
	pu.learner, pu.dirty = nil, false
	pu.layer.Store(nil)
	pu.mu.Unlock()
	p.relearn(project) // what was being learned meanwhile must not bring it back
	return nil
}
