package plugins_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/plugins"
)

// The plugins run in processes of their own: this test binary, started again
// with the arguments "plugin NAME" as the real one is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		if err := plugins.Serve(os.Args[2]); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func newHost(t *testing.T) *pluginhost.Host {
	t.Helper()
	h, err := pluginhost.Open(pluginhost.Config{
		Manifests: plugins.Manifests(),
		Command:   func(name string) *exec.Cmd { return exec.Command(os.Args[0], "plugin", name) },
		StateDir:  t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func set(t *testing.T, h *pluginhost.Host, plugin string, config any, dir string) {
	t.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Set(t.Context(), pluginhost.Instance{ID: plugin, Plugin: plugin, Config: b, DataDir: dir, Enabled: true}); err != nil {
		t.Fatal(err)
	}
}

// configs holds a configuration that each plugin accepts.
func configs() map[string]any {
	config := map[string]any{
		"webhook": map[string]any{"secrets": []string{secret}},
		"local":   map[string]any{},
		"github":  map[string]any{"token": "t0ken-t0ken", "owner": "o", "repo": "r"},
		"linear":  map[string]any{"token": "t0ken-t0ken", "team": "ENG"},
		"jira":    map[string]any{"base_url": "https://jira.test", "token": "t0ken-t0ken", "email": "a@x.test", "project": "APP"},
		"gitlab":  map[string]any{"token": "t0ken-t0ken", "project": "acme/web"},
		"gitea":   map[string]any{"base_url": "https://git.test", "token": "t0ken-t0ken", "owner": "o", "repo": "r"},

		"slack":         map[string]any{"bot_token": "xoxb-t0ken", "signing_secrets": []string{secret}, "base_url": nowhere},
		"discord":       map[string]any{"token": "t0ken-t0ken", "public_key": hex.EncodeToString(discordKey.Public().(ed25519.PublicKey)), "base_url": nowhere},
		"email":         map[string]any{"hook_token": "t0ken-t0ken-t0ken"},
		"kafka":         map[string]any{"brokers": []string{"127.0.0.1:1"}, "topics": []string{"feedback"}},
		"rss":           map[string]any{"feeds": []string{"https://127.0.0.1:1/feed"}},
		"github-issues": map[string]any{"secrets": []string{secret}, "owner": "o", "repo": "r"},
	}
	return config
}

func TestEveryPluginCanBeStarted(t *testing.T) {
	t.Parallel()
	h := newHost(t) // refuses manifests and schemas that make no sense
	config := configs()
	for _, m := range h.Manifests() {
		if config[m.Name] == nil {
			t.Errorf("plugin %s: this test has no configuration for it", m.Name)
			continue
		}
		set(t, h, m.Name, config[m.Name], t.TempDir())
		if m.Description == "" || !strings.HasSuffix(m.Description, ".") {
			t.Errorf("plugin %s: the description %q is no sentence", m.Name, m.Description)
		}
	}
	if err := plugins.Serve("none"); err == nil || !strings.Contains(err.Error(), "bundled are webhook, ") {
		t.Errorf("Serve(none) = %v", err)
	}
}

// nowhere is an address where nobody answers.
const nowhere = "http://127.0.0.1:1/api"

// discordKey signs as Discord does.
var discordKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

func TestWebhookSource(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	set(t, h, "webhook", map[string]any{"secrets": []string{secret}}, "")
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	send := func(id string, at time.Time, body string) pluginhost.WebhookReply {
		t.Helper()
		signature, err := signer.Sign(id, at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := h.HandleWebhook(t.Context(), "webhook", pluginhost.WebhookRequest{Method: "POST", Body: []byte(body),
			Header: http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {fmt.Sprint(at.Unix())}, "Webhook-Signature": {signature}}})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	for range 2 { // a replay has the same name, so that it is stored once
		reply := send("msg_1", time.Now(), `{"content":"It crashes","user_name":"ann"}`)
		if reply.Status != 200 || len(reply.Items) != 1 {
			t.Fatalf("reply %d %s", reply.Status, reply.Body)
		}
		if it := reply.Items[0]; it.ExternalID != "msg_1" || it.Content != "It crashes" || it.AuthorHandle != "ann" || time.Since(it.Created) > time.Minute {
			t.Errorf("item %+v", it)
		}
	}
	if reply := send("msg_2", time.Now().Add(-6*time.Minute), `{"content":"x"}`); reply.Status != 401 || len(reply.Body)+len(reply.Items) > 0 {
		t.Errorf("six minutes old: %+v, want a bare 401", reply)
	}
	if reply := send("msg_3", time.Now(), `{}`); reply.Status != 400 || reply.Header.Get("Content-Type") != "application/json" {
		t.Errorf("no content: %+v, want 400 and JSON", reply)
	}
}

func TestLocalTracker(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	dir := t.TempDir()
	set(t, h, "local", map[string]any{"folder": "issues"}, dir)
	for i, key := range []string{"k1", "k2", "k1"} {
		reply := h.Create(t.Context(), "local", pluginhost.CreateRequest{Key: key, Title: "Crash", Body: "It crashes."})
		if want := int64(1 + i%2); reply.Outcome != pluginhost.Created || reply.Number != want {
			t.Errorf("Create(%s) = %+v, want number %d", key, reply, want)
		}
		b, err := os.ReadFile(strings.TrimPrefix(reply.URL, "file://"))
		if err != nil || !strings.Contains(string(b), "---\n"+pluginhost.Marker(key)+"\n\nIt crashes.\n") {
			t.Errorf("file %s: %q, %v", reply.URL, b, err)
		}
	}
	found, err := h.Find(t.Context(), "local", pluginhost.FindRequest{Since: time.Now().Add(-time.Minute)})
	if err != nil || len(found) != 2 {
		t.Errorf("Find = %+v, %v; want two", found, err)
	}
	if got := h.Health(t.Context(), "local"); !got.OK {
		t.Errorf("Health = %+v", got)
	}
}

func TestGitHubTracker(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer ghp_0123456789":
			w.WriteHeader(401)
		case r.Method == "POST" && posts.Add(1) == 1:
			w.WriteHeader(502) // the issue has been made all the same
		case r.Method == "POST":
			w.WriteHeader(201)
			io.WriteString(w, `{"number":8,"node_id":"I_8","html_url":"https://github.test/o/r/issues/8"}`)
		case r.URL.Path == "/user":
			io.WriteString(w, `{"login":"bot"}`)
		case r.URL.Path == "/repos/o/r/issues":
			fmt.Fprintf(w, `[{"number":7,"body":%q,"user":{"login":"bot"},"state":"open","created_at":%q}]`,
				pluginhost.Marker("k1")+"\n", time.Now().UTC().Format(time.RFC3339))
		default:
			io.WriteString(w, `{"has_issues":true}`)
		}
	}))
	t.Cleanup(server.Close)
	h := newHost(t)
	set(t, h, "github", map[string]any{"token": "ghp_0123456789", "owner": "o", "repo": "r", "base_url": server.URL}, "")
	began := time.Now()
	if got := h.Health(t.Context(), "github"); !got.OK {
		t.Errorf("Health = %+v", got)
	}
	if got := h.Create(t.Context(), "github", pluginhost.CreateRequest{Key: "k1", Title: "t"}); got.Outcome != pluginhost.Unknown || got.HTTPStatus != 502 {
		t.Errorf("Create = %+v, want unknown and 502", got)
	}
	found, err := h.Find(t.Context(), "github", pluginhost.FindRequest{Key: "k1", Since: began})
	if err != nil || len(found) != 1 || found[0].Number != 7 {
		t.Errorf("Find = %+v, %v; want number 7", found, err)
	}
	if got := h.Create(t.Context(), "github", pluginhost.CreateRequest{Key: "k2", Title: "t"}); got.Outcome != pluginhost.Created || got.Number != 8 {
		t.Errorf("Create = %+v, want created and 8", got)
	}
	if n := posts.Load(); n != 2 {
		t.Errorf("%d POSTs for two creates", n)
	}
}
