package durability

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// found is what a stopped installation holds.
type found struct {
	Items       int // messages stored
	Lost        int // acknowledged and not stored, or stored as something else
	Twice       int // external ids stored more than once
	Stuck       int // messages that no sweep and no person will ever see again
	Quarantined int
	Held        int
	Issues      int
	Drafts      int
	Filed       int
	FiledTwice  int // keys or titles that the tracker holds more than once
	Stray       int // issues in the tracker that no delivery knows
	WrongNumber int // issues whose number here is not the tracker's
	Open        int // deliveries that are neither done nor waiting for a person
	NeedsHuman  int
	Decisions   int
}

// check opens a stopped installation and counts. What can never be right, whoever
// asks, fails the test here; the rest is for the caller to judge.
func (o *house) check(t *testing.T, acks map[string]string) found {
	t.Helper()
	for _, f := range o.databases() {
		if got := integrity(t, f); got != "ok" {
			t.Errorf("%s: integrity_check says %s", filepath.Base(f), got)
		}
	}
	s, err := command.Open(context.Background(), options(o.spec, slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatalf("open what is left: %v", err)
	}
	defer s.Close(context.Background())
	db := s.App.DB()
	count := func(query string) int {
		t.Helper()
		var n int
		if err := db.NewQuery(query).Row(&n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}

	var out found
	var rows []struct {
		ID  string `db:"id"`
		Ext string `db:"external_id"`
	}
	if err := db.NewQuery(`SELECT id, external_id FROM feedback`).All(&rows); err != nil {
		t.Fatal(err)
	}
	out.Items = len(rows)
	stored := map[string][]string{}
	for _, r := range rows {
		stored[r.Ext] = append(stored[r.Ext], r.ID)
	}
	for ext, ids := range stored {
		if ext != "" && len(ids) > 1 {
			out.Twice++
		}
	}
	for ext, id := range acks {
		if ids := stored[ext]; len(ids) == 0 || ids[0] != id {
			out.Lost++
		}
	}
	out.Stuck = count(`SELECT count(*) FROM feedback WHERE state = 'received'`)
	out.Quarantined = count(`SELECT count(*) FROM feedback WHERE held_reason = 'quarantined'`)
	out.Held = count(`SELECT count(*) FROM feedback WHERE state = 'held'`)
	out.Issues = count(`SELECT count(*) FROM issues`)
	out.Drafts = count(`SELECT count(*) FROM issues WHERE state = 'draft'`)
	out.Filed = count(`SELECT count(*) FROM issues WHERE state = 'filed'`)
	out.Open = count(`SELECT count(*) FROM deliveries WHERE state NOT IN ('done', 'needs_human', 'rejected')`)
	out.NeedsHuman = count(`SELECT count(*) FROM deliveries WHERE state IN ('needs_human', 'rejected')`)
	if n := count(`SELECT count(*) FROM feedback WHERE state = 'joined' AND issue = ''`); n > 0 {
		t.Errorf("%d messages are joined to nothing", n)
	}
	if n := count(`SELECT count(*) FROM issues i WHERE NOT EXISTS (SELECT 1 FROM feedback f WHERE f.issue = i.id)`); n > 0 {
		t.Errorf("%d issues have no message", n)
	}
	if n := count(`SELECT count(*) FROM issues i WHERE report_count != (SELECT count(*) FROM feedback f WHERE f.issue = i.id)`); n > 0 {
		t.Errorf("%d issues count their reports wrong", n)
	}
	if n := count(`SELECT count(*) FROM feedback f WHERE issue != '' AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.id = f.id)`); n > 0 {
		t.Errorf("%d joined messages are not in the index", n)
	}
	if out.Decisions, err = records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of decisions: %v", err)
	}
	if o.hub != nil {
		o.compare(t, db, &out)
	}
	return out
}

// compare holds the tracker's log against the deliveries.
func (o *house) compare(t *testing.T, db dbx.Builder, out *found) {
	t.Helper()
	var rows []struct {
		Issue      string `db:"issue"`
		Key        string `db:"key"`
		State      string `db:"state"`
		Number     string `db:"number"`
		IssueState string `db:"issue_state"`
		TrackerKey string `db:"tracker_key"`
	}
	err := db.NewQuery(`SELECT d.issue, d.key, d.state, d.number, i.state AS issue_state, i.tracker_key
		FROM deliveries d JOIN issues i ON i.id = d.issue`).All(&rows)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]map[string]bool{} // key → the numbers under which the tracker has it
	for _, c := range o.hub.creates() {
		if numbers[c.Key] == nil {
			numbers[c.Key] = map[string]bool{}
		}
		numbers[c.Key][strconv.Itoa(c.Number)] = true
	}
	issues := map[string]string{} // key → issue
	for _, r := range rows {
		issues[r.Key] = r.Issue
		if r.State == "done" && (!numbers[r.Key][r.Number] || r.TrackerKey != r.Number || r.IssueState != "filed") {
			out.WrongNumber++
		}
	}
	filed := map[string][]create{} // issue → what the tracker made of it
	for _, c := range o.hub.creates() {
		if issue := issues[c.Key]; issue != "" {
			filed[issue] = append(filed[issue], c)
		} else {
			out.Stray++
		}
	}
	for issue, creates := range filed {
		if len(creates) < 2 {
			continue
		}
		if out.FiledTwice++; out.FiledTwice <= 3 {
			o.explain(t, db, issue, creates)
		}
	}
}

// explain logs how an issue came to be filed twice.
func (o *house) explain(t *testing.T, db dbx.Builder, issue string, creates []create) {
	t.Logf("issue %s was filed %d times", issue, len(creates))
	for _, c := range creates {
		t.Logf("  created at %s as %d, key %s", c.At.UTC().Format(time.StampMilli), c.Number, c.Key)
	}
	var rows []struct {
		Created string `db:"created"`
		Name    string `db:"name"`
		Error   string `db:"error"`
		MS      string `db:"ms"`
	}
	err := db.NewQuery(`SELECT created, name, error, ms FROM steps WHERE subject_id = {:i} ORDER BY created`).
		Bind(dbx.Params{"i": issue}).All(&rows)
	if err != nil {
		t.Log(err)
	}
	for _, r := range rows {
		t.Logf("  %s %s after %s ms: %s", r.Created, r.Name, r.MS, r.Error)
	}
}

// databases are the SQLite files of the data directory.
func (o *house) databases() []string {
	files, _ := filepath.Glob(filepath.Join(o.spec.Dir, "*.db"))
	return files
}

func integrity(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&got); err != nil {
		return err.Error()
	}
	return got
}

// noOrphans fails the test when a plugin outlives its server.
func (o *house) noOrphans(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		return // no such list on this system
	}
	until(t, 5*time.Second, "the plugins to end with their server", func() bool { return len(o.orphans()) == 0 })
}
