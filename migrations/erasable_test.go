package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/migrations"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// age makes the decisions look as they did before migration 63.
func age(t *testing.T, app core.App) int {
	t.Helper()
	var list []struct {
		Rowid                                                                       int64 `db:"rowid"`
		ID, Project, Subject, Action, Actor, Before, After, Reason, Engine, Created string
		SubjectID                                                                   string `db:"subject_id"`
		ActorKind                                                                   string `db:"actor_kind"`
		Prompt                                                                      string `db:"prompt_version"`
		InputHash                                                                   string `db:"input_hash"`
		UndoOf                                                                      string `db:"undo_of"`
		RequestID                                                                   string `db:"request_id"`
	}
	if err := app.DB().NewQuery(`SELECT rowid, * FROM decisions ORDER BY rowid`).All(&list); err != nil {
		t.Fatal(err)
	}
	previous := ""
	for _, d := range list {
		hash := migrations.OldHash(previous, d.ID, d.Project, d.Subject, d.SubjectID, d.Action, d.ActorKind, d.Actor, d.Before, d.After,
			d.Reason, d.Engine, d.Prompt, d.InputHash, d.UndoOf, d.RequestID, d.Created)
		_, err := app.DB().NewQuery(`UPDATE decisions SET previous_hash = {:p}, hash = {:h}, changes_salt = '', changes_hash = '', words_salt = '', words_hash = '' WHERE rowid = {:r}`).
			Bind(dbx.Params{"p": previous, "h": hash, "r": d.Rowid}).Execute()
		if err != nil {
			t.Fatal(err)
		}
		previous = hash
	}
	return len(list)
}

// A chain from before verifies after the migration, and one that was tampered
// with before does not.
func TestOldChainsAreCarriedOver(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, text := range []string{"App crashes when I click the login button", "Please add dark mode", "The export hangs on page three"} {
		s.Post(text)
	}
	n := age(t, s.App)
	if err := migrations.Rechain(s.App); err != nil {
		t.Fatal(err)
	}
	if got, err := records.VerifyChain(s.App); err != nil || got != n {
		t.Errorf("a whole chain: %d of %d, %v", got, n, err)
	}
	age(t, s.App)
	if _, err := s.App.DB().NewQuery(`UPDATE decisions SET reason = 'it was something else' WHERE rowid = (SELECT min(rowid) + 2 FROM decisions)`).Execute(); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Rechain(s.App); err != nil {
		t.Fatal(err)
	}
	if got, err := records.VerifyChain(s.App); err == nil || got != 2 {
		t.Errorf("a broken chain verifies up to %d, %v; want 2 and an error", got, err)
	}
}
