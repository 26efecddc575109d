package command_test

import (
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// What was acknowledged survives a power cut: every connection of data.db syncs
// each commit (2 is FULL).
func TestCommitsAreSynced(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for name, db := range map[string]dbx.Builder{"writer": s.App.NonconcurrentDB(), "reader": s.App.ConcurrentDB()} {
		var sync int
		if err := db.NewQuery("PRAGMA synchronous").Row(&sync); err != nil || sync != 2 {
			t.Errorf("%s: synchronous = %d, %v; want 2", name, sync, err)
		}
	}
}
