package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/plugins/jsvm"

	"github.com/iterateswarm/iterateswarm/hooks"
	"github.com/iterateswarm/iterateswarm/internal/api"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/prepared"
	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/vector"

	_ "github.com/iterateswarm/iterateswarm/migrations" // the schema
	_ "github.com/pocketbase/pocketbase/migrations"     // PocketBase's own
)

// Options say what to open.
type Options struct {
	Dir           string // the data directory
	Config        config.Config
	Log           *slog.Logger
	Dev           bool                        // PocketBase prints its logs and SQL
	Public        fs.FS                       // holds pb_public, the web app
	Manifests     []pluginhost.Manifest       // the plugins that can be started
	PluginCommand func(name string) *exec.Cmd // starts one; nil: this executable with "plugin NAME"
	Tune          func(*pipeline.Config)      // lets a test change numbers and switches; may be nil
	TuneModel     func(*llm.Config)           // likewise for the model; may be nil
}

// Server is the wired product on one data directory, which it holds alone.
type Server struct {
	App      core.App
	Pipeline *pipeline.Pipeline
	API      *api.API
	opts     Options
	lock     *flock.Flock
	restart  restart
}

// lockFile is held, inside the data directory, by the one server that uses it.
const lockFile = ".lock"

// ErrRunning says that another process serves the data directory.
var ErrRunning = errors.New("another iterateswarm is running on this data directory")

// newApp makes PocketBase over a data directory. Nothing is opened yet.
func newApp(o Options) core.App {
	return core.NewBaseApp(core.BaseAppConfig{
		DataDir: o.Dir, IsDev: o.Dev,
		DataMaxOpenConns: o.Config.Data.MaxOpenConns,
		DBConnect:        connect,
		EncryptionEnv:    settingsEnv(o.Dir),
	})
}

// connect opens SQLite as PocketBase does, but syncs data.db on every commit:
// without that a power cut loses what was acknowledged. Deleted content is
// zeroed, so that what was erased is gone from the file. Each connection keeps
// the statements it has parsed.
func connect(path string) (*dbx.DB, error) {
	sync := "NORMAL"
	if filepath.Base(path) == "data.db" {
		sync = "FULL"
	}
	db := prepared.Open(path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)" +
		"&_pragma=synchronous(" + sync + ")&_pragma=secure_delete(ON)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
	return dbx.NewFromDB(db, "sqlite"), nil
}

// Open takes the data directory, brings its schema up to date and wires the
// product. Nothing listens and nothing is worked before Serve. Close it.
func Open(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock := flock.New(filepath.Join(o.Dir, lockFile))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("data directory: %w", err)
	case !ok:
		return nil, fmt.Errorf("%w: %s", ErrRunning, o.Dir)
	}
	s := &Server{opts: o, lock: lock, App: newApp(o), restart: restart{failed: make(chan struct{}, 1)}}
	if err := s.open(ctx); err != nil {
		_ = s.Close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	o := s.opts
	hooksDir := filepath.Join(filepath.Dir(o.Dir), "pb_hooks")
	err := jsvm.Register(s.App, jsvm.Config{HooksDir: hooksDir, HooksWatch: true, HooksPoolSize: 2, TypesDir: o.Dir})
	if err != nil {
		return fmt.Errorf("operators' JavaScript in %s: %w", hooksDir, err)
	}
	offerSettingsKey(o)
	if err := s.App.Bootstrap(); err != nil {
		return bootstrapError(o, err)
	}
	if err := s.App.RunAllMigrations(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	vault, err := s.vault()
	if err != nil {
		return err
	}
	var p *pipeline.Pipeline
	host, err := pluginhost.Open(pluginhost.Config{
		Manifests: o.Manifests, Command: o.command, StateDir: o.Dir, Dir: pluginDir(o.Dir), Log: o.Log,
		OnStatus: func(st pluginhost.Status) { p.PluginStatus(st) },
		OnBatch: func(ctx context.Context, id string, b pluginhost.Batch) ([]pluginhost.Refusal, error) {
			return p.TakeBatch(ctx, id, b)
		},
		Cursor: func(ctx context.Context, id string) (string, error) { return p.Cursor(ctx, id) },
	})
	if err != nil {
		return err
	}
	cfg := pipeline.Config{
		App: s.App, Engine: offline.New(), Index: vector.New(), Plugins: host, Vault: vault, Log: o.Log,
		HoldBelow: o.Config.Pipeline.HoldThreshold, JoinAbove: o.Config.Pipeline.JoinThreshold,
		TextLimit: int(o.Config.API.TextLimit), PublicURL: strings.TrimSuffix(o.Config.App.URL, "/"),
		Sweep: o.Config.Queue.SweepInterval, Heal: o.Config.File.HealInterval, Poll: o.Config.File.PollInterval,
		Grace: pipeline.DefaultGrace, Gather: pipeline.DefaultGather,
		Breaker:      guard.BreakerConfig{Failures: o.Config.Breaker.Failures, Open: o.Config.Breaker.Open},
		LocalSources: o.Config.LLM.SourcesLocal,
		ModelBudget: records.Budget{DailyTokens: o.Config.LLM.ProjectTokens, DailyCost: o.Config.LLM.ProjectCost,
			SourceShare: o.Config.LLM.SourceShare},
		ModelClass: o.Config.LLM.Class,
	}
	if cfg.Model, err = s.model(); err != nil {
		return err
	}
	if o.Tune != nil {
		o.Tune(&cfg)
	}
	p = pipeline.New(cfg)
	q, err := queue.Open(ctx, s.App, queue.Config{
		Workers: p.Workers(), Queues: map[string]int{pipeline.TriageQueue: o.Config.Queue.Workers, pipeline.SuspectQueue: 1,
			pipeline.ReplyQueue: replyWorkers,
			pipeline.ThinkQueue: thinkWorkers, pipeline.BatchQueue: 1, pipeline.RetrainQueue: 1},
		FetchCooldown: o.Config.Queue.FetchCooldown, Log: quieter(o.Log),
	})
	if err != nil {
		return err
	}
	p.Use(q)
	s.Pipeline = p
	hooks.Bind(s.App, p)
	bindBackup(s.App)
	bindRestore(s.App, o.Log)
	bindSettings(s.App, o.Dir, vault)
	s.API = api.New(p, o.Config, o.Log)
	return p.AfterRestore(restoreMark(o.Dir))
}

// pluginDir is where operators put programs of their own.
func pluginDir(dataDir string) string { return filepath.Join(dataDir, "plugins") }

// command is the program that serves a bundled plugin.
func (o Options) command(name string) *exec.Cmd {
	if o.PluginCommand != nil {
		return o.PluginCommand(name)
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.Command(self, "plugin", name)
}

// vault opens the encryption key, or makes one when nothing was sealed yet.
func (s *Server) vault() (*records.Vault, error) {
	path := s.opts.keyPath()
	v, err := records.OpenVault(s.opts.Config.Key.Value.Reveal(), path)
	if errors.Is(err, records.ErrNoKey) {
		sealed, checkErr := records.HasSecrets(s.App)
		if checkErr != nil {
			return nil, checkErr
		}
		if sealed {
			return nil, fmt.Errorf("the database holds encrypted secrets, and their key is missing: put it back at %s, or set ITERATESWARM_KEY", path)
		}
		if v, err = records.NewVault(path); err == nil {
			s.opts.Log.Info("encryption key made; keep a copy apart from the backups", "file", path)
		}
	}
	if err != nil {
		return nil, err
	}
	return v, records.CheckKey(s.App, v)
}

// keyPath is where the encryption key lies: beside the data directory, never
// in it, so that a backup of the one does not hold the other.
func (o Options) keyPath() string {
	if f := o.Config.Key.File; f != "" {
		return f
	}
	return filepath.Join(filepath.Dir(o.Dir), "iterateswarm.key")
}

// bootstrapError says why the database does not open.
func bootstrapError(o Options, err error) error {
	if os.Getenv(settingsEnv(o.Dir)) == "" && strings.Contains(err.Error(), settingsEnv(o.Dir)) {
		return fmt.Errorf("the database holds encrypted secrets, and their key is missing: put it back at %s, or set ITERATESWARM_KEY", o.keyPath())
	}
	if strings.Contains(err.Error(), "message authentication failed") {
		return fmt.Errorf("the encryption key at %s is not the one that sealed this database's secrets; put the right one back", o.keyPath())
	}
	return fmt.Errorf("open database in %s: %w", o.Dir, err)
}

// Close gives everything back. It is safe after a failed Open.
func (s *Server) Close(ctx context.Context) error {
	var err error
	if s.Pipeline != nil {
		err = s.Pipeline.Stop(ctx)
	}
	return errors.Join(err, s.App.ResetBootstrapState(), s.lock.Unlock())
}

// quieter keeps River's routine lines out of an info log.
func quieter(lg *slog.Logger) *slog.Logger { return slog.New(&routine{lg.Handler()}) }

type routine struct{ slog.Handler }

// Handle lets warnings and errors through.
func (h *routine) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn && !h.Handler.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the filter.
func (h *routine) WithAttrs(a []slog.Attr) slog.Handler { return &routine{h.Handler.WithAttrs(a)} }

// WithGroup keeps the filter.
func (h *routine) WithGroup(n string) slog.Handler { return &routine{h.Handler.WithGroup(n)} }
