package command_test

import (
	"bytes"
	"compress/gzip"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/plugins"
)

// run runs the command line as main does.
func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = command.Main(args, nil, command.Bundled{Manifests: plugins.Manifests(), Serve: plugins.Serve}, &out, &err)
	return code, out.String(), err.String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const csvRows = "\xef\xbb\xbfNumber,Title,Body,Author,URL,Stars\n" +
	"1,Login,\"The login button crashes, always\nand everywhere\",maya,https://example.com/1,2\n" +
	"2,Export,The export to CSV hangs,tom,javascript:alert(1),5\n" +
	"3,Only a title,,tom,,\n" +
	"4,,,,,\n" +
	"5,too,few\n" +
	"1,Login again,The same number is the same message,maya,,\n"

func TestImportTwiceAddsNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	path := file(t, "old.csv", csvRows)
	code, out, errs := run("import", path, "--dir", dir, "--source", "github")
	if code != 1 || !strings.Contains(out, "6 rows read: 3 added, 1 known already, 1 empty, 1 failed") {
		t.Fatalf("first import: %d\n%s%s", code, out, errs)
	}
	if !strings.Contains(errs, "line 7: has 3 fields, the header has 6") {
		t.Errorf("the bad row is not named:\n%s", errs)
	}
	code, out, _ = run("import", path, "--dir", dir, "--source", "github")
	if code != 1 || !strings.Contains(out, "6 rows read: 0 added, 4 known already, 1 empty, 1 failed") {
		t.Errorf("second import: %d %s", code, out)
	}
	s := servertest.StartIn(t, dir)
	r, err := s.App.FindFirstRecordByFilter(records.Feedback, "external_id = '1'")
	if err != nil {
		t.Fatal(err)
	}
	var context map[string]any
	if err := r.UnmarshalJSONField("context", &context); err != nil {
		t.Fatal(err)
	}
	if r.GetString("content") != "The login button crashes, always\nand everywhere" || r.GetString("subject") != "Login" ||
		r.GetString("permalink") != "https://example.com/1" || context["Stars"] != "2" {
		t.Errorf("row 1 became %v", r.PublicExport())
	}
	second, err := s.App.FindFirstRecordByFilter(records.Feedback, "external_id = '2'")
	if err != nil {
		t.Fatal(err)
	}
	if got := second.GetString("permalink"); got != "" {
		t.Errorf("permalink = %q, want no script", got)
	}
	s.Until("the imported messages to be settled", func() bool {
		return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0
	})
}

func TestDryRunStoresNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	path := file(t, "old.jsonl", `{"text":"The app crashes on start","id":7}`+"\n\n"+`{"text":null}`+"\n"+`not json`+"\n"+`{"text":"Please add dark mode"}`+"\n")
	code, out, errs := run("import", path, "--dir", dir, "--dry-run")
	if code != 1 || !strings.Contains(out, "4 rows read: 2 would be added") || !strings.Contains(errs, "line 4: is no JSON object") {
		t.Errorf("dry run: %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a dry run made a data directory")
	}
}

func TestImportThroughARunningServer(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(`{"text":"The app crashes on start"}` + "\n" + `{"text":"The app crashes on start"}` + "\n" + `{"text":"Please add a dark mode"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := file(t, "reviews.jsonl.gz", zipped.String())
	code, _, errs := run("import", path, "--dir", s.Dir)
	if code != 1 || !strings.Contains(errs, "import through it: --url") {
		t.Errorf("direct import beside a server: %d %s; want a sentence that says how", code, errs)
	}
	for _, want := range []string{"3 rows read: 2 added, 1 known already", "3 rows read: 0 added, 3 known already"} {
		if code, out, errs := run("import", path, "--url", s.URL, "--key", s.Key()); code != 0 || !strings.Contains(out, want) {
			t.Errorf("import: %d %s%s; want %s", code, out, errs, want)
		}
	}
	if code, _, errs := run("import", path, "--url", s.URL, "--key", "isk_wrong"); code != 1 || !strings.Contains(errs, "unknown or disabled") {
		t.Errorf("wrong key: %d %s", code, errs)
	}
	if n := s.Count(records.Feedback, nil); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	busy := httptest.NewServer(nil)
	defer busy.Close()
	dir := t.TempDir()
	notADir := file(t, "file", "")
	for _, c := range []struct {
		want int
		say  string
		args []string
	}{
		{2, "unknown flag: --wrong", []string{"serve", "--wrong"}},
		{2, `unknown command "frobnicate"`, []string{"frobnicate"}},
		{2, `unknown command "frob"`, []string{"key", "frob", "--dir", dir}},
		{2, "accepts 1 arg", []string{"import"}},
		{2, `no column "nope"`, []string{"import", file(t, "a.csv", csvRows), "--content", "nope", "--dir", dir}},
		{2, "which column holds the text", []string{"import", file(t, "b.csv", "a,b\n1,2\n"), "--dir", dir}},
		{2, "say --format", []string{"import", file(t, "c.txt", "x"), "--dir", dir}},
		{1, "no such file", []string{"import", "/nonexistent.csv", "--dir", dir}},
		{1, "no plugin", []string{"plugin", "nosuch"}},
		{1, "is taken by another program", []string{"serve", "--dir", filepath.Join(dir, "p"), "--http", strings.TrimPrefix(busy.URL, "http://")}},
		{1, "data directory", []string{"serve", "--dir", notADir}},
		{1, "no project", []string{"key", "create", "x", "--project", "nope", "--dir", filepath.Join(dir, "k")}},
	} {
		code, _, errs := run(c.args...)
		if code != c.want || !strings.Contains(errs, c.say) {
			t.Errorf("%v: exit %d, %q; want %d and %q", c.args, code, errs, c.want, c.say)
		}
		if lines := strings.Count(strings.TrimSpace(errs), "\n"); lines > 2 {
			t.Errorf("%v: %d lines, want one clear sentence:\n%s", c.args, lines+1, errs)
		}
	}
}

func TestMistakesInTheEnvironmentAreToldTogether(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := command.Main([]string{"serve"}, []string{"ITERATESWARM_QUEUE_WORKERS=many", "ITERATESWARM_LOG_LEVLE=debug"}, command.Bundled{}, &out, &errs)
	if code != 2 || !strings.Contains(errs.String(), "QUEUE_WORKERS") || !strings.Contains(errs.String(), "LOG_LEVEL") {
		t.Errorf("exit %d:\n%s", code, errs.String())
	}
}

func TestKeysAreMadeListedAndDisabled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	code, key, errs := run("key", "create", "website", "--dir", dir, "--burst", "3", "--every", "1h")
	if key = strings.TrimSpace(key); code != 0 || !strings.HasPrefix(key, "isk_") {
		t.Fatalf("create: %d %q %s", code, key, errs)
	}
	s := servertest.StartIn(t, dir)
	post := func() int {
		return s.Do("POST", "/api/feedback", map[string]any{"content": "The app crashes"}, "X-API-Key", key).Status
	}
	for range 3 {
		if got := post(); got != 200 {
			t.Errorf("with the key: %d, want 200", got)
		}
	}
	if got := post(); got != 429 {
		t.Errorf("the fourth message of a key with three: %d, want 429", got)
	}
	_, list, _ := run("key", "list", "--dir", dir)
	if !strings.Contains(list, "website") || strings.Contains(list, key) {
		t.Errorf("list: %s", list)
	}
	id := strings.Fields(strings.Split(list, "\n")[1])[0]
	if code, _, errs := run("key", "disable", id, "--dir", dir); code != 0 {
		t.Errorf("disable: %d %s", code, errs)
	}
	if got := post(); got != 401 {
		t.Errorf("with a disabled key: %d, want 401", got)
	}
}

func TestEverySchemaChangeCanBeTakenBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	s, err := command.Open(t.Context(), servertest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	runner := core.NewMigrationsRunner(s.App, core.AppMigrations)
	down, err := runner.Down(len(core.AppMigrations.Items()))
	if err != nil || len(down) < 7 {
		t.Fatalf("took back %v: %v", down, err)
	}
	if _, err := s.App.FindCollectionByNameOrId(records.Feedback); err == nil {
		t.Error("feedback is still there after everything was taken back")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	servertest.StartIn(t, dir).Post("App crashes when I click the login button")
}

func TestOperatorsJavaScriptRuns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	if err := os.CopyFS(filepath.Join(filepath.Dir(dir), "pb_hooks"), os.DirFS("../../pb_hooks")); err != nil {
		t.Fatal(err)
	}
	s := servertest.StartIn(t, dir)
	billing := s.Record(records.Feedback, s.Post("I was charged twice and the invoice page crashes"))
	other := s.Record(records.Feedback, s.Post("App crashes when I click the login button"))
	if !strings.Contains(billing.GetString("context"), `"topic":"billing"`) || strings.Contains(other.GetString("context"), "billing") {
		t.Errorf("context of the message about money %s, of the other %s", billing.GetString("context"), other.GetString("context"))
	}
}
