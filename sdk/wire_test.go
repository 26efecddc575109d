package sdk

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"reflect"
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

// common is what the two plugins of this test share: it remembers what it was
// given and answers what it was told to.
type common struct {
	manifest    Manifest
	given       any
	diagnostics []Diagnostic
	health      Health
}

func (p *common) Manifest() Manifest { return p.manifest }
func (p *common) Configure(_ context.Context, c Config) []Diagnostic {
	p.given = c
	return p.diagnostics
}
func (p *common) Check(context.Context) Health { return p.health }

// fullSource serves every call of a source.
type fullSource struct {
	common
	reply    WebhookReply
	answered ReplyReply
	batches  []Batch
}

func (p *fullSource) HandleWebhook(_ context.Context, r WebhookRequest) (WebhookReply, error) {
	p.given = r
	return p.reply, nil
}
func (p *fullSource) Reply(_ context.Context, r ReplyRequest) ReplyReply {
	p.given = r
	return p.answered
}
func (p *fullSource) Annotate(_ context.Context, r AnnotateRequest) ReplyReply {
	p.given = r
	return p.answered
}
func (p *fullSource) Run(ctx context.Context, cursor string, store Store) error {
	p.given = cursor
	for _, b := range p.batches {
		if err := store(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// fullTracker serves every call of a tracker.
type fullTracker struct {
	common
	created CreateReply
	updated UpdateReply
	found   []Found
	options Options
	changes []Change
	change  ChangeReply
}

func (p *fullTracker) Create(_ context.Context, r CreateRequest) CreateReply {
	p.given = r
	return p.created
}
func (p *fullTracker) Find(_ context.Context, r FindRequest) ([]Found, error) {
	p.given = r
	return p.found, nil
}
func (p *fullTracker) Update(_ context.Context, r UpdateRequest) UpdateReply {
	p.given = r
	return p.updated
}
func (p *fullTracker) Comment(_ context.Context, r CommentRequest) UpdateReply {
	p.given = r
	return p.updated
}
func (p *fullTracker) Search(_ context.Context, query string, limit int) ([]Found, error) {
	p.given = [2]any{query, limit}
	return p.found, nil
}
func (p *fullTracker) Options(context.Context) (Options, error) { return p.options, nil }
func (p *fullTracker) Changes(_ context.Context, cursor string, since time.Time) ([]Change, string, error) {
	p.given = [2]any{cursor, since}
	return p.changes, "next", nil
}
func (p *fullTracker) HandleChange(_ context.Context, r WebhookRequest) (ChangeReply, error) {
	p.given = r
	return p.change, nil
}
func (p *fullTracker) Propose(_ context.Context, r ProposeRequest) CreateReply {
	p.given = r
	return p.created
}

// full returns a T in which every field is set, so that none can be forgotten on
// the way.
func full[T any]() T {
	var v T
	n := 0
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(1_767_323_045_678 + int64(*n)).UTC()))
		return
	case time.Duration:
		v.SetInt(int64(time.Duration(*n) * time.Millisecond))
		return
	case Outcome:
		v.SetString(string(NotCreated))
		return
	case ReplyKind:
		v.SetString(string(Declined))
		return
	case http.Header:
		v.Set(reflect.ValueOf(http.Header{"X-A": {"1", "2"}, "X-B": {""}}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 1000)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(0xff - *n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic(v.Type().String())
	}
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

func TestFullLeavesNoFieldOut(t *testing.T) {
	t.Parallel()
	if d := cmp.Diff(Attachment{"text 2", "text 3", 4, "text 5"}, full[Attachment]()); d != "" {
		t.Error(d)
	}
}

func TestEverySourceCallArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	p := &fullSource{reply: full[WebhookReply](), answered: full[ReplyReply](), batches: full[[]Batch]()}
	p.manifest, p.health = full[Manifest](), full[Health]()
	p.manifest.Kind, p.diagnostics = KindSource, []Diagnostic{{Error, "f", "s", "d"}, {Warning, "", "s2", ""}}
	c, ctx := connect(t, &wire{plugin: p}), t.Context()

	manifest, err := c.Describe(ctx)
	must(t, err)
	want := p.manifest
	want.Capabilities = []string{CanReceive, CanRun, CanReply, CanAnnotate}
	same(t, "Describe", want, manifest)
	config := full[Config]()
	config.JSON = []byte(`{"a":1}`)
	diagnostics, err := c.Configure(ctx, config)
	must(t, err)
	same(t, "Configure", p.diagnostics, diagnostics)
	same(t, "Config", any(config), p.given)
	health, err := c.Check(ctx)
	must(t, err)
	same(t, "Check", p.health, health)
	must(t, c.Alive(ctx))

	request := full[WebhookRequest]()
	reply, err := c.HandleWebhook(ctx, request)
	must(t, err)
	same(t, "HandleWebhook", p.reply, reply)
	same(t, "WebhookRequest", any(request), p.given)
	answer := full[ReplyRequest]()
	answered, err := c.Reply(ctx, answer)
	must(t, err)
	same(t, "Reply", p.answered, answered)
	same(t, "ReplyRequest", any(answer), p.given)
	annotate := full[AnnotateRequest]()
	answered, err = c.Annotate(ctx, annotate)
	must(t, err)
	same(t, "Annotate", p.answered, answered)
	same(t, "AnnotateRequest", any(annotate), p.given)

	var got []Batch
	must(t, c.Run(ctx, "cursor", func(_ context.Context, b Batch) error {
		got = append(got, b)
		return nil
	}))
	same(t, "Run", p.batches, got)
	same(t, "cursor", any("cursor"), p.given)
}

func TestEveryTrackerCallArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	p := &fullTracker{
		created: full[CreateReply](), updated: full[UpdateReply](), found: full[[]Found](),
		options: full[Options](), changes: full[[]Change](), change: full[ChangeReply](),
	}
	p.manifest.Kind = KindTracker
	c, ctx := connect(t, &wire{plugin: p}), t.Context()

	manifest, err := c.Describe(ctx)
	must(t, err)
	same(t, "capabilities", []string{CanReceive, CanUpdate, CanComment, CanSearch, CanOffer, CanWatch, CanPropose}, manifest.Capabilities)
	create := full[CreateRequest]()
	created, err := c.Create(ctx, create)
	must(t, err)
	same(t, "Create", p.created, created)
	same(t, "CreateRequest", any(create), p.given)
	find := full[FindRequest]()
	found, err := c.Find(ctx, find)
	must(t, err)
	same(t, "Find", p.found, found)
	same(t, "FindRequest", any(find), p.given)
	update := full[UpdateRequest]()
	updated, err := c.Update(ctx, update)
	must(t, err)
	same(t, "Update", p.updated, updated)
	same(t, "UpdateRequest", any(update), p.given)
	_, err = c.Update(ctx, UpdateRequest{})
	must(t, err)
	if r := p.given.(UpdateRequest); r.Title != nil || r.Body != nil || r.State != nil {
		t.Errorf("what was not set arrived as set: %+v", r)
	}
	comment := full[CommentRequest]()
	updated, err = c.Comment(ctx, comment)
	must(t, err)
	same(t, "Comment", p.updated, updated)
	same(t, "CommentRequest", any(comment), p.given)
	found, err = c.Search(ctx, "words", 7)
	must(t, err)
	same(t, "Search", p.found, found)
	same(t, "query", any([2]any{"words", 7}), p.given)
	options, err := c.Options(ctx)
	must(t, err)
	same(t, "Options", p.options, options)
	since := full[time.Time]()
	changes, cursor, err := c.Changes(ctx, "at", since)
	must(t, err)
	same(t, "Changes", p.changes, changes)
	same(t, "cursor and since", any([2]any{"at", since}), p.given)
	same(t, "next cursor", "next", cursor)
	request := full[WebhookRequest]()
	change, err := c.HandleChange(ctx, request)
	must(t, err)
	same(t, "HandleChange", p.change, change)
	same(t, "WebhookRequest", any(request), p.given)
	propose := full[ProposeRequest]()
	created, err = c.Propose(ctx, propose)
	must(t, err)
	same(t, "Propose", p.created, created)
	same(t, "ProposeRequest", any(propose), p.given)
}

func TestEveryKindAndOutcomeHasANumber(t *testing.T) {
	t.Parallel()
	p := &fullTracker{}
	p.manifest.Kind = KindTracker
	c := connect(t, &wire{plugin: p})
	for sent, want := range map[Outcome]Outcome{
		Unknown: Unknown, Created: Created, Rejected: Rejected, NotCreated: NotCreated, "": Unknown, "certainly": Unknown,
	} {
		p.created = CreateReply{Outcome: sent}
		if got, _ := c.Create(t.Context(), CreateRequest{}); got.Outcome != want {
			t.Errorf("outcome %q arrived as %s, want %s", sent, got.Outcome, want)
		}
	}
	s := &fullSource{}
	s.manifest.Kind = KindSource
	c = connect(t, &wire{plugin: s})
	for _, kind := range []ReplyKind{Acknowledge, Ask, Filed, Fixed, Declined, Text} {
		if _, err := c.Reply(t.Context(), ReplyRequest{Kind: kind}); err != nil || s.given.(ReplyRequest).Kind != kind {
			t.Errorf("kind %s arrived as %v, %v", kind, s.given, err)
		}
	}
}

// later is an error of a store that names a wait.
type later struct{}

func (later) Error() string             { return "the disk is full" }
func (later) RetryAfter() time.Duration { return time.Millisecond }

func TestABatchThatIsNotStoredComesAgain(t *testing.T) {
	t.Parallel()
	p := &fullSource{batches: []Batch{{Items: []Item{{ExternalID: "1"}}, Cursor: "a"}, {Cursor: "b"}}}
	p.manifest.Kind = KindSource
	c := connect(t, &wire{plugin: p})
	var got []string
	err := c.Run(t.Context(), "", func(_ context.Context, b Batch) error {
		if got = append(got, b.Cursor); len(got) < 3 {
			return later{}
		}
		return nil
	})
	must(t, err)
	same(t, "cursors", []string{"a", "a", "a", "b"}, got)
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := &fullSource{batches: []Batch{{Cursor: "a"}}}
	p.manifest.Kind = KindSource
	c := connect(t, &wire{plugin: p})
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Run(ctx, "", func(context.Context, Batch) error {
		cancel()
		return later{}
	})
	if err == nil {
		t.Error("no error although the stream was cut")
	}
	p.batches = []Batch{{Items: make([]Item, MaxBatch+1)}}
	if err := c.Run(t.Context(), "", func(context.Context, Batch) error { return nil }); err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("a batch that is too large: %v", err)
	}
}

func TestTextThatIsNotUTF8DoesNotLoseTheMessage(t *testing.T) {
	t.Parallel()
	p := &fullTracker{created: CreateReply{Outcome: Created, Number: 1, Message: "a\xffb"}}
	p.manifest.Kind = KindTracker
	c := connect(t, &wire{plugin: p})
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
	p := &common{manifest: Manifest{Kind: KindTracker}}
	if _, err := serverSet(p); err == nil {
		t.Error("a tracker that cannot file is served")
	}
	p.manifest.Kind = KindSource
	if _, err := serverSet(p); err == nil {
		t.Error("a source that brings nothing in is served")
	}
	tracker := &fullTracker{}
	for kind, ok := range map[Kind]bool{KindSource: false, KindTracker: true, "": false, "other": false} {
		tracker.manifest.Kind = kind
		if _, err := serverSet(tracker); (err == nil) != ok {
			t.Errorf("kind %q: %v", kind, err)
		}
	}
	tracker.manifest.Kind = KindTracker
	c := connect(t, &wire{plugin: tracker})
	if _, err := c.HandleWebhook(t.Context(), WebhookRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("HandleWebhook of a tracker: %v, want Unimplemented", err)
	}
	c = connect(t, &wire{plugin: p})
	for what, err := range map[string]error{
		"run":      c.Run(t.Context(), "", nil),
		"reply":    second(c.Reply(t.Context(), ReplyRequest{})),
		"annotate": second(c.Annotate(t.Context(), AnnotateRequest{})),
	} {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s of a source without it: %v, want Unimplemented", what, err)
		}
	}
}

// A stream that ends at once ends with its reason, however far the host was.
func TestAStreamThatIsNotServedSaysSo(t *testing.T) {
	t.Parallel()
	p := &common{manifest: Manifest{Kind: KindTracker}}
	c := connect(t, &wire{plugin: p})
	for range 300 {
		if err := c.Run(t.Context(), "", nil); status.Code(err) != codes.Unimplemented {
			t.Fatalf("Run: %v, want Unimplemented", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
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
