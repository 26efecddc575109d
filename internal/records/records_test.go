package records_test

import (
	"path/filepath"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// Whoever changes, removes or reorders a decision is found out.
func TestTheChainOfDecisionsShowsTampering(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, text := range []string{"App crashes when I click the login button", "Please add dark mode", "The export hangs on page three"} {
		s.Post(text)
	}
	whole, err := records.VerifyChain(s.App)
	if err != nil || whole < 6 {
		t.Fatalf("chain of %d decisions: %v", whole, err)
	}
	for name, query := range map[string]string{
		"a reason changed": `UPDATE decisions SET reason = 'something else' WHERE rowid = (SELECT min(rowid) + 2 FROM decisions)`,
		"an actor changed": `UPDATE decisions SET actor = 'nobody' WHERE rowid = (SELECT max(rowid) FROM decisions)`,
		"a row removed":    `DELETE FROM decisions WHERE rowid = (SELECT min(rowid) + 1 FROM decisions)`,
		"two rows swapped": `UPDATE decisions SET previous_hash = hash WHERE rowid = (SELECT min(rowid) + 3 FROM decisions)`,
	} {
		err := s.App.RunInTransaction(func(tx core.App) error {
			if _, err := tx.DB().NewQuery(query).Execute(); err != nil {
				t.Fatal(err)
			}
			if n, err := records.VerifyChain(tx); err == nil {
				t.Errorf("%s: the chain of %d verifies", name, n)
			}
			return errTakeBack
		})
		if err != errTakeBack {
			t.Fatal(err)
		}
	}
	if n, err := records.VerifyChain(s.App); err != nil || n != whole {
		t.Errorf("after it all: %d, %v", n, err)
	}
}

type takeBack struct{}

func (takeBack) Error() string { return "take it back" }

var errTakeBack = takeBack{}

func TestAKeyOpensOnlyWhatItSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, err := records.NewVault(filepath.Join(dir, "one.key"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := records.NewVault(filepath.Join(dir, "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := one.Seal(map[string]string{"token": `"secret"`})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := one.Open(sealed); err != nil || got["token"] != `"secret"` {
		t.Errorf("own key: %v, %v", got, err)
	}
	if got, err := other.Open(sealed); err == nil {
		t.Errorf("another key opened it: %v", got)
	}
	if _, err := records.NewVault(filepath.Join(dir, "one.key")); err == nil {
		t.Error("a key file was replaced")
	}
	again, err := records.OpenVault("", filepath.Join(dir, "one.key"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := one.DeliveryKey("i", "t", "create", 1), again.DeliveryKey("i", "t", "create", 1); a != b || len(a) != 20 {
		t.Errorf("delivery keys %q and %q, want one of 20 characters", a, b)
	}
	if a, b := one.DeliveryKey("i", "t", "create", 1), one.DeliveryKey("i", "t", "create", 2); a == b {
		t.Error("two deliveries have one key")
	}
}

func TestRolesComeFromMembershipOnly(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	user := s.Save(records.Users, map[string]any{"email": "a@example.com", "password": "correct horse"})
	if role, ok := records.RoleOf(s.App, user, s.Project()); ok {
		t.Errorf("a stranger is %s", role)
	}
	m := s.Save(records.Members, map[string]any{"user": user.Id, "project": s.Project(), "role": "triager"})
	if role, ok := records.RoleOf(s.App, user, s.Project()); !ok || role != triage.Triager {
		t.Errorf("role = %s, %v; want triager", role, ok)
	}
	if err := s.App.Delete(m); err != nil {
		t.Fatal(err)
	}
	if _, ok := records.RoleOf(s.App, user, s.Project()); ok {
		t.Error("a former member still has a role")
	}
	if _, ok := records.RoleOf(s.App, nil, s.Project()); ok {
		t.Error("nobody has a role")
	}
	key, err := s.App.FindFirstRecordByFilter(records.Projects, "slug = {:s}", dbx.Params{"s": records.DefaultProject})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := records.RoleOf(s.App, key, s.Project()); ok {
		t.Error("a record that is no user has a role")
	}
}

// Words may go when an erasure says so, and only then.
func TestTheChainVerifiesWithoutItsWords(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	id := s.Post("App crashes when I click the login button")
	whole, err := records.VerifyChain(s.App)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if err := s.App.DB().Select("id").From(records.Decisions).Where(dbx.HashExp{"subject_id": id}).Column(&ids); err != nil || len(ids) < 2 {
		t.Fatalf("decisions %v, %v", ids, err)
	}
	if err := s.App.RunInTransaction(func(tx core.App) error { return records.EraseWords(tx, ids, true) }); err != nil {
		t.Fatal(err)
	}
	if _, err := records.VerifyChain(s.App); err == nil {
		t.Error("rows that were emptied without an erasure verify")
	}
	err = s.App.RunInTransaction(func(tx core.App) error {
		_, err := records.Append(tx, records.Decision{Project: s.Project(), Subject: records.Reporters, SubjectID: "r", Action: records.Erasure,
			ActorKind: records.BySystem, After: map[string]any{"decisions": ids}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := records.VerifyChain(s.App); err != nil || n != whole+1 {
		t.Errorf("after the erasure: %d, %v; want %d", n, err, whole+1)
	}
	if _, err := s.App.DB().NewQuery(`UPDATE decisions SET reason = 'it was something else' WHERE id = {:id}`).Bind(dbx.Params{"id": ids[0]}).Execute(); err != nil {
		t.Fatal(err)
	}
	if _, err := records.VerifyChain(s.App); err == nil {
		t.Error("words that were put into an erased row verify")
	}
}
