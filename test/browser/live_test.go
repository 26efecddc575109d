package browser_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/go-rod/rod/lib/proto"
	"github.com/pocketbase/dbx"

	"net/http"
	"os"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// live waits until a page hears changes.
func (p *page) live() {
	p.t.Helper()
	p.until("live updates", `() => import('/realtime.js').then(m => m.connection.value === 'live')`)
}

// Two tabs share one connection; both hear of what happens, and nothing moves
// under the cursor. When the first tab is closed, the other one takes over.
func TestTwoTabsAndOneConnection(t *testing.T) {
	s, b := start(t), chromium(t)
	s.Post("The export to CSV fails with an error on every report")
	s.Superuser()
	browser, token := b.MustIncognito(), s.User("approver")
	one := withToken(t, browser, s, token, "/inbox")
	one.until("the item", `() => document.querySelector('.item.active') !== null`)
	one.live()
	two := withToken(t, browser, s, token, "/inbox")
	two.until("the item", `() => document.querySelector('.item.active') !== null`)
	two.live()

	s.Post("App crashes when I click the login button", "user_id", "u2")
	for _, p := range []*page{one, two} {
		p.until("the pill", `() => document.querySelector('.pill')?.innerText.includes('1 new') ?? false`)
		if n := len(p.MustElements(".item")); n != 1 {
			t.Errorf("%d items; a new one has moved in by itself", n)
		}
	}
	one.press('N')
	one.until("both items", `() => document.querySelectorAll('.item').length === 2`)

	issue := s.Record(records.Feedback, s.Post("The sync button does nothing", "user_id", "u3")).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+issue+"/decline", map[string]any{}, "Authorization", s.User("approver")); a.Status != 200 {
		t.Fatalf("decline: %s", a.Body)
	}
	first := one.MustEval(`() => document.querySelector('.item.active').id.slice(5)`).Str()
	if a := s.Do("POST", "/api/issues/"+first+"/decline", map[string]any{}, "Authorization", s.User("approver")); a.Status != 200 {
		t.Fatalf("decline: %s", a.Body)
	}
	one.until("the decision of somebody else, in its place", `id => document.querySelector('#item-' + id)?.innerText.includes('Declined') ?? false`, first)

	one.faults.mu.Lock()
	two.faults.mu.Lock()
	if one.faults.streams != 1 || two.faults.streams != 0 {
		t.Errorf("connections: %d and %d, want 1 and 0", one.faults.streams, two.faults.streams)
	}
	two.faults.mu.Unlock()
	one.faults.mu.Unlock()
	one.faults.none(t)
	one.MustClose()
	two.live()
	two.until("the second tab's own connection", `() => import('/realtime.js').then(m => m.leads())`)
	two.press('N')
	s.Post("Printing an invoice shows a blank page", "user_id", "u4")
	two.until("what came after", `() => document.querySelector('.pill') !== null || document.body.innerText.includes('invoice')`)
	two.faults.none(t)
}

// Two people approve the same draft: one is told, and it is filed once.
func TestTwoPeopleApproveAtOnce(t *testing.T) {
	s, b := start(t), chromium(t)
	issue := s.Record(records.Feedback, s.Post("The export to CSV fails with an error on every report")).GetString("issue")
	pages := []*page{}
	for range 2 {
		p := signedIn(t, b, s, "approver", "/inbox")
		_ = proto.NetworkSetBlockedURLs{Urls: []string{"*/api/realtime"}}.Call(p) // neither is told of the other
		p.visit("/items/" + issue)
		p.until("the button", `() => document.querySelector('[data-action=approve]') !== null`)
		pages = append(pages, p)
	}
	for _, p := range pages {
		p.press('1')
	}
	pages[0].see("Approved #1")
	pages[1].see("The issue has changed")
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	if n := s.Count(records.Deliveries, dbx.HashExp{"issue": issue}); n != 1 {
		t.Errorf("%d deliveries, want 1", n)
	}
}

// The server stops and starts again under an open page: the page says so, and
// shows what happened meanwhile without being loaded again.
func TestAPageOutlivesItsServer(t *testing.T) {
	b, dir := chromium(t), filepath.Join(t.TempDir(), "pb_data")
	var backend atomic.Pointer[url.URL]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := backend.Load()
		if to == nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.FlushInterval = -1
		proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(http.StatusBadGateway) }
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	serve := func(t *testing.T) *servertest.Server {
		s := servertest.StartIn(t, dir, func(o *command.Options) { o.Public = os.DirFS("../..") })
		to, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		backend.Store(to)
		t.Cleanup(func() { backend.Store(nil); front.CloseClientConnections() })
		s.URL = front.URL
		return s
	}
	var p *page
	t.Run("before", func(t *testing.T) {
		s := serve(t)
		s.Post("The export to CSV fails with an error on every report")
		p = signedIn(t, b, s, "approver", "/inbox")
		p.until("the item", `() => document.querySelector('.item.active') !== null`)
		p.live()
		p.MustEval(`() => { window.same = true }`)
	})
	p.until("that it is noticed", `() => import('/realtime.js').then(m => m.connection.value === 'reconnecting')`)
	t.Run("after", func(t *testing.T) {
		s := serve(t)
		p.t, p.server = t, s
		s.Post("App crashes when I click the login button", "user_id", "u2")
		p.live()
		p.until("what happened meanwhile", `() => document.body.innerText.includes('login button') || document.querySelector('.pill') !== null`)
		p.until("the same page as before", `() => window.same === true`)
		p.until("the first item still under the cursor", `() => document.querySelector('.item.active')?.innerText.includes('export') ?? false`)
	})
}
