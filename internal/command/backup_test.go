package command_test

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// Messages go on being taken while a backup is made, and the backup is whole.
func TestABackupHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	padding := strings.Repeat("The export hangs on every page of the report. ", 100)
	for i := range 200 {
		s.Do("POST", "/api/feedback", map[string]any{"content": fmt.Sprintf("%d %s", i, padding)})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var longest time.Duration
	var acked []string
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			a := s.Do("POST", "/api/feedback", map[string]any{"content": "App crashes when I click the login button"})
			if a.Status != 200 {
				t.Errorf("post during the backup: %d %s", a.Status, a.Body)
				return
			}
			longest = max(longest, time.Since(start))
			acked = append(acked, a.Map(t)["FeedbackID"].(string))
		}
	})
	err := s.App.CreateBackup(ctx, "test.zip")
	cancel()
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages during the backup, the slowest took %s", len(acked), longest)
	if len(acked) == 0 {
		t.Error("no message was taken while the backup was made")
	}

	dir := filepath.Join(t.TempDir(), "pb_data")
	unzip(t, filepath.Join(s.Dir, "backups", "test.zip"), dir)
	for _, name := range []string{".lock", "data.db-wal"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("the backup holds %s", name)
		}
	}
	restored := servertest.StartIn(t, dir)
	var ok string
	if err := restored.App.DB().NewQuery("PRAGMA integrity_check").Row(&ok); err != nil || ok != "ok" {
		t.Errorf("integrity of the restored database: %s, %v", ok, err)
	}
	if n := restored.Count(records.Feedback, nil); n < 200 || n > 200+len(acked) {
		t.Errorf("%d messages in the backup, want 200 and some of %d", n, len(acked))
	}
}

func unzip(t *testing.T, path, dir string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// After a restore nothing is filed twice: what was filed since the backup is
// found in the tracker by its key.
func TestARestoreFilesNothingTwice(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	old := filepath.Join(t.TempDir(), "old.zip")
	t.Run("file after the backup", func(t *testing.T) {
		s := servertest.StartIn(t, dir)
		id := s.Post("App crashes when I click the login button")
		if err := s.App.CreateBackup(t.Context(), "old.zip"); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "backups", "old.zip"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(old, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		approve(t, s, s.Record(records.Feedback, id).GetString("issue"))
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	unzip(t, old, dir)
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "iterateswarm.restored"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.StartIn(t, dir)
	issue, err := s.App.FindFirstRecordByFilter(records.Issues, "id != ''")
	if err != nil || issue.GetString("state") != "draft" {
		t.Fatalf("the restored issue is %v, %v; want a draft", issue, err)
	}
	approve(t, s, issue.Id)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "issues", "default", "*.md"))
	if err != nil || len(files) != 1 {
		t.Errorf("files = %v, %v; want one", files, err)
	}
}

func approve(t *testing.T, s *servertest.Server, issue string) {
	t.Helper()
	if a := s.Do("POST", "/api/issues/"+issue+"/approve", nil, "Authorization", s.User("approver")); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
}
