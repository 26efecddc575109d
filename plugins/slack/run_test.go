package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func marked(ts string) string {
	return event(`{"type":"reaction_added","user":"U024BE7LH","reaction":"bug","item":{"type":"message","channel":"` + channel + `","ts":"` + ts + `"}}`)
}

// A mark is noted on disk before Slack is answered, and fetched afterwards,
// after a crash too.
func TestMarkedMessages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := h.source(`,"emoji":"bug"`)
	h.say(root, root, "U1", "It crashes")
	h.say(root, "1700000002.000200", "U2", "me too")
	h.say("1700000003.000300", "1700000003.000300", me, "our own")
	down := true
	h.fail = func(method string, _ url.Values) (int, http.Header, string) {
		if method == "conversations.replies" && down {
			return 500, nil, ""
		}
		return 0, nil, ""
	}
	r := h.run(t, s, "")
	for _, ts := range []string{root, "1700000002.000200", root} {
		if reply, err := s.HandleWebhook(t.Context(), signedPost(secretA, now, marked(ts)).request()); err != nil || reply.Status != 200 || len(reply.Items) != 0 {
			t.Fatalf("mark: %+v, %v", reply, err)
		}
	}
	r.mu.Lock()
	cursor := r.cursor
	r.mu.Unlock()
	if strings.Count(cursor, `"ts"`) != 2 {
		t.Errorf("cursor %s, want two marks", cursor)
	}
	r.stop()
	h.mu.Lock()
	down = false
	h.mu.Unlock()
	r = h.run(t, h.source(`,"emoji":"bug"`), cursor)
	r.until("fetched messages", func() bool { return len(r.ids()) == 2 })
	if got := r.ids(); !slices.Equal(got, []string{channel + ":" + root, channel + ":1700000002.000200"}) {
		t.Errorf("stored %v", got)
	}
	r.mu.Lock()
	if it := r.items[1]; it.InReplyTo != channel+":"+root || it.AuthorHandle != "ann" || it.Content != "me too" {
		t.Errorf("item %+v", it)
	}
	if strings.Contains(r.cursor, "marks") {
		t.Errorf("cursor %s, want none left", r.cursor)
	}
	r.mu.Unlock()
	// Our own message, one that is not there, and a wait that Slack asks for.
	limits := 0
	h.mu.Lock()
	h.fail = func(method string, _ url.Values) (int, http.Header, string) {
		if limits++; method == "conversations.replies" && limits < 2 {
			return 429, http.Header{"Retry-After": {"1"}}, ""
		}
		return 0, nil, ""
	}
	h.mu.Unlock()
	d := r.again()
	for _, ts := range []string{"1700000003.000300", "1700000004.000400"} {
		if err := d.note(t.Context(), mark{Channel: channel, TS: ts}); err != nil {
			t.Fatal(err)
		}
	}
	r.until("an empty list", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return !strings.Contains(r.cursor, "marks") })
	if got := r.ids(); len(got) != 2 {
		t.Errorf("stored %v", got)
	}
}

// again starts another process with the run's cursor.
func (r *run) again() *desk {
	r.t.Helper()
	r.stop()
	r.done = make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	s := r.h.source(`,"emoji":"bug"`)
	go func() { r.done <- s.Run(ctx, r.cursor, r.keep) }()
	r.until("Run", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.desk != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.desk
}

// The one who used the shortcut is told when the message is stored, and nobody
// but Slack is asked.
func TestShortcutIsConfirmed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := h.source("")
	r := h.run(t, s, "")
	for _, address := range []string{"https://evil.test/x", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.test/x", "https://hooks.slack.com:444/x", "https://u@hooks.slack.com/x", "https://evil.test/hooks.slack.com", ""} {
		body := strings.Replace(shortcut, "https://hooks.slack.com/app-actions/T0MJR11A4/21974584944/yk1S9ndf35Q1flupVG5JbpM6", address, 1)
		if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, body).request()); reply.Status != 200 || len(reply.Items) != 1 {
			t.Errorf("%s: %+v", address, reply)
		}
	}
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, shortcut).request()); reply.Status != 200 || len(reply.Items) != 1 {
		t.Fatalf("shortcut: %+v", reply)
	}
	h.until(r, "confirmation", func() bool { return len(h.confirms) > 0 })
	if len(h.confirms) != 1 || !strings.HasPrefix(h.confirms[0], "hooks.slack.com {") || !strings.Contains(h.confirms[0], `"ephemeral"`) {
		t.Errorf("confirmed %v", h.confirms)
	}
	if !slices.Contains(r.ids(), "D0LFFBKLZ:1516229207.000133") {
		t.Errorf("confirmed before it was stored: %v", r.ids())
	}
}

// Whatever hangs, Slack is answered: nothing is asked and nothing waited for.
func TestAnswersWhileEverythingHangs(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := h.source(`,"emoji":"bug"`)
	r := h.run(t, s, "")
	h.until(r, "introduction", func() bool { return slices.Contains(h.asked, "auth.test") })
	hold := make(chan struct{})
	defer close(hold)
	r.mu.Lock()
	r.hold = hold
	r.mu.Unlock()
	h.mu.Lock() // Slack's API does not answer either
	for body, want := range map[string]int{said: 200, shortcut: 200, marked(root): 503, `{"type":"url_verification","challenge":"x"}`: 200} {
		reply, err := s.HandleWebhook(t.Context(), signedPost(secretA, now, body).request())
		if err != nil || reply.Status != want {
			t.Errorf("%.40s: %d, %v; want %d", body, reply.Status, err, want)
		}
	}
	h.mu.Unlock()
}

func TestSocketMode(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := h.source(`,"emoji":"bug","app_token":"xapp-1"`)
	h.say(root, root, "U1", "It crashes")
	r := h.run(t, s, "")
	connected := func(n int) func() bool { return func() bool { return len(h.conns) == n } }
	h.until(r, "connection", connected(1))
	h.until(r, "introduction", func() bool { return slices.Contains(h.asked, "auth.test") })
	r.until("workspace", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.workspace != "" })
	h.push("e1", "events_api", said)
	h.push("e2", "interactive", shortcut)
	h.push("e3", "events_api", marked(root))
	h.push("e4", "events_api", event(`{"type":"of_the_future","x":{}}`))
	h.push("e5", "events_api", `{"type":"event_callback","event":{"type":"message","user":"U2","channel":"C2","ts":7}}`)
	h.until(r, "acknowledgements", func() bool { return len(h.acks) == 5 })
	r.until("messages", func() bool {
		ids := r.ids()
		return slices.Contains(ids, "C2:1700000001.000200") && slices.Contains(ids, "D0LFFBKLZ:1516229207.000133") && slices.Contains(ids, channel+":"+root)
	})
	for _, it := range r.items {
		if it.ExternalID == "C2:1700000001.000200" && it.Permalink != "https://acme.slack.com/archives/C2/p1700000001000200" {
			t.Errorf("permalink %s", it.Permalink)
		}
	}
	// What is not stored is not acknowledged.
	hold := make(chan struct{})
	r.mu.Lock()
	r.hold = hold
	r.mu.Unlock()
	h.push("e6", "events_api", strings.Replace(said, "1700000001.000200", "1700000001.000300", 1))
	h.push("e7", "events_api", event(`{"type":"of_the_future"}`)) // goes past it
	h.until(r, "acknowledgement of the other", func() bool { return slices.Contains(h.acks, "e7") })
	h.mu.Lock()
	if slices.Contains(h.acks, "e6") {
		t.Error("acknowledged before it was stored")
	}
	h.mu.Unlock()
	close(hold)
	h.until(r, "acknowledgement", func() bool { return slices.Contains(h.acks, "e6") })
	// Slack asks to come again.
	h.push("", "disconnect", `{}`)
	h.until(r, "second connection", connected(2))
	h.push("e8", "events_api", strings.Replace(said, "1700000001.000200", "1700000001.000400", 1))
	r.until("message after it", func() bool { return slices.Contains(r.ids(), "C2:1700000001.000400") })
}

// What was written while nobody listened is read from the history of the chosen
// channels.
func TestGapIsFilled(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ts := func(ago time.Duration, n int) string { return fmt.Sprintf("%d.%06d", time.Now().Add(-ago).Unix(), n) }
	say := func(ago time.Duration, n int, user string) string {
		h.mu.Lock()
		defer h.mu.Unlock()
		m := map[string]any{"type": "message", "user": user, "text": fmt.Sprintf("written %s ago", ago), "ts": ts(ago, n)}
		if user == "" {
			m["bot_id"] = "B9"
		}
		h.history = append(h.history, m)
		return channel + ":" + m["ts"].(string)
	}
	say(3*time.Hour, 1, "U1")
	var want []string
	for n := range 5 {
		want = append(want, say(time.Hour, 10+n, "U1"))
	}
	say(time.Hour, 20, "")
	source := func() *Source {
		s := h.source(`,"channels":["` + channel + `"],"app_token":"xapp-1"`)
		s.now = time.Now
		return s
	}
	// The first start reads nothing.
	r := h.run(t, source(), "")
	heard := func() bool { r.mu.Lock(); defer r.mu.Unlock(); return strings.Contains(r.cursor, `"heard":"2`) }
	r.until("time", heard)
	if got := r.ids(); len(got) != 0 {
		t.Errorf("the first start took %v", got)
	}
	r.stop()
	r = h.run(t, source(), fmt.Sprintf(`{"heard":%q}`, time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339)))
	r.until("missed messages", func() bool { return len(r.ids()) >= len(want) })
	r.until("time", heard)
	got := r.ids()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	// Socket Mode goes away and comes back.
	h.until(r, "connection", func() bool { return len(h.conns) > 0 })
	h.mu.Lock()
	h.closed = true
	conns := len(h.conns)
	for _, c := range h.conns {
		_ = c.UnderlyingConn().Close()
	}
	h.mu.Unlock()
	r.until("deafness", func() bool {
		s := r.of
		s.mu.Lock()
		d := s.desk
		s.mu.Unlock()
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.deaf
	})
	missed := say(time.Second, 30, "U1")
	h.mu.Lock()
	h.closed = false
	h.mu.Unlock()
	h.until(r, "second connection", func() bool { return len(h.conns) > conns })
	r.until("message written meanwhile", func() bool { return slices.Contains(r.ids(), missed) })
}

func TestSocketModeThatIsRefused(t *testing.T) {
	t.Parallel()
	s := New()
	h := newHub(t)
	refusing := http.NewServeMux()
	refusing.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_auth"}`))
	})
	h.server.Handle("/refused/", refusing.ServeHTTP)
	config := `{"bot_token":"xoxb-1","app_token":"xapp-1","base_url":"` + h.server.GetAPIURL() + `refused"}`
	if wrong := s.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	err := s.Run(t.Context(), "", func(context.Context, sdk.Batch) error { return nil })
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "invalid_auth") || strings.Contains(err.Error(), "xapp-1") {
		t.Errorf("Run = %v", err)
	}
	if got := s.Check(t.Context()); got.OK || !strings.Contains(got.Detail, "invalid_auth") {
		t.Errorf("Check = %+v", got)
	}
}
