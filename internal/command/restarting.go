package command

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// PocketBase starts itself again after a change in pb_hooks and after a backup
// was restored: it stops everything and replaces the process. All files and
// sockets are closed by that, the lock of the data directory too; the new
// process opens them anew.
type restart struct {
	begun  atomic.Bool
	failed chan struct{} // gets a value when the process was not replaced
}

// errNotRestarted says that the process still runs, and serves nobody.
var errNotRestarted = errors.New("restart: the process was not replaced; start it again")

// restoreRevert is how long a restore may take to put the old data back when
// the restart fails.
const restoreRevert = time.Minute

// bindRestarting notices a restart before anything is stopped for it.
func (s *Server) bindRestarting(ctx context.Context) {
	s.App.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{
		Id:       "iterateswarmRestart",
		Priority: -10_000, // before PocketBase ends its connections
		Func: func(e *core.TerminateEvent) error {
			if !e.IsRestart {
				return e.Next()
			}
			s.restart.begun.Store(true)
			s.opts.Log.Info("restarting")
			err := e.Next() // comes back only when the process was not replaced
			select {
			case s.restart.failed <- struct{}{}:
			default:
			}
			return err
		},
	})
	s.App.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{
		Id:       "iterateswarmNoRestart",
		Priority: 10_000, // after everything is stopped
		Func: func(e *core.TerminateEvent) error {
			if e.IsRestart && ctx.Err() != nil {
				return ctx.Err() // somebody stops the server meanwhile; the next process would not know
			}
			return e.Next()
		},
	})
}

// awaitRestart blocks while the process is about to be replaced: PocketBase's
// Serve returns after 3 s, and a process that ends is not replaced.
func (s *Server) awaitRestart() error {
	if !s.restart.begun.Load() {
		return nil
	}
	<-s.restart.failed
	for end := time.Now().Add(restoreRevert); s.App.Store().Has(core.StoreKeyActiveBackup) && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	return errNotRestarted
}
