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
