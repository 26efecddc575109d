// Package pipeline is what happens to feedback: it is born with a verdict,
// settled onto an issue, decided by a person and filed by a tracker. It is the
// only place where the engine, the index, the records and the plugins meet.
// Each step is a file; the folder's listing is the pipeline.
package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/riverqueue/river"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// Config is what a pipeline is made of. Everything but Log, the numbers and
// the switches for tests is required.
type Config struct {
	App     core.App
	Engine  *offline.Engine // needs nothing; called inside the request
	Model   Model           // deepens verdicts; nil: the offline verdict is all there is
	Index   *vector.Index
	Plugins *pluginhost.Host
	Vault   *records.Vault
	Log     *slog.Logger

	HoldBelow float64 // confidence under which a message waits for a person
	JoinAbove float64 // similarity from which a message joins by itself; 0: vector's own
	TextLimit int     // bytes of one message
	// LocalSources are the sources whose text never leaves this host.
	LocalSources []string
	ModelBudget  records.Budget // of a project that sets none of its own
	ModelClass   string         // ClassAuto, ClassAlways or ClassNever; empty: ClassAuto
	PublicURL    string         // where people open the app, for links in issues; may be empty
	Sweep        time.Duration  // how often rows without a job are looked for
	Heal         time.Duration  // how often trackers are searched for issues filed twice
	Poll         time.Duration  // how often trackers are asked what has changed
	Grace        time.Duration  // how long nobody is told what a person has decided, so that it can be undone before
	Gather       time.Duration  // how long new reports are gathered before a tracker is told
	Breaker      guard.BreakerConfig

	ModelWait time.Duration // the shortest wait for a model that asks to wait; 0: shortestSnooze

	// For the control run of the durability test, which shows that it bites.
	NoSweep   bool // no sweep, no giving back of lost jobs
	BlindPost bool // an unknown outcome is sent again without a look
}

// Pipeline does the work. Its methods may be called at the same time.
type Pipeline struct {
	Config
	queue *queue.Queue

	projects sync.Map   // id → *project
	filers   sync.Map   // tracker id → *filer
	catalog  sync.Mutex // held while a plugin is enabled, disabled or reloaded
	offers   offers
	waiting  waiters
	counts   counter
	upkeep   maintenance
	opinions opinions
	stop     context.CancelFunc
	done     sync.WaitGroup
	stopped  sync.Once
	spawning sync.Mutex
	stopping bool // no background work may start any more
}

// New makes a pipeline. Nothing runs before Start.
func New(cfg Config) *Pipeline {
	p := &Pipeline{Config: cfg}
	if p.ModelWait <= 0 {
		p.ModelWait = shortestSnooze
	}
	if p.ModelClass == "" {
		p.ModelClass = ClassAuto
	}
	p.waiting.byID = map[string][]chan struct{}{}
	return p
}

// Workers registers every kind of job with River.
func (p *Pipeline) Workers() *river.Workers {
	w := river.NewWorkers()
	river.AddWorker(w, &triageWorker{p: p})
	river.AddWorker(w, &fileWorker{p: p})
	river.AddWorker(w, &rethinkWorker{p: p})
	river.AddWorker(w, &batchWorker{p: p})
	river.AddWorker(w, &replyWorker{p: p})
	river.AddWorker(w, &tellWorker{p: p})
	river.AddWorker(w, &noteWorker{p: p})
	river.AddWorker(w, &retrainWorker{p: p})
	return w
}

// Use gives the pipeline the queue that works its jobs.
func (p *Pipeline) Use(q *queue.Queue) { p.queue = q }

// Queue is the queue that works the pipeline's jobs.
func (p *Pipeline) Queue() *queue.Queue { return p.queue }

// Start recovers what a dead process left, loads the index, starts the plugins
// and works the queue until Stop.
func (p *Pipeline) Start(ctx context.Context) error {
	if !p.NoSweep {
		if err := p.recover(); err != nil {
			return err
		}
	}
	if err := p.loadIndex(ctx); err != nil {
		return err
	}
	if err := p.loadLayers(); err != nil {
		return err
	}
	if err := p.startPlugins(ctx); err != nil {
		return err
	}
	if err := p.stayReadOnly(ctx); err != nil {
		return err
	}
	if err := p.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.spawn(func() { p.saveLayersEvery(ctx) })
	if !p.NoSweep {
		p.spawn(func() { p.sweepEvery(ctx) })
		p.spawn(func() { p.healEvery(ctx) })
		p.spawn(func() { p.embedEvery(ctx) })
		p.spawn(func() { p.watch(ctx) })
		p.spawn(func() { p.retain(ctx) })
		p.spawn(func() { p.pollEvery(ctx) })
	}
	return nil
}

// Stop ends the sweep and the queue, then the plugins. A second call does nothing.
func (p *Pipeline) Stop(ctx context.Context) error {
	var err error
	p.stopped.Do(func() {
		p.spawning.Lock()
		p.stopping = true
		p.spawning.Unlock()
		if p.stop != nil {
			p.stop()
		}
		err = errors.Join(p.queue.Stop(ctx), p.Plugins.Close())
		p.done.Wait()
	})
	return err
}

// project is what the pipeline remembers of one project, for as long as the
// process lives.
type project struct {
	join  sync.Mutex // held while anything is joined, merged, split or moved in the project
	pupil pupil

	mu       sync.Mutex // guards what follows
	known    bool
	settings records.Settings
	slug     string
}

// project returns the remembered project.
func (p *Pipeline) project(id string) *project {
	v, ok := p.projects.Load(id)
	if !ok {
		v, _ = p.projects.LoadOrStore(id, &project{})
	}
	return v.(*project)
}

// read returns the settings and the slug of a project, from the database the
// first time.
func (p *Pipeline) read(app core.App, id string) (records.Settings, string, error) {
	proj := p.project(id)
	proj.mu.Lock()
	defer proj.mu.Unlock()
	if !proj.known {
		r, err := app.FindRecordById(records.Projects, id)
		if err != nil {
			return records.Settings{}, "", Fault(NoProject, "There is no project %q.", id).At("project")
		}
		if proj.settings, err = records.SettingsOf(r); err != nil {
			return records.Settings{}, "", err
		}
		proj.slug, proj.known = r.GetString("slug"), true
	}
	return proj.settings, proj.slug, nil
}

// ForgetProject makes the next reader read a project's settings anew. Call it
// after the commit that changed them.
func (p *Pipeline) ForgetProject(id string) {
	proj := p.project(id)
	proj.mu.Lock()
	proj.known = false
	proj.mu.Unlock()
	p.Unlearn(id) // labels and components are learned against the project's lists
}

// judge gives the offline verdict on an item of a project, with what its people
// have taught.
func (p *Pipeline) judge(project string, it triage.Item) triage.Verdict {
	return p.Engine.JudgeWith(p.project(project).pupil.layer.Load(), it)
}

// spawn runs f in the background; Stop waits for it. After Stop it does nothing.
func (p *Pipeline) spawn(f func()) {
	p.spawning.Lock()
	defer p.spawning.Unlock()
	if !p.stopping {
		p.done.Go(f)
	}
}

// waiters lets a request wait until a message is settled.
type waiters struct {
	mu   sync.Mutex
	byID map[string][]chan struct{}
}

func (w *waiters) add(id string) <-chan struct{} {
	ch := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byID[id] = append(w.byID[id], ch)
	return ch
}

func (w *waiters) settled(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ch := range w.byID[id] {
		close(ch)
	}
	delete(w.byID, id)
}

func (w *waiters) drop(id string, ch <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.byID[id][:0]
	for _, c := range w.byID[id] {
		if c != ch {
			kept = append(kept, c)
		}
	}
	if w.byID[id] = kept; len(kept) == 0 {
		delete(w.byID, id)
	}
}

// Wait returns the message once it is settled, or as it is when ctx ends.
func (p *Pipeline) Wait(ctx context.Context, id string) (*core.Record, error) {
	ch := p.waiting.add(id)
	defer p.waiting.drop(id, ch)
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil || r.GetString("state") != string(triage.Received) {
		return r, err
	}
	select {
	case <-ch:
		return p.App.FindRecordById(records.Feedback, id)
	case <-ctx.Done():
		return r, nil
	}
}
