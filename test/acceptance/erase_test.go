package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// holds lists the files under dir that have one of the words, in any case.
func holds(t *testing.T, dir string, words ...string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		raw = bytes.ToLower(raw)
		for _, w := range words {
			if i := bytes.Index(raw, []byte(strings.ToLower(w))); i >= 0 {
				out = append(out, fmt.Sprintf("%s has %q: %q", filepath.Base(path), w, raw[max(0, i-60):min(len(raw), i+80)]))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A person is erased: their words and their name are in no file of the data
// directory, what counts stays, and the chain of decisions verifies.
func TestAnErasedReporterIsGone(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin, triager := s.User("admin"), s.User("triager")
	const canary, handle, id = "Quwzzyflorp", "jubblewick måya", "uid-kwarnzig-77"
	mine := func(text string, more ...string) string {
		return s.Post(text, append([]string{"user_id", id, "user_name", handle}, more...)...)
	}
	// Their message founds an issue, joins another's, is edited, corrected, is noise, is a question; others are like it.
	first := mine("The "+canary+" export crashes every time I click the "+canary+" button on version 4.2.1", "title", canary+" crash",
		"permalink", "https://chat.example.com/"+canary, "room", canary)
	others := s.Post("The billing page shows an error when I open the invoice list", "user_id", "other")
	joined := mine("The billing page shows an error when I open the invoice list")
	mine("Thanks " + canary + "!")
	mine("How do I change the colour of " + canary + "?")
	mine(strings.Repeat("A long story about "+canary+" that fills pages of the database. ", 300), "title", "Long "+canary)
	for i := range 30 { // so that pages split and move around what is erased
		mine(fmt.Sprintf("The %s screen number %d hangs when I press save %d times", canary, i, i))
		s.Post(fmt.Sprintf("Report %d says the settings dialog number %d does not close", i, i*7), "user_id", "other")
	}
	issue := s.Record(records.Feedback, first).GetString("issue")
	version := s.Record(records.Issues, issue).GetInt("version")
	if a := s.Do("PATCH", "/api/issues/"+issue, map[string]any{"version": version, "title": canary + " crashes the export", "observed": "It says " + canary},
		"Authorization", triager); a.Status != 200 {
		t.Fatalf("edit: %d %s", a.Status, a.Body)
	}
	for path, body := range map[string]any{
		"/api/feedback/" + joined + "/correct": map[string]any{"class": "bug", "severity": "high", "reason": canary + " said so"},
		"/api/issues/" + issue + "/snooze":     map[string]any{"until": time.Now().Add(time.Hour), "reason": "wait for " + handle},
	} {
		if a := s.Do("POST", path, body, "Authorization", triager); a.Status != 200 {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	s.Do("GET", "/api/collections/feedback/records?filter=subject~'"+url.QueryEscape(handle)+"'", nil, "Authorization", triager) // lands in the request log
	if len(holds(t, s.Dir, canary, handle, id)) == 0 {
		t.Fatal("nothing to erase was found; the test does not bite")
	}
	reporter := s.Record(records.Feedback, first).GetString("reporter")

	export := s.Do("GET", "/api/reporters/"+reporter+"/export", nil, "Authorization", admin)
	if export.Status != 200 || !strings.Contains(string(export.Body), canary) || !strings.Contains(string(export.Body), handle) {
		t.Errorf("export: %d %s", export.Status, clip(string(export.Body)))
	}
	for who, want := range map[string]int{triager: 403, "": 401} {
		if a := s.Do("POST", "/api/reporters/"+reporter+"/erase", nil, "Authorization", who); a.Status != want {
			t.Errorf("erase without the role: %d, want %d", a.Status, want)
		}
	}
	counts := [2]int{s.Count(records.Feedback, nil), s.Count(records.Issues, nil)}
	a := s.Do("POST", "/api/reporters/"+reporter+"/erase", nil, "Authorization", admin)
	if a.Status != 200 || a.Map(t)["messages"] != 35.0 {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	deadline := time.Now().Add(60 * time.Second)
	// PocketBase writes the lines of its log late; those from before are on disk when a later one is.
	s.Do("GET", "/api/collections/feedback/records?filter=subject~'a-later-line'", nil, "Authorization", triager)
	s.Until("the log to be written", func() bool {
		var n int
		err := s.App.AuxDB().NewQuery(`SELECT count(*) FROM _logs WHERE instr(data, 'a-later-line')`).Row(&n)
		return err == nil && n > 0
	})
	words := []string{canary, handle, id, url.QueryEscape(handle), url.PathEscape(handle)}
	var left []string
	for left = holds(t, s.Dir, words...); len(left) > 0 && time.Now().Before(deadline); left = holds(t, s.Dir, words...) {
		time.Sleep(500 * time.Millisecond)
	}
	for _, l := range left {
		t.Error(l)
	}
	if now := [2]int{s.Count(records.Feedback, nil), s.Count(records.Issues, nil)}; now != counts {
		t.Errorf("messages and issues: %v, before %v", now, counts)
	}
	if n, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of %d: %v", n, err)
	}
	if got := s.Record(records.Issues, s.Record(records.Feedback, others).GetString("issue")); got.GetInt("report_count") != 2 || !strings.Contains(strings.ToLower(got.GetString("title")), "billing") {
		t.Errorf("the other's issue: %q with %d reports", got.GetString("title"), got.GetInt("report_count"))
	}
	if strings.Contains(s.Log(), canary) || strings.Contains(s.Log(), handle) {
		t.Error("the server's log has the words")
	}
	if a := s.Do("POST", "/api/feedback/"+first+"/correct", map[string]any{"class": "bug"}, "Authorization", triager); a.Status != 409 {
		t.Errorf("a decision on an erased message: %d", a.Status)
	}
	if a := s.Do("POST", "/api/reporters/"+reporter+"/erase", nil, "Authorization", admin); a.Status != 200 || a.Map(t)["messages"] != 0.0 {
		t.Errorf("erased twice: %d %s", a.Status, a.Body)
	}
}

// What a source brings again after it was erased stays erased.
func TestAnErasedMessageDoesNotComeBack(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	key := s.Key()
	body := map[string]any{"content": "The search finds nothing at all", "source": "shop", "external_id": "m-1", "user_id": "u"}
	id := s.Do("POST", "/api/feedback?wait=20s", body, "X-API-Key", key).Map(t)["FeedbackID"].(string)
	if a := s.Do("POST", "/api/reporters/"+s.Record(records.Feedback, id).GetString("reporter")+"/erase", nil, "Authorization", s.User("admin")); a.Status != 200 {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/api/feedback", body, "X-API-Key", key); a.Status != 200 || a.Header.Get("X-Feedback-Known") != id {
		t.Errorf("brought again: %d, known as %q, want %q", a.Status, a.Header.Get("X-Feedback-Known"), id)
	}
	if n := s.Count(records.Feedback, nil); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// A project keeps texts for as long as it says.
func TestRetentionErasesOldTexts(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin := s.User("admin")
	old, fresh := s.Post("The old export crashes on every report"), s.Post("The new dashboard does not load in Firefox")
	if _, err := s.App.DB().NewQuery(`UPDATE feedback SET created = '2020-01-01 00:00:00.000Z' WHERE id = {:id}`).Bind(dbx.Params{"id": old}).Execute(); err != nil {
		t.Fatal(err)
	}
	if a := s.Do("GET", "/api/projects/"+s.Project()+"/retention?days=30", nil, "Authorization", admin); a.Map(t)["messages"] != 1.0 {
		t.Errorf("preview: %s", a.Body)
	}
	if a := s.Do("PATCH", "/api/collections/projects/records/"+s.Project(), map[string]any{"settings": map[string]any{"retention_days": 30}}, "Authorization", admin); a.Status != 200 {
		t.Fatalf("settings: %d %s", a.Status, a.Body)
	}
	if n, err := s.Pipeline.RetainAll(context.Background()); err != nil || n != 1 {
		t.Fatalf("retention: %d, %v", n, err)
	}
	if got := s.Record(records.Feedback, old).GetString("content"); strings.Contains(got, "export") {
		t.Errorf("the old text is still there: %q", got)
	}
	if got := s.Record(records.Feedback, fresh).GetString("content"); !strings.Contains(got, "dashboard") {
		t.Errorf("the new text is gone: %q", got)
	}
	if n, err := records.VerifyChain(s.App); err != nil {
		t.Errorf("chain of %d: %v", n, err)
	}
}
