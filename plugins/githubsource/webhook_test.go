package githubsource

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// recorded are the payloads of GitHub's own examples, by event and action.
func recorded(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	raw, err := unzip("testdata/events.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	var events map[string]json.RawMessage
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	return events
}

func hello(t testing.TB, more string) *Source {
	t.Helper()
	s := New()
	config := `{"owner":"Codertocat","repo":"Hello-World","secrets":["` + secretA + `"]` + more + `}`
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return s
}

func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	want := map[string]sdk.Item{
		"issues.opened": {ExternalID: "issues/1", Title: "Spelling error in the README file", Content: "It looks like you accidently spelled 'commit' with two 't's.",
			Permalink: "https://github.com/Codertocat/Hello-World/issues/1", AuthorID: "21031067", AuthorHandle: "Codertocat",
			ContextJSON: `{"kind":"issues","number":1,"issue":1,"association":"OWNER"}`, Created: time.Date(2019, 5, 15, 15, 20, 18, 0, time.UTC)},
		"issue_comment.created": {ExternalID: "issues/comments/492700400", Content: "You are totally right! I'll get this fixed right away.", InReplyTo: "issues/1",
			Permalink: "https://github.com/Codertocat/Hello-World/issues/1#issuecomment-492700400", AuthorID: "21031067", AuthorHandle: "Codertocat",
			ContextJSON: `{"kind":"issues","number":1,"comment":492700400,"association":"OWNER"}`, Created: time.Date(2019, 5, 15, 15, 20, 21, 0, time.UTC)},
		"discussion.created":         {ExternalID: "discussions/90"},
		"discussion_comment.created": {ExternalID: "discussions/comments/544078", InReplyTo: "discussions/90"},
	}
	var names []string
	for name, body := range recorded(t) {
		kind, _, _ := strings.Cut(name, ".")
		names = append(names, name)
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		src := hello(t, `,"discussions":true`)
		if owner, repo, ok := strings.Cut(e.Repository.FullName, "/"); ok {
			src.config.Owner, src.config.Repo = owner, repo
		}
		reply, err := src.HandleWebhook(t.Context(), deliver(secretA, kind, string(body)).request())
		if err != nil || reply.Status != 200 {
			t.Errorf("%s: %d, %v", name, reply.Status, err)
			continue
		}
		w, taken := want[name]
		if !taken {
			if len(reply.Items) != 0 {
				t.Errorf("%s: items %+v, want none", name, reply.Items)
			}
			continue
		}
		if len(reply.Items) != 1 {
			t.Errorf("%s: %d items (%s), want one", name, len(reply.Items), reply.Body)
			continue
		}
		got := reply.Items[0]
		if w.Content == "" { // only the ids of these are told in full
			got = sdk.Item{ExternalID: got.ExternalID, InReplyTo: got.InReplyTo}
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if len(names) != 15 {
		t.Errorf("%d recorded events: %v", len(names), names)
	}
}

func TestWhatIsLeftAlone(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string { return strings.Replace(opened, old, new, 1) }
	person := `"user":{"id":42,"login":"ann","type":"User"}`
	comment := func(on, by, text string) string {
		return `{"action":"created","issue":` + on + `,"comment":{"id":9,"body":"` + text + `",` + by + `},"repository":{"full_name":"octo/hello"},"sender":{"id":42,"login":"ann","type":"User"}}`
	}
	issue := func(body, by, more string) string { return `{"number":7,"body":"` + body + `",` + by + more + `}` }
	marker := `<!-- iterateswarm:v1 k=abc -->\n`
	bot := `"user":{"id":1,"login":"ci[bot]","type":"Bot"}`
	for name, c := range map[string]struct {
		kind, body string
		items      int
	}{
		"an issue":                       {"issues", opened, 1},
		"with a title alone":             {"issues", change(`"It crashes 💥 on “save”"`, "null"), 1},
		"in capitals":                    {"issues", change(`"octo/hello"`, `"Octo/HELLO"`), 1},
		"another repository":             {"issues", change(`"octo/hello"`, `"octo/other"`), 0},
		"no repository":                  {"issues", change(`"octo/hello"`, `""`), 0},
		"edited":                         {"issues", change("opened", "edited"), 0},
		"labelled":                       {"issues", change("opened", "labeled"), 0},
		"another event":                  {"pull_request", opened, 0},
		"no event":                       {"", opened, 0},
		"with our marker":                {"issues", change("It crashes", marker+"It crashes"), 0},
		"marker further down":            {"issues", change("It crashes", `\n`+marker+"It crashes"), 1},
		"by a bot":                       {"issues", change(person, bot), 0},
		"by an account of ours":          {"issues", change(`"login":"ann"`, `"login":"Swarm-Filer"`), 0},
		"sent by a bot":                  {"issues", change(`"sender":{"id":42,"login":"ann","type":"User"}`, `"sender":{"id":1,"login":"x[bot]","type":"User"}`), 0},
		"a pull request":                 {"issues", change(`"number":7`, `"number":7,"pull_request":{"url":"u"}`), 0},
		"of a ghost":                     {"issues", change(person, `"user":null`), 0},
		"without a number":               {"issues", change(`"number":7`, `"number":0`), 0},
		"a comment":                      {"issue_comment", comment(issue("x", person, ""), person, "me too"), 1},
		"a comment on a pull request":    {"issue_comment", comment(issue("x", person, `,"pull_request":{}`), person, "me too"), 0},
		"a comment by a bot":             {"issue_comment", comment(issue("x", person, ""), bot, "me too"), 0},
		"a comment on an issue of ours":  {"issue_comment", comment(issue(marker, person, ""), person, "me too"), 0},
		"a comment on a bot's issue":     {"issue_comment", comment(issue("x", bot, ""), person, "me too"), 0},
		"our comment":                    {"issue_comment", comment(issue("x", person, ""), person, marker+"A bug."), 0},
		"an empty comment":               {"issue_comment", comment(issue("x", person, ""), person, ""), 0},
		"discussions are not asked for":  {"discussion", strings.Replace(strings.Replace(opened, `"issue"`, `"discussion"`, 1), "opened", "created", 1), 0},
		"an issue event without a issue": {"issues", `{"action":"opened","repository":{"full_name":"octo/hello"}}`, 0},
	} {
		s := source(t, `"secrets":["`+secretA+`"],"own_logins":["swarm-filer"]`)
		reply, err := s.HandleWebhook(t.Context(), deliver(secretA, c.kind, c.body).request())
		if err != nil || reply.Status != 200 || len(reply.Items) != c.items {
			t.Errorf("%s: %d %s, %d items, %v; want 200 and %d", name, reply.Status, reply.Body, len(reply.Items), err, c.items)
		}
	}
	s := source(t, `"secrets":["`+secretA+`"]`)
	for what, c := range map[string]struct {
		change func(*delivery, *sdk.WebhookRequest)
		want   int
	}{
		"no JSON": {func(d *delivery, r *sdk.WebhookRequest) { *r = deliver(secretA, "issues", "{").request() }, 400},
		"a list":  {func(d *delivery, r *sdk.WebhookRequest) { *r = deliver(secretA, "issues", "[]").request() }, 400},
		"a form": {func(d *delivery, r *sdk.WebhookRequest) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, 415},
		"compressed": {func(d *delivery, r *sdk.WebhookRequest) { r.Header.Set("Content-Encoding", "gzip") }, 415},
		"GET":        {func(d *delivery, r *sdk.WebhookRequest) { r.Method = "GET" }, 405},
	} {
		d := deliver(secretA, "issues", opened)
		r := d.request()
		c.change(d, &r)
		if reply, _ := s.HandleWebhook(t.Context(), r); reply.Status != c.want || len(reply.Items) != 0 {
			t.Errorf("%s: %d, want %d", what, reply.Status, c.want)
		}
	}
}

func TestLongTextIsShortened(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 60_000)
	body := strings.Replace(opened, "It crashes 💥 on “save”", long, 1)
	reply, _ := source(t, `"secrets":["`+secretA+`"]`).HandleWebhook(t.Context(), deliver(secretA, "issues", body).request())
	if len(reply.Items) != 1 || len(reply.Items[0].Content) > maxContent || !strings.HasSuffix(reply.Items[0].Content, "it is in GitHub]") || !strings.HasPrefix(reply.Items[0].Content, "éé") {
		t.Errorf("%d items", len(reply.Items))
	}
}

// FuzzGitHubEvent looks for more than one item, for an id that is not that of
// the event, for an address that is not GitHub's word, and for what takes long.
func FuzzGitHubEvent(f *testing.F) {
	for name, body := range recorded(f) {
		kind, _, _ := strings.Cut(name, ".")
		f.Add(kind, []byte(body))
	}
	f.Add("issues", []byte(opened))
	f.Add("issues", []byte(`{"issue":{"number":1e9}}`))
	s := hello(f, `,"discussions":true,"own_logins":["x"]`)
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		item, note, ok := s.read(kind, body)
		again, _, _ := s.read(kind, body)
		if d := cmp.Diff(item, again); d != "" {
			t.Errorf("not the same twice: %s", d)
		}
		if item == nil {
			if note == "" {
				t.Errorf("nothing is said about %s (%v)", kind, ok)
			}
			return
		}
		var where place
		if err := json.Unmarshal([]byte(item.ContextJSON), &where); err != nil || where.Number <= 0 ||
			item.ExternalID != fmt.Sprintf("%s/%d", where.Kind, where.Number) && item.ExternalID != fmt.Sprintf("%s/comments/%d", where.Kind, where.Comment) {
			t.Errorf("item %+v, place %+v, %v", item, where, err)
		}
		if strings.TrimSpace(item.Content) == "" || len(item.Content) > maxContent || len(item.Attachments) != 0 {
			t.Errorf("item %+v", item)
		}
		quick(t, body, func(b []byte) { s.read(kind, b) })
	})
}

// quick wants twice and four times the bytes to take not much more than twice
// and four times the time. Only fuzzing measures: a busy machine is no bug.
func quick(t *testing.T, body []byte, parse func([]byte)) {
	if flag.Lookup("test.fuzz").Value.String() == "" {
		return
	}
	took := func(n int) time.Duration {
		b := []byte(strings.Repeat(string(body), n))
		began := time.Now()
		parse(b)
		return time.Since(began)
	}
	one, four := took(1), took(4)
	if four > 50*time.Millisecond+time.Duration(4*len(body))*time.Microsecond && four > 12*one {
		t.Errorf("%d bytes took %s, four times as many %s", len(body), one, four)
	}
}
