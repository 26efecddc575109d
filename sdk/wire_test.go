package sdk

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// both is a plugin of either kind that keeps what it is given and gives what it
// was told to.
type both struct {
	manifest Manifest
	given    any

	diagnostics []Diagnostic
	health      Health
	reply       WebhookReply
	created     CreateReply
	found       []Found
}

func (b *both) Manifest() Manifest { return b.manifest }
func (b *both) Configure(_ context.Context, c Config) []Diagnostic {
	b.given = c
	return b.diagnostics
}
func (b *both) Check(context.Context) Health { return b.health }
func (b *both) HandleWebhook(_ context.Context, r WebhookRequest) (WebhookReply, error) {
	b.given = r
	return b.reply, nil
}
func (b *both) Create(_ context.Context, r CreateRequest) CreateReply {
	b.given = r
	return b.created
}
func (b *both) Find(_ context.Context, r FindRequest) ([]Found, error) {
	b.given = r
	return b.found, nil
}

// connect serves the plugin over gRPC in memory.
func connect(t *testing.T, w *wire) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	if err := w.GRPCServer(nil, server); err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return NewClient(conn)
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-sent +received):\n%s", what, d)
	}
}

func TestEverythingArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_767_323_045_678).UTC()
	p := &both{
		manifest: Manifest{Name: "n", Kind: KindTracker, Version: "1.2.3", Description: "d", Icon: "<svg/>", ConfigSchema: "{}",
			Capabilities: []string{"a", "b"}, IdempotentCreate: true, MinCreateInterval: 1500 * time.Millisecond, Settle: time.Minute},
		diagnostics: []Diagnostic{{Error, "f", "s", "d"}, {Warning, "", "s2", ""}},
		health:      Health{OK: true, Detail: "fine"},
		reply: WebhookReply{Status: 202, Header: http.Header{"X-A": {"1", "2"}}, Body: []byte("\x00\xff"), Items: []Item{{
			ExternalID: "e", Title: "t", Content: "c\x00", Permalink: "p", AuthorID: "a", AuthorHandle: "h", ContextJSON: "{}",
			Attachments: []Attachment{{"n", "u", 7, "image/png"}, {}}, Created: at, InReplyTo: "r"}, {}}},
		created: CreateReply{Outcome: NotCreated, Number: 1 << 40, NodeID: "n", URL: "u", Message: "m", HTTPStatus: 429, RetryAfter: time.Minute},
		found:   []Found{{"k", 7, "n", "u", "closed", at}, {}},
	}
	c := connect(t, &wire{plugin: p, source: p, tracker: p})
	ctx := t.Context()

	manifest, err := c.Describe(ctx)
	same(t, "Describe", p.manifest, manifest)
	config := Config{JSON: []byte(`{"a":1}`), DataDir: "/x"}
	diagnostics, err2 := c.Configure(ctx, config)
	same(t, "Configure", p.diagnostics, diagnostics)
	same(t, "Config", any(config), p.given)
	health, err3 := c.Check(ctx)
	same(t, "Check", p.health, health)
	request := WebhookRequest{"POST", "a/b", "q=1", http.Header{"X-B": {"3", "4"}, "X-C": {""}}, []byte("\xff"), "192.0.2.1"}
	reply, err4 := c.HandleWebhook(ctx, request)
	same(t, "HandleWebhook", p.reply, reply)
	same(t, "WebhookRequest", any(request), p.given)
	create := CreateRequest{"k", "t", "b", []string{"l", "m"}, "r", "q"}
	created, err5 := c.Create(ctx, create)
	same(t, "Create", p.created, created)
	same(t, "CreateRequest", any(create), p.given)
	find := FindRequest{"k", at}
	found, err6 := c.Find(ctx, find)
	same(t, "Find", p.found, found)
	same(t, "FindRequest", any(find), p.given)
	for i, err := range []error{err, err2, err3, err4, err5, err6, c.Alive(ctx)} {
		if err != nil {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
	for _, o := range []Outcome{Unknown, Created, Rejected, NotCreated} {
		p.created = CreateReply{Outcome: o}
		if got, _ := c.Create(ctx, create); got.Outcome != o {
			t.Errorf("outcome %s arrived as %s", o, got.Outcome)
		}
	}
	for _, o := range []Outcome{"", "certainly"} {
		p.created = CreateReply{Outcome: o}
		if got, _ := c.Create(ctx, create); got.Outcome != Unknown {
			t.Errorf("outcome %q arrived as %s, want unknown", o, got.Outcome)
		}
	}
}

func TestTextThatIsNotUTF8DoesNotLoseTheMessage(t *testing.T) {
	t.Parallel()
	p := &both{created: CreateReply{Outcome: Created, Number: 1, Message: "a\xffb"}}
	c := connect(t, &wire{plugin: p, tracker: p})
	got, err := c.Create(t.Context(), CreateRequest{Title: "x\xff", Labels: []string{"\xff"}})
	if err != nil || got.Outcome != Created || got.Message != "a\uFFFDb" {
		t.Errorf("Create = %+v, %v", got, err)
	}
	if r := p.given.(CreateRequest); r.Title != "x\uFFFD" || r.Labels[0] != "\uFFFD" {
		t.Errorf("received %+v", r)
	}
}

func TestAPluginServesItsOwnKindOnly(t *testing.T) {
	t.Parallel()
	p := &both{}
	c := connect(t, &wire{plugin: p, tracker: p})
	if _, err := c.HandleWebhook(t.Context(), WebhookRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("HandleWebhook of a tracker: %v, want Unimplemented", err)
	}
	for kind, ok := range map[Kind]bool{KindSource: true, KindTracker: true, "": false, "other": false} {
		p.manifest.Kind = kind
		if _, err := serverSet(p); (err == nil) != ok {
			t.Errorf("kind %q: %v", kind, err)
		}
	}
}

func TestManifestCheck(t *testing.T) {
	t.Parallel()
	good := Manifest{Name: "my-tracker2", Kind: KindTracker, Version: "1", ConfigSchema: "{}"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*Manifest){
		"no name":           func(m *Manifest) { m.Name = "" },
		"path in the name":  func(m *Manifest) { m.Name = "../x" },
		"capital letter":    func(m *Manifest) { m.Name = "GitHub" },
		"no kind":           func(m *Manifest) { m.Kind = "" },
		"no version":        func(m *Manifest) { m.Version = "" },
		"no schema":         func(m *Manifest) { m.ConfigSchema = "" },
		"icon of 5 KiB":     func(m *Manifest) { m.Icon = string(make([]byte, 5<<10)) },
		"negative interval": func(m *Manifest) { m.MinCreateInterval = -1 },
	} {
		m := good
		change(&m)
		if m.Check() == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var v struct {
		Count int `json:"count"`
	}
	for config, want := range map[string]string{
		`{"count":7}`:            "",
		`{}`:                     "",
		`{"count":"x"}`:          "count: is a string, want a int",
		`{"token":"s3cret"}`:     "unknown field",
		`{`:                      "cannot be read",
		``:                       "cannot be read",
		`{"count":1}{"count":2}`: "text after its end",
	} {
		wrong := Config{JSON: []byte(config)}.Decode(&v)
		if len(wrong) == 0 && want == "" {
			continue
		}
		if len(wrong) != 1 || !strings.Contains(wrong[0].String(), want) || strings.Contains(wrong[0].String(), "s3cret") {
			t.Errorf("%s: %v, want %q", config, wrong, want)
		}
	}
}
