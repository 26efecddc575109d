package local

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func TestUpdateKeepsWhatAPersonWrote(t *testing.T) {
	t.Parallel()
	tr := newTracker(t, t.TempDir())
	made := tr.Create(t.Context(), request("k1", "Login fails"))
	path := strings.TrimPrefix(made.URL, "file://")
	b, _ := os.ReadFile(path)
	own := strings.Replace(string(b), "reference:", "owner: ann # mine\nreference:", 1) + "\nA note of a person.\n"
	if err := os.WriteFile(path, []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := sdk.IssueRef{Key: "k1", Number: 1}
	closed, title := "closed", "Better: \"title\""
	update := sdk.UpdateRequest{Issue: ref, State: &closed, Title: &title, AddLabels: []string{"ui"}, RemoveLabels: []string{"bug"}}
	say := func(text string) sdk.UpdateReply {
		return tr.Comment(t.Context(), sdk.CommentRequest{Issue: ref, Key: "c1", Body: sdk.Marker("c1") + "\n+1, now " + text + " reporters"})
	}
	for range 2 {
		if got := tr.Update(t.Context(), update); got.Outcome != sdk.Created || got.URL != made.URL {
			t.Fatalf("Update = %+v", got)
		}
		if got := say("2"); got.Outcome != sdk.Created || got.ID != "c1" {
			t.Fatalf("Comment = %+v", got)
		}
	}
	say("3")
	want := strings.NewReplacer(`title: "Login fails"`, `title: "Better: \"title\""`, "state: open", "state: closed", `labels: ["bug","a \"b\""]`, `labels: ["a \"b\"","ui"]`).Replace(own) +
		"\n" + sdk.Marker("c1") + "\n+1, now 3 reporters\n"
	b, _ = os.ReadFile(path)
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Errorf("file (-want +got):\n%s", d)
	}
	body := sdk.Marker("k1") + "\n\nNew text."
	tr.Update(t.Context(), sdk.UpdateRequest{Issue: sdk.IssueRef{Number: 1}, Body: &body})
	b, _ = os.ReadFile(path)
	if !strings.Contains(string(b), "\n---\n"+body+"\n\n"+sdk.Marker("c1")) || strings.Contains(string(b), "A note") {
		t.Errorf("file %s", b)
	}
	if found, err := tr.Search(t.Context(), "BETTER things", 5); err != nil || len(found) != 1 || found[0].Title != title || found[0].State != "closed" {
		t.Errorf("Search = %+v, %v", found, err)
	}
	os.Remove(path)
	if got := tr.Update(t.Context(), update); got.Outcome != sdk.Rejected {
		t.Errorf("a file that is gone: %+v", got)
	}
	if got := tr.Comment(t.Context(), sdk.CommentRequest{Issue: ref, Key: "c1", Body: "no marker"}); got.Outcome != sdk.Rejected {
		t.Errorf("without marker: %+v", got)
	}
}

func TestChangesAreFilesWrittenByHand(t *testing.T) {
	t.Parallel()
	tr := newTracker(t, t.TempDir())
	if changes, cursor, err := tr.Changes(t.Context(), "", time.Time{}); err != nil || len(changes) != 0 || cursor != "" {
		t.Errorf("an empty folder: %v, %q, %v", changes, cursor, err)
	}
	began := time.Now().Add(-time.Minute)
	path := ""
	for _, key := range []string{"k1", "k2"} {
		path = strings.TrimPrefix(tr.Create(t.Context(), request(key, "T")).URL, "file://")
		old := time.Now().Add(-10 * time.Second)
		os.Chtimes(path, old, old)
	}
	changes, cursor, err := tr.Changes(t.Context(), "", began)
	if err != nil || len(changes) != 2 || changes[0].State != "open" || cursor == "" {
		t.Fatalf("Changes = %+v, %q, %v", changes, cursor, err)
	}
	b, _ := os.ReadFile(path)
	os.WriteFile(path, []byte(strings.Replace(string(b), "state: open\nlabels: [\"bug\",\"a \\\"b\\\"\"]", "state: closed\nlabels: [ui, 'x y']", 1)), 0o644)
	os.WriteFile(path+".txt", []byte("not an issue"), 0o644)
	changes, next, err := tr.Changes(t.Context(), cursor, time.Time{})
	if err != nil || len(changes) == 0 || next == cursor {
		t.Fatalf("Changes = %+v, %q, %v", changes, next, err)
	}
	if c := changes[len(changes)-1]; c.Issue.Key != "k2" || c.State != "closed" || !cmp.Equal(c.Labels, []string{"ui", "x y"}) || time.Since(c.At) > time.Minute {
		t.Errorf("change %+v", c)
	}
	if _, _, err := tr.Changes(t.Context(), "yesterday", time.Time{}); err == nil {
		t.Error("a cursor that is no time is taken")
	}
}
