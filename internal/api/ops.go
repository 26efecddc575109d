package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// started is when this process began.
var started = time.Now()

// bindOps adds what the operator pages stand on. Superusers only.
func (a *API) bindOps(r *router.Router[*core.RequestEvent]) {
	g := r.Group("/api/ops")
	g.Bind(apis.RequireSuperuserAuth(), apis.SkipSuccessActivityLog())
	g.GET("/overview", a.opsOverview)
	g.GET("/queue", a.opsQueue)
	g.POST("/queue/{action}", a.opsQueueAct)
	g.POST("/jobs/{id}/{action}", a.opsJobAct)
	g.GET("/audit", a.opsAudit)
	g.GET("/decisions.jsonl", a.opsDecisions)
	g.POST("/reindex", a.opsReindex)
	g.POST("/read-only", a.opsReadOnly)
	g.POST("/queue-session", a.queueSession)
}

// diskBody is a file system and what of ours lies on it.
type diskBody struct {
	Data int64 `json:"data"` // bytes of data.db
	WAL  int64 `json:"wal"`
	Logs int64 `json:"logs"`  // auxiliary.db
	Free int64 `json:"free"`  // bytes that we may still write
	Size int64 `json:"total"` // of the file system
}

type backupBody struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Size int64     `json:"size"`
}

// opsOverview is GET /api/ops/overview.
func (a *API) opsOverview(e *core.RequestEvent) error {
	o, err := a.p.Overview()
	if err != nil {
		return err
	}
	ready := map[string]string{}
	for part, err := range a.probe(e.Request.Context()) {
		ready[part] = "ok"
		if err != nil {
			ready[part] = err.Error()
		}
	}
	last, backupProblem := lastBackup(e.App)
	return e.JSON(http.StatusOK, map[string]any{
		"overview": o, "ready": ready, "disk": disk(e.App.DataDir()), "backup": last, "backup_problem": backupProblem,
		"process": map[string]any{"version": a.Version, "go": runtime.Version(), "started": started.UTC(), "rss": rss(),
			"goroutines": runtime.NumGoroutine(), "pid": os.Getpid()},
	})
}

// disk measures the data directory.
func disk(dir string) diskBody {
	var b diskBody
	for name, size := range map[string]*int64{"data.db": &b.Data, "data.db-wal": &b.WAL, "auxiliary.db": &b.Logs} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			*size = info.Size()
		}
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil {
		b.Free, b.Size = int64(fs.Bavail)*int64(fs.Bsize), int64(fs.Blocks)*int64(fs.Bsize)
	}
	return b
}

// rss is the memory of this process that is in use, in bytes; 0 where the
// system does not tell.
func rss() int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// lastBackup finds the newest backup; nil when there is none.
func lastBackup(app core.App) (*backupBody, string) {
	store, err := app.NewBackupsFilesystem()
	if err != nil {
		return nil, err.Error()
	}
	defer store.Close()
	list, err := store.List("")
	if err != nil {
		return nil, err.Error()
	}
	var last *backupBody
	for _, f := range list {
		if last == nil || f.ModTime.After(last.At) {
			last = &backupBody{Name: f.Key, At: f.ModTime.UTC(), Size: f.Size}
		}
	}
	return last, ""
}

// opsQueue is GET /api/ops/queue.
func (a *API) opsQueue(e *core.RequestEvent) error {
	q := a.p.Queue()
	tallies, err := q.Tallies()
	if err != nil {
		return err
	}
	failures, err := q.Failures(100)
	if err != nil {
		return err
	}
	paused, err := q.Paused(e.Request.Context())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"tallies": tallies, "failures": failures, "paused": paused})
}

// opsQueueAct is POST /api/ops/queue/pause and /resume.
func (a *API) opsQueueAct(e *core.RequestEvent) error {
	action := e.Request.PathValue("action")
	if action != "pause" && action != "resume" {
		return pipeline.Fault(pipeline.NoRoute, "A queue can pause and resume.")
	}
	if err := a.p.Queue().Pause(e.Request.Context(), action == "pause"); err != nil {
		return err
	}
	return e.NoContent(http.StatusNoContent)
}

// opsJobAct is POST /api/ops/jobs/{id}/retry and /cancel.
func (a *API) opsJobAct(e *core.RequestEvent) error {
	id, err := strconv.ParseInt(e.Request.PathValue("id"), 10, 64)
	if err != nil {
		return pipeline.Fault(pipeline.BadValue, "A job has a number.").At("id")
	}
	act := map[string]func(context.Context, int64) error{"retry": a.p.Queue().Retry, "cancel": a.p.Queue().Cancel}[e.Request.PathValue("action")]
	if act == nil {
		return pipeline.Fault(pipeline.NoRoute, "A job can be retried and cancelled.")
	}
	if err := act(e.Request.Context(), id); err != nil {
		return pipeline.Fault(pipeline.NoRun, "The job is not there any more: %s.", err)
	}
	return e.NoContent(http.StatusNoContent)
}

// opsAudit is GET /api/ops/audit: walks the whole chain of decisions.
func (a *API) opsAudit(e *core.RequestEvent) error {
	audit, err := a.p.Audit("")
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, audit)
}

// opsDecisions is GET /api/ops/decisions.jsonl: every decision, oldest first,
// one a line. ?project= names one project.
func (a *API) opsDecisions(e *core.RequestEvent) error {
	filter, params := "id != ''", dbx.Params{}
	if project := e.Request.URL.Query().Get("project"); project != "" {
		filter, params = "project = {:p}", dbx.Params{"p": project}
	}
	h := e.Response.Header()
	h.Set("Content-Type", "application/jsonl; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="decisions.jsonl"`)
	noReadDeadline(e)
	w := bufio.NewWriter(e.Response)
	defer w.Flush()
	enc := json.NewEncoder(w)
	const page = 500
	for from := 0; ; from += page {
		list, err := e.App.FindRecordsByFilter(records.Decisions, filter, "@rowid", page, from, params)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := enc.Encode(r.PublicExport()); err != nil {
				return nil // the reader has gone
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

// opsReindex is POST /api/ops/reindex.
func (a *API) opsReindex(e *core.RequestEvent) error {
	if err := a.p.RebuildIndex(); err != nil {
		return err
	}
	return e.JSON(http.StatusAccepted, a.p.Rebuilding())
}

// opsReadOnly is POST /api/ops/read-only {"on": true}.
func (a *API) opsReadOnly(e *core.RequestEvent) error {
	var body struct {
		On *bool `json:"on"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	if body.On == nil {
		return pipeline.Fault(pipeline.BadValue, "Say on: true or false.").At("on")
	}
	if err := a.p.SetReadOnly(e.Request.Context(), *body.On); err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"read_only": *body.On})
}

// readOnly refuses what would change something while nothing may be changed.
// Superusers work on, and everybody may sign in and listen.
func (a *API) readOnly() *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{
		Id:       "iterateswarmReadOnly",
		Priority: apis.DefaultLoadAuthTokenMiddlewarePriority + 3,
		Func: func(e *core.RequestEvent) error {
			path := e.Request.URL.Path
			switch e.Request.Method {
			case http.MethodGet, http.MethodHead, http.MethodOptions:
				return e.Next()
			}
			if (e.Auth != nil && e.Auth.IsSuperuser()) || strings.Contains(path, "/auth-") || path == "/api/realtime" {
				return e.Next()
			}
			if err := a.p.CheckReadOnly(); err != nil {
				return err
			}
			return e.Next()
		},
	}
}
