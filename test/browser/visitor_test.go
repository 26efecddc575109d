package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// visitors starts a page of somebody else's with the widget on it.
func visitors(t *testing.T, s *servertest.Server) (site *httptest.Server, key string) {
	t.Helper()
	site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		// The strict policy of a careful site: the widget needs its script and one address.
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %s; connect-src %s; img-src 'self'", s.URL, s.URL))
		fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Shop</title></head><body><main><h1>Shop</h1><p>Welcome.</p></main>
			<script src="%s/widget.js" data-key="%s" defer></script></body></html>`, s.URL, key)
	}))
	t.Cleanup(site.Close)
	a := s.Do("POST", "/api/collections/keys/records", map[string]any{"project": s.Project(), "name": "Shop", "public": true, "origins": []string{site.URL}},
		"Authorization", s.User("admin"))
	if a.Status != 200 {
		t.Fatalf("make key: %d %s", a.Status, a.Body)
	}
	key = a.Map(t)["public_key"].(string)
	return site, key
}

// The widget on another site, by keyboard alone: open, write, send, read the
// reference, follow it.
func TestTheWidgetOnAnotherSite(t *testing.T) {
	s, b := start(t), chromium(t)
	site, _ := visitors(t, s)
	p := &page{Page: b.MustPage().Timeout(2 * time.Minute), t: t, server: s, faults: &faults{host: "http://127.0.0.1"}}
	p.faults.watch(p.Page)
	p.MustNavigate(site.URL).MustWaitLoad()
	p.MustWait(`() => Boolean(document.querySelector('iterateswarm-feedback')?.shadowRoot)`)
	in := func(script string) *rod.Element {
		t.Helper()
		return p.MustElementByJS(`() => document.querySelector('iterateswarm-feedback').shadowRoot.` + script)
	}
	p.KeyActions().Press(input.Tab).MustDo()
	if label := p.MustEval(`() => document.activeElement.shadowRoot.activeElement.textContent`).Str(); label != "Feedback" {
		t.Fatalf("the first Tab goes to %q", label)
	}
	p.KeyActions().Press(input.Enter).MustDo()
	p.MustWait(`() => document.activeElement.shadowRoot.activeElement?.id === 'content'`)
	for _, width := range []int{320, 1440} {
		p.MustSetViewport(width, 800, 1, false)
		if over := p.MustEval(`() => document.documentElement.scrollWidth - document.documentElement.clientWidth`).Int(); over > 0 {
			t.Errorf("%d px: the page is %d px too wide", width, over)
		}
		p.shoot(fmt.Sprintf("widget-%d", width))
	}
	// The trap: who cannot see the page must not fall into it.
	if hidden := p.MustEval(`() => { const t = document.querySelector('iterateswarm-feedback').shadowRoot.querySelector('#website'); return t.tabIndex === -1 && t.closest('[aria-hidden=true]') !== null }`).Bool(); !hidden {
		t.Error("the trap can be reached")
	}
	if axe, err := os.ReadFile("node_modules/axe-core/axe.min.js"); err == nil {
		p.auditHere("widget", string(axe))
	} else {
		missing(t, "axe-core is not installed; run npm ci in test/browser")
	}
	in(`querySelector('#content')`).MustInput("The basket forgets what I put in <img src=x onerror=alert(1)>")
	in(`querySelector('#email')`).MustInput("maya@example.com")
	p.KeyActions().Press(input.Enter).MustDo()
	p.MustWait(`() => document.querySelector('iterateswarm-feedback').shadowRoot.querySelector('code')?.textContent.length > 5`)
	id := in(`querySelector('code')`).MustText()
	r := s.Record(records.Feedback, id)
	if r.GetString("source") != "widget" || !strings.HasPrefix(r.GetString("content"), "The basket forgets") || !strings.Contains(r.GetString("context"), site.URL) {
		t.Errorf("stored %v", r.PublicExport())
	}
	status := in(`querySelector('a')`).MustProperty("href").Str()
	p.MustNavigate(status).MustWaitLoad()
	p.see("The basket forgets what I put in <img src=x onerror=alert(1)>")
	if cookies := p.MustCookies(site.URL, s.URL); len(cookies) != 0 {
		t.Errorf("cookies: %v", cookies)
	}
	p.faults.none(t)
}

// The form and the status page, light and dark, narrow and wide.
func TestPagesForVisitorsAreAccessible(t *testing.T) {
	s, b := start(t), chromium(t)
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "axe-core is not installed; run npm ci in test/browser")
	}
	_, key := visitors(t, s)
	a := s.Do("POST", "/api/feedback?key="+key, map[string]any{"content": "The basket forgets what I put in"}, "Origin", s.URL)
	if a.Status != 200 {
		t.Fatalf("send: %d %s", a.Status, a.Body)
	}
	p := open(t, b, s, "/feedback?key="+key)
	p.audit("form", "/feedback?key="+key, string(axe))
	p.audit("status", a.Map(t)["StatusPath"].(string), string(axe))
	p.visit("/feedback?key=" + key)
	p.MustEval(`() => { document.querySelector('textarea').value = 'Sent by hand' }`)
	p.MustElement("button[type=submit]").MustClick()
	p.MustWait(`() => location.pathname.startsWith('/status/')`)
	p.see("Sent by hand")
	p.faults.none(t)
}

// auditHere asks axe about the page as it stands.
func (p *page) auditHere(name, axe string) {
	p.t.Helper()
	p.MustEval(`src => { (0, eval)(src) }`, axe)
	found := p.MustEval(`async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
		.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')).join('; ')`).Str()
	if found != "" {
		p.t.Errorf("%s: %s", name, found)
	}
}
