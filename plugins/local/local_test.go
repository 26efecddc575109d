package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func newTracker(t *testing.T, dir string) *Tracker {
	t.Helper()
	tr := New()
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(`{}`), DataDir: dir}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func request(key, title string) sdk.CreateRequest {
	return sdk.CreateRequest{Key: key, Title: title, Body: sdk.Marker(key) + "\n\nIt breaks.", Labels: []string{"bug", `a "b"`}, Reference: "r1"}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestCreateWritesAFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "issues")
	tr := newTracker(t, dir)
	got := tr.Create(t.Context(), request("k1", "Login <fails> on \"Safari\": 100%"))
	want := sdk.CreateReply{Outcome: sdk.Created, Number: 1, URL: "file://" + dir + "/0001-login-fails-on-safari-100.md"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("reply (-want +got):\n%s", d)
	}
	b, err := os.ReadFile(strings.TrimPrefix(got.URL, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	created := strings.TrimPrefix(strings.Split(string(b), "\n")[7], "created: ")
	if at, err := time.Parse(time.RFC3339, created); err != nil || time.Since(at) > time.Minute {
		t.Errorf("created %q: %v", created, err)
	}
	text := `---
number: 1
key: "k1"
title: "Login <fails> on \"Safari\": 100%"
state: open
labels: ["bug","a \"b\""]
reference: "r1"
created: ` + created + `
---
<!-- iterateswarm:v1 k=k1 -->

It breaks.
`
	if d := cmp.Diff(text, string(b)); d != "" {
		t.Errorf("file (-want +got):\n%s", d)
	}
	if n := names(t, dir); len(n) != 1 {
		t.Errorf("files %v, want one", n)
	}
}

func TestCreateIsIdempotentAcrossProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := newTracker(t, dir).Create(t.Context(), request("k1", "A"))
	tr := newTracker(t, dir)
	again := tr.Create(t.Context(), request("k1", "another title"))
	if again.Outcome != sdk.Created || again.Number != first.Number || again.URL != first.URL {
		t.Errorf("again %+v, want %+v", again, first)
	}
	if second := tr.Create(t.Context(), request("k2", "A")); second.Number != 2 {
		t.Errorf("next number %d, want 2", second.Number)
	}
	if n := names(t, dir); len(n) != 2 {
		t.Errorf("files %v, want two", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tr := newTracker(t, dir)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if got := tr.Create(t.Context(), request(fmt.Sprintf("k%d", i%20), "same")); got.Outcome != sdk.Created {
				t.Errorf("%+v", got)
			}
		})
	}
	all.Wait()
	found, err := tr.Find(t.Context(), sdk.FindRequest{})
	if err != nil || len(found) != 20 || found[0].Number != 20 || found[19].Number != 1 {
		t.Errorf("%d issues, %v; want 20, newest first", len(found), err)
	}
}

// Two processes on one folder each have a memory of their own.
func TestTwoTrackersShareAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 2 {
		tr := newTracker(t, dir)
		all.Go(func() {
			for j := range 30 {
				if got := tr.Create(t.Context(), request(fmt.Sprintf("k%dx%d", i, j), "same")); got.Outcome != sdk.Created {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	all.Wait()
	if n := names(t, dir); len(n) != 60 {
		t.Errorf("%d files, want 60", len(n))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tr := newTracker(t, dir)
	if found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1"}); err != nil || len(found) != 0 {
		t.Errorf("empty folder: %v, %v", found, err)
	}
	began := time.Now()
	made := tr.Create(t.Context(), request("k1", "A"))
	tr.Create(t.Context(), request("k2", "B"))
	write := func(name, text string) { // people put things there
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md", "hello")
	write("0007-mine.md", "no front matter")
	write("0008-quoted.md", "---\nstate: open\n---\n> "+sdk.Marker("k1")+"\n")
	write("0009-big.md", strings.Repeat("x", 1<<20))
	write(".new-123", "half written")
	os.Mkdir(filepath.Join(dir, "0010-folder.md"), 0o755)

	for _, c := range []struct {
		req  sdk.FindRequest
		want int
	}{
		{sdk.FindRequest{Key: "k1"}, 1}, {sdk.FindRequest{Key: "k3"}, 0}, {sdk.FindRequest{}, 2},
		{sdk.FindRequest{Key: "k1", Since: began}, 1}, {sdk.FindRequest{Since: began.Add(time.Hour)}, 0},
	} {
		found, err := tr.Find(t.Context(), c.req)
		if err != nil || len(found) != c.want {
			t.Errorf("Find(%+v) = %d, %v; want %d", c.req, len(found), err, c.want)
		}
	}
	found, _ := tr.Find(t.Context(), sdk.FindRequest{Key: "k1"})
	if f := found[0]; f.Number != 1 || f.URL != made.URL || f.State != "open" || time.Since(f.Created) > time.Minute {
		t.Errorf("found %+v", f)
	}
	// A person closes it, in the way of an editor.
	path := strings.TrimPrefix(made.URL, "file://")
	b, _ := os.ReadFile(path)
	text := strings.Replace(string(b), "state: open", "state: 'closed'", 1)
	text = strings.Replace(text, "---\n<!--", "---\n\n<!--", 1)
	write(filepath.Base(path), strings.ReplaceAll(text, "\n", "\r\n"))
	if found, _ = tr.Find(t.Context(), sdk.FindRequest{Key: "k1"}); len(found) != 1 || found[0].State != "closed" {
		t.Errorf("after the edit: %+v, want it closed", found)
	}
	os.Remove(path)
	if found, _ = tr.Find(t.Context(), sdk.FindRequest{Key: "k1"}); len(found) != 0 {
		t.Errorf("after the removal: %+v", found)
	}
	if next := tr.Create(t.Context(), request("k5", "C")); next.Number != 10 {
		t.Errorf("number %d, want 10: files of people count", next.Number)
	}
}

func TestCreateThatCannotWriteIsNotCreated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "x")
	tr := newTracker(t, dir)
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	if got := tr.Create(t.Context(), request("k1", "A")); got.Outcome != sdk.NotCreated || got.Message == "" {
		t.Errorf("%+v, want not_created", got)
	}
	if h := tr.Check(t.Context()); h.OK {
		t.Errorf("Check = %+v", h)
	}
	if got := tr.Create(t.Context(), sdk.CreateRequest{Key: "k1", Body: "no marker"}); got.Outcome != sdk.Rejected {
		t.Errorf("without marker: %+v, want rejected", got)
	}
	os.Remove(dir)
	if h := tr.Check(t.Context()); !h.OK {
		t.Errorf("Check = %+v", h)
	}
	if n := names(t, dir); len(n) != 0 {
		t.Errorf("Check left %v", n)
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	for _, c := range []struct{ folder, dataDir, want string }{
		{"", dir, dir}, {"issues", dir, filepath.Join(dir, "issues")}, {dir, "", dir},
		{"", "", ""}, {"../x", dir, ""}, {file, "", ""},
	} {
		tr := New()
		wrong := tr.Configure(t.Context(), sdk.Config{JSON: fmt.Appendf(nil, `{"folder":%q}`, c.folder), DataDir: c.dataDir})
		if (len(wrong) == 0) != (c.want != "") || tr.folder != c.want {
			t.Errorf("folder %q in %q: %v, %q; want %q", c.folder, c.dataDir, wrong, tr.folder, c.want)
		}
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Crash on save":             "0012-crash-on-save.md",
		"  ../../etc/passwd  ":      "0012-etc-passwd.md",
		"日本語":                       "0012-issue.md",
		"":                          "0012-issue.md",
		"a\nb":                      "0012-a-b.md",
		strings.Repeat("word ", 30): "0012-" + strings.TrimSuffix(strings.Repeat("word-", 10), "-") + ".md",
	} {
		if got := fileName(12, title); got != want {
			t.Errorf("fileName(%q) = %q, want %q", title, got, want)
		}
	}
	if got := numberOf("12345-x.md"); got != 12345 {
		t.Errorf("numberOf = %d", got)
	}
}
