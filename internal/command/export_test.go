package command_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// What leaves as CSV runs nothing in a spreadsheet, and comes back as it was.
func TestAnExportIsTextAndComesBack(t *testing.T) {
	t.Parallel()
	texts := []string{"=SUM(1,1)*1000", "@import and -1 star from me, \"quoted\", comma, and\n=a second line", "'=already text", "The export hangs"}
	s := servertest.Start(t)
	for _, text := range texts {
		s.Post(text)
	}
	code, out, errs := run("export", "--dir", s.Dir)
	if code != 0 {
		t.Fatalf("export: %d %s", code, errs)
	}
	formula := regexp.MustCompile(`(?m)(^|,)["\s]*[=+\-@\t]`)
	if found := formula.FindAllString(out, -1); found != nil {
		t.Errorf("%d cells or lines begin a formula:\n%s", len(found), out)
	}
	dir := filepath.Join(t.TempDir(), "pb_data")
	if code, out, errs := run("import", file(t, "export.csv", out), "--dir", dir); code != 0 || !strings.Contains(out, "4 rows read: 4 added") {
		t.Fatalf("import: %d %s%s", code, out, errs)
	}
	again := servertest.StartIn(t, dir)
	for _, text := range texts {
		if n := again.Count(records.Feedback, map[string]any{"content": text}); n != 1 {
			t.Errorf("%d messages read %q after the round trip, want 1", n, text)
		}
	}
	if code, _, errs := run("export", "--project", "nope", "--dir", s.Dir); code != 1 || !strings.Contains(errs, "no project") {
		t.Errorf("unknown project: %d %s", code, errs)
	}
}

func TestVerifyFindsAChangedDecision(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Post("App crashes when I click the login button")
	if code, out, errs := run("verify", "--dir", s.Dir); code != 0 || !strings.Contains(out, "The database is whole.") || !strings.Contains(out, "none changed") {
		t.Errorf("verify: %d %s%s", code, out, errs)
	}
	if _, err := s.App.DB().NewQuery(`UPDATE decisions SET reason = 'nothing to see' WHERE rowid = 1`).Execute(); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run("verify", "--dir", s.Dir); code != 1 || !strings.Contains(errs, "was changed") {
		t.Errorf("after a change: %d %s", code, errs)
	}
}
