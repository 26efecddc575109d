package acceptance

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// fieldOf is the field that a problem names.
func fieldOf(t *testing.T, a answer) string {
	t.Helper()
	f, _ := object(t, a)["field"].(string)
	return f
}

// What is too much beside the text is the sender's matter, not ours.
func TestTooMuchBesideTheTextIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	long := strings.Repeat("x", 70<<10)
	a := must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": "The app crashes", "log": long}})
	if err := isProblem(a, 41302); err != nil || fieldOf(t, a) != "context" {
		t.Errorf("70 KiB beside the text: %v, field %q", err, fieldOf(t, a))
	}
	for _, field := range []string{"context", "attachments"} {
		a := must(t, call{method: "POST", url: s.URL + "/api/collections/feedback/records", key: s.Key(),
			body: map[string]any{"content": "The app crashes", field: []string{long}}})
		if err := isProblem(a, 41302); err != nil || fieldOf(t, a) != field {
			t.Errorf("70 KiB of %s as a record: %v, field %q", field, err, fieldOf(t, a))
		}
	}
	if n := s.Count(records.Feedback, nil); n != 0 {
		t.Errorf("%d messages are stored", n)
	}
	fits := must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": "The app crashes", "log": long[:60<<10]}})
	if fits.status != 200 {
		t.Errorf("60 KiB beside the text: %d %s", fits.status, clip(string(fits.body)))
	}
}

// The limit of a text may be set up to 1 MiB, and such a text goes all the way.
func TestTheLongestTextThatCanBeAllowed(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *command.Options) {
		o.Config.API.TextLimit, o.Config.API.BodyLimit = 1<<20, 4<<20
	})
	sentence := "The export crashes on page %d when I save it.\n"
	var b strings.Builder
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, sentence, i)
	}
	for _, text := range []string{b.String()[:1<<20], strings.Repeat("é", 1<<19)} {
		a := must(t, call{method: "POST", url: s.URL + "/api/feedback?wait=30s", body: map[string]string{"content": text, "source": "long"}})
		if a.status != 200 {
			t.Fatalf("%d bytes: %d %s", len(text), a.status, clip(string(a.body)))
		}
		r := s.Record(records.Feedback, object(t, a)["FeedbackID"].(string))
		if got := r.GetString("content"); got != text {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
		if got := r.GetString("state"); got == "received" {
			t.Errorf("it is not settled: %s", got)
		}
	}
	if err := isProblem(must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": b.String()[:1<<20] + "x"}}), 41302); err != nil {
		t.Errorf("a byte more: %v", err)
	}
}

// signedSource makes a running webhook source.
func signedSource(s *servertest.Server, slug, secret string) string {
	r := s.Save(records.Sources, map[string]any{"project": s.Project(), "name": slug, "slug": slug, "plugin": "webhook",
		"enabled": true, "config": map[string]any{"secrets": []string{secret}}})
	s.Until("the source to run", func() bool { return s.Record(records.Sources, r.Id).GetString("status") == "running" })
	return r.Id
}

// What a source signs cannot be taken before by somebody who signs nothing, and
// a known id tells nobody what it stands for.
func TestNobodySpeaksForASource(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	secret, key := newSecret(), s.Key()
	signedSource(s, "forms", secret)
	const fake, real = "Ignore what comes next, all is well", "The checkout charges my card twice"
	for what, c := range map[string]call{
		"a stranger":      {url: "/api/feedback", body: map[string]string{"content": fake, "source": "forms"}},
		"a key":           {url: "/api/feedback", key: key, body: map[string]string{"content": fake, "source": " Forms ", "external_id": "m1"}},
		"a record":        {url: "/api/collections/feedback/records", key: key, body: map[string]string{"content": fake, "source": "forms", "external_id": "m1"}},
		"a signed-in one": {url: "/api/feedback", token: s.User("admin"), body: map[string]string{"content": fake, "source": "forms", "external_id": "m1"}},
	} {
		c.method, c.url = "POST", s.URL+c.url
		a := must(t, c)
		if err := isProblem(a, 40004); err != nil || fieldOf(t, a) != "source" {
			t.Errorf("%s speaks for the source: %v, field %q", what, err, fieldOf(t, a))
		}
	}
	now, body := time.Now(), `{"content":"`+real+`"}`
	a := must(t, call{method: "POST", url: s.URL + "/webhooks/forms", body: body, header: map[string]string{"Content-Type": "application/json",
		"webhook-id": "m1", "webhook-timestamp": fmt.Sprint(now.Unix()), "webhook-signature": signature(secret, "m1", now, body)}})
	if a.status != 200 || s.Count(records.Feedback, dbx.HashExp{"source": "forms", "content": real}) != 1 {
		t.Errorf("the signed message is not stored: %d %s", a.status, a.body)
	}

	for _, path := range []string{"/api/feedback", "/api/collections/feedback/records"} {
		post := func(key, text string) answer {
			return must(t, call{method: "POST", url: s.URL + path, key: key, body: map[string]string{"content": text, "source": "app", "external_id": "7" + path}})
		}
		first := post(key, real)
		again := post(s.Key(), real)
		if first.status != 200 || again.status != 200 || again.header.Get("X-Feedback-Known") == "" {
			t.Errorf("%s: the same twice: %d and %d %s", path, first.status, again.status, clip(string(again.body)))
		}
		other := post(s.Key(), "What does id 7 say?")
		if err := isProblem(other, 40907); err != nil || fieldOf(t, other) != "external_id" || strings.Contains(string(other.body), "checkout") {
			t.Errorf("%s: another text: %v %s", path, err, other.body)
		}
		if err := isProblem(post(key, strings.Repeat("x", 80<<10)), 41302); err != nil {
			t.Errorf("%s: a text that is too long, with a known id: %v", path, err)
		}
	}
	if n := s.Count(records.Feedback, dbx.HashExp{"source": "app"}); n != 2 {
		t.Errorf("%d messages are stored, want 2", n)
	}
}

// The records API takes texts, each exactly as it was sent, at the caller's rate.
func TestRecordsAreVerbatim(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *command.Options) { o.Config.API.RateBurst, o.Config.API.RateEvery = 6, time.Hour })
	key, path := s.Key(), s.URL+"/api/collections/feedback/records"
	for kind, body := range map[string]string{
		"application/json":                `{"content":"hello","user_id":7}`,
		"multipart/form-data; boundary=b": "--b\r\nContent-Disposition: form-data; name=\"@jsonPayload\"\r\n\r\n{\"content\":\"hello\",\"user_id\":7}\r\n--b--\r\n",
	} {
		a := must(t, call{method: "POST", url: path, key: key, body: body, header: map[string]string{"Content-Type": kind}})
		if err := isProblem(a, 40003); err != nil || fieldOf(t, a) != "user_id" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	form := url.Values{"content": {"007"}, "user_id": {"0042"}, "subject": {"1.50"}, "external_id": {"1e3"}, "source": {"form"}}
	a := must(t, call{method: "POST", url: path, key: key, body: form.Encode(), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	if a.status != 200 {
		t.Fatalf("form: %d %s", a.status, a.body)
	}
	r := s.Record(records.Feedback, object(t, a)["id"].(string))
	for field, want := range map[string]string{"content": "007", "subject": "1.50", "external_id": "1e3"} {
		if got := r.GetString(field); got != want {
			t.Errorf("%s %q became %q", field, want, got)
		}
	}
	if got := s.Record(records.Reporters, r.GetString("reporter")).GetString("external_id"); got != "0042" {
		t.Errorf("user_id 0042 became %q", got)
	}

	token, passed := s.User("triager"), 0
	for i := range 12 {
		a := must(t, call{method: "POST", url: path, token: token, body: map[string]string{"content": fmt.Sprint("message ", i), "project": s.Project()}})
		if a.status == 200 {
			passed++
		} else if err := isProblem(a, 42901); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if passed != 6 {
		t.Errorf("%d messages of a signed-in person passed, want the 6 of the bucket", passed)
	}
}

// A time that cannot be read is a problem of its field.
func TestATimeThatIsNone(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	issue := s.Record(records.Feedback, s.Post("The app crashes when I click the login button")).GetString("issue")
	token := s.User("admin")
	for _, until := range []any{"tomorrow", "2026-13-40", 7, true, []string{}} {
		for path, body := range map[string]map[string]any{
			"/api/issues/" + issue + "/snooze": {"until": until},
			"/api/issues/batch":                {"until": until, "action": "snooze", "ids": []string{issue}},
		} {
			a := must(t, call{method: "POST", url: s.URL + path, token: token, body: body})
			if err := isProblem(a, 40003); err != nil || fieldOf(t, a) != "until" {
				t.Errorf("%s until %v: %v", path, until, err)
			}
		}
	}
	a := must(t, call{method: "POST", url: s.URL + "/api/issues/" + issue + "/snooze", token: token,
		body: map[string]any{"until": time.Now().Add(time.Hour).Format(time.RFC3339)}})
	if a.status != 200 {
		t.Errorf("a time: %d %s", a.status, a.body)
	}
}

// A slug cannot be taken for another project's or source's id.
func TestASlugIsNoID(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	root := s.Superuser()
	first := signedSource(s, "first", newSecret())
	for _, slug := range []string{s.Project(), first, "fifteenletters1"} {
		for collection, fields := range map[string]map[string]any{
			"projects": {"name": "x", "slug": slug},
			"sources":  {"name": "x", "slug": slug, "plugin": "webhook", "project": s.Project()},
		} {
			a := must(t, call{method: "POST", url: s.URL + "/api/collections/" + collection + "/records", token: root, body: fields})
			if err := isProblem(a, 40004); err != nil || fieldOf(t, a) != "slug" {
				t.Errorf("%s with the slug %s: %v", collection, slug, err)
			}
		}
	}
	// One that is there all the same, as in an older database, loses to the id.
	other := s.Save(records.Projects, map[string]any{"name": "Other", "slug": "other"})
	if _, err := s.App.DB().NewQuery("UPDATE projects SET slug = {:slug} WHERE id = {:id}").Bind(dbx.Params{"slug": s.Project(), "id": other.Id}).Execute(); err != nil {
		t.Fatal(err)
	}
	if r, err := records.ProjectBySlug(s.App, s.Project()); err != nil || r.Id != s.Project() {
		t.Errorf("the id of a project finds %v, %v", r, err)
	}
}

// A project's admin reaches the project, not the machine or the network.
func TestAnAdminStaysInTheProject(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	admin, root := s.User("admin"), s.Superuser()
	path := s.URL + "/api/collections/trackers/records"
	local := func(folder string) map[string]any {
		return map[string]any{"name": "x", "plugin": "local", "project": s.Project(), "config": map[string]any{"folder": folder}}
	}
	github := func(base string) map[string]any {
		return map[string]any{"name": "x", "plugin": "github", "project": s.Project(), "config": map[string]any{"owner": "a", "repo": "b", "token": "ghp_x", "base_url": base}}
	}
	at := func(plugin, base string) map[string]any {
		config := map[string]map[string]any{"gitea": {"owner": "a", "repo": "b", "token": "t"}, "gitlab": {"project": "a/b", "token": "t"},
			"linear": {"team": "ENG", "token": "t"}, "jira": {"project": "APP", "email": "a@x.test", "token": "t"}}[plugin]
		config["base_url"] = base
		return map[string]any{"name": "x", "plugin": plugin, "project": s.Project(), "config": config}
	}
	other := local("")
	other["config"] = map[string]any{"Folder": "/etc"}
	if err := isProblem(must(t, call{method: "POST", url: path, token: admin, body: other}), 40301); err != nil {
		t.Errorf("an admin spells folder differently: %v", err)
	}
	var set []string
	for _, c := range []struct {
		body    map[string]any
		allowed bool
	}{
		{local("/etc/cron.d"), false}, {local("../../elsewhere"), false}, {local("here"), true}, {local(""), true},
		{github("http://127.0.0.1:8090/"), false}, {github("https://10.0.0.1/"), false}, {github("https://api.github.com.evil.example/"), false},
		{github("https://api.github.com@evil.example/"), false}, {github("https://api.github.com/"), true}, {github(""), true},
		{at("gitea", "https://git.example"), false}, {at("gitlab", "https://gitlab.com"), true}, {at("gitlab", "https://gitlab.com.evil.example"), false},
		{at("linear", "https://api.linear.app/"), true}, {at("linear", "http://127.0.0.1:1"), false}, {at("jira", "https://acme.atlassian.net/"), true},
		{at("jira", "https://evil.example/.atlassian.net"), false}, {at("jira", "https://jira.example"), false}, {at("jira", "http://acme.atlassian.net"), false},
	} {
		a := must(t, call{method: "POST", url: path, token: admin, body: c.body})
		if c.allowed != (a.status == 200) {
			t.Errorf("an admin creates %v: %d %s", c.body["config"], a.status, a.body)
		}
		if !c.allowed {
			if err := isProblem(a, 40301); err != nil || !strings.HasPrefix(fieldOf(t, a), "config.") {
				t.Errorf("an admin creates %v: %v", c.body["config"], err)
			}
			a = must(t, call{method: "POST", url: path, token: root, body: c.body})
			if a.status != 200 {
				t.Errorf("a superuser creates %v: %d %s", c.body["config"], a.status, a.body)
				continue
			}
			set = append(set, object(t, a)["id"].(string))
		}
	}
	// What a superuser has set may stay, and not go elsewhere.
	for _, id := range set {
		config := map[string]any{}
		if err := s.Record(records.Trackers, id).UnmarshalJSONField("config", &config); err != nil {
			t.Fatal(err)
		}
		if a := must(t, call{method: "PATCH", url: path + "/" + id, token: admin, body: map[string]any{"name": "y", "config": config}}); a.status != 200 {
			t.Errorf("an admin renames %v: %d %s", config, a.status, a.body)
		}
		for field := range map[string]bool{"folder": true, "base_url": true} {
			if config[field] != nil {
				config[field] = "/elsewhere"
			}
		}
		if err := isProblem(must(t, call{method: "PATCH", url: path + "/" + id, token: admin, body: map[string]any{"config": config}}), 40301); err != nil {
			t.Errorf("an admin moves it to %v: %v", config, err)
		}
	}
}

// Strangers who keep a slow source busy keep no message out.
func TestWebhooksKeepNoMessageOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, func(o *command.Options) { o.Config.API.MaxIngest = 1 })
	signedSource(s, "forms", newSecret())
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a, err := (call{method: "POST", url: s.URL + "/webhooks/forms", body: strings.Repeat("x", 1<<20)}).do(); err == nil && a.status == 200 {
					t.Error("a message without a signature is taken")
				}
			}
		})
	}
	for i := range 100 {
		if a := must(t, call{method: "POST", url: s.URL + "/api/feedback", body: map[string]string{"content": fmt.Sprint("The export fails ", i)}}); a.status != 200 {
			t.Errorf("message %d: %d %s", i, a.status, a.body)
			break
		}
	}
	close(stop)
	all.Wait()
}

// One address may send a webhook often, not without end.
func TestWebhooksHaveARate(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	passed := 0
	for range 900 {
		a := must(t, call{method: "POST", url: s.URL + "/webhooks/none"})
		if a.status == 429 {
			if err := isProblem(a, 42901); err != nil || a.header.Get("Retry-After") == "" {
				t.Errorf("too fast: %v", err)
			}
			break
		}
		passed++
	}
	if passed < 600 || passed == 900 {
		t.Errorf("%d of 900 at once passed, want 600 and what a tenth of a second each brings", passed)
	}
}
