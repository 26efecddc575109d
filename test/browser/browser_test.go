// Package browser_test opens the web app in a real Chromium on the real server.
package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// page is a tab that records what a user must never see: script errors,
// refusals of the content policy, requests to other hosts.
type page struct {
	*rod.Page
	t      *testing.T
	server *servertest.Server
	faults *faults
}

func start(t *testing.T) *servertest.Server {
	t.Helper()
	return servertest.Start(t, func(o *command.Options) { o.Public = os.DirFS("../..") })
}

func chromium(t *testing.T) *rod.Browser {
	t.Helper()
	bin, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium is not installed (Debian: apt-get install chromium)")
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	l := launcher.New().Bin(bin).Leakless(false).Headless(true).NoSandbox(true).
		Set("disable-gpu").Set("disable-quic").Set("no-first-run").Set("disable-background-networking").
		Set("disable-component-update").Set("disable-sync").Set("disable-dev-shm-usage").UserDataDir(profile)
	url, err := l.Launch()
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	b := rod.New().ControlURL(url).MustConnect()
	t.Cleanup(func() {
		_ = b.Close()
		l.Kill()
		l.Cleanup() // waits for the end, then removes the profile
	})
	return b
}

// missing skips a test for want of a tool, or fails where all tools must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("ITERATESWARM_TEST_REQUIRE") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func open(t *testing.T, b *rod.Browser, s *servertest.Server, path string) *page {
	t.Helper()
	p := &page{Page: b.MustPage().Timeout(4 * time.Minute), t: t, server: s, faults: &faults{host: s.URL}}
	p.faults.watch(p.Page)
	p.MustSetViewport(1440, 900, 1, false)
	p.visit(path)
	return p
}

// patience is how long a test waits for one thing; a slow machine needs it.
const patience = 40 * time.Second

// visit opens a path and waits until the page shows it.
func (p *page) visit(path string) {
	p.t.Helper()
	if err := p.Timeout(patience).Navigate(p.server.URL + path); err != nil {
		p.t.Fatalf("open %s: %v", path, err)
	}
	p.settle()
}

// settle waits until the screen is there and has read what it shows.
func (p *page) settle() {
	p.t.Helper()
	p.until("the screen", `() => document.readyState === 'complete' && document.querySelector('main h1, main h2') !== null && document.querySelector('main [aria-busy=true]') === null`)
}

// until waits until a script says true.
func (p *page) until(what, js string, args ...any) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		// an error is a page that is being replaced
		if got, err := p.Timeout(patience).Eval(js, args...); err == nil && got.Value.Bool() {
			return
		}
	}
	text, _ := p.Timeout(patience).Eval(`() => location.pathname + location.search + ', focus on ' + document.activeElement?.cloneNode(false).outerHTML + ', open: ' +
		[...document.querySelectorAll('dialog[open], [popover]')].map(e => e.innerText).join(' ') + '\n' + document.body.innerText`)
	if text == nil {
		p.t.Fatalf("waited in vain for %s; the page does not answer", what)
	}
	p.t.Fatalf("waited in vain for %s:\n%s", what, text.Value.Str())
}

// click clicks the first element of a kind that shows a text, once it is there.
func (p *page) click(tag, label string) {
	p.t.Helper()
	p.until(tag+" "+label, `(tag, label) => {
		const all = [...document.querySelectorAll(tag)].filter(e => e.innerText.includes(label) || e.getAttribute('aria-label') === label);
		const e = all.find(e => e.checkVisibility() && !e.disabled);
		if (!e) return false;
		e.click();
		return true;
	}`, tag, label)
}

// press types keys one after the other, as a person does.
func (p *page) press(keys ...input.Key) {
	p.t.Helper()
	for _, k := range keys {
		if err := p.Timeout(patience).Keyboard.Type(k); err != nil {
			p.t.Fatalf("press %v: %v", k, err)
		}
	}
}

// see waits until the page shows a text.
func (p *page) see(what string) {
	p.t.Helper()
	p.until(fmt.Sprintf("the text %q", what), `what => document.body.innerText.includes(what)`, what)
}

// has reports whether an element is there now.
func (p *page) has(selector string) bool {
	p.t.Helper()
	return p.Timeout(patience).MustEval(`s => document.querySelector(s) !== null`, selector).Bool()
}

// A newcomer makes the first admin, reads the inbox, approves, takes it back
// and approves again, and finds the issue filed.
func TestFromSetupCodeToFiledIssue(t *testing.T) {
	s, b := start(t), chromium(t)
	id := s.Post("App crashes when I click the login button", "user_name", "maya")
	p := open(t, b, s, "/")
	p.see("Make the first admin")
	code, err := s.API.SetupCode(s.App)
	if err != nil || code == "" {
		t.Fatalf("setup code %q, %v", code, err)
	}
	p.MustElement("input[name=code]").MustInput("WRONG-CODE")
	p.MustElement("input[name=email]").MustInput("maya@example.com")
	p.MustElement("input[name=password]").MustInput("correct horse")
	p.click("button", "Make the admin")
	p.see("This is not the setup code")
	p.MustElement("input[name=code]").MustSelectAllText().MustInput(code)
	p.click("button", "Make the admin")
	p.see("Load 25 demo items")
	p.click("main a", "Go to the inbox")
	p.click("[role=option]", "login button")
	p.see("maya on discord")
	p.until("marked evidence", `() => document.querySelector('mark') !== null`)
	if got := p.MustElement("mark").MustText(); !strings.Contains("App crashes when I click the login button", got) || got == "" {
		t.Errorf("marked evidence = %q, want words of the message", got)
	}
	p.click("button", "Approve")
	issue := s.Record(records.Feedback, id).GetString("issue")
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	p.visit("/items/" + issue)
	p.see("Filed as")
	p.faults.none(t)
}

// Two people decide on one issue: the second is told, and nothing is filed twice.
func TestTheSecondOfTwoDecisionsIsTold(t *testing.T) {
	s, b := start(t), chromium(t)
	id := s.Post("The export to CSV fails with an error on every report")
	p := signedIn(t, b, s, "approver", "/")
	_ = proto.NetworkSetBlockedURLs{Urls: []string{"*/api/realtime"}}.Call(p) // this page is not told of changes
	p.visit("/items/" + s.Record(records.Feedback, id).GetString("issue"))
	s.Do("POST", "/api/issues/"+s.Record(records.Feedback, id).GetString("issue")+"/decline", map[string]any{}, "Authorization", s.User("approver"))
	p.click("button", "Approve")
	p.see("The issue has changed")
	p.faults.none(t)
}

// What strangers write is shown as text: no script runs, no element appears.
func TestTextFromStrangersStaysText(t *testing.T) {
	s, b := start(t), chromium(t)
	attack := `The save button <b>does nothing</b> <img src=x onerror="window.hacked=1"><script>window.hacked=1</script> <svg/onload=window.hacked=1>`
	id := s.Post(attack, "user_name", `<img src=x onerror="window.hacked=1">`, "title", `<script>window.hacked=1</script> broken`)
	p := signedIn(t, b, s, "viewer", "/items/"+s.Record(records.Feedback, id).GetString("issue"))
	p.see(`<b>does nothing</b>`)
	if p.MustEval(`() => window.hacked === 1`).Bool() {
		t.Error("a script from a message ran")
	}
	if n := len(p.MustElements("main img, main script, main svg:not(.icon, .shape, .spark, .logo)")); n != 0 {
		t.Errorf("%d elements came out of a message, want 0", n)
	}
	p.faults.none(t)
}

// Every screen, light and dark, narrow and wide: no serious finding of axe.
func TestEveryScreenIsAccessible(t *testing.T) {
	s, b := start(t), chromium(t)
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "axe-core is not installed; run npm ci in test/browser")
	}
	id := s.Post("App crashes when I click the login button", "user_name", "maya")
	s.Post("How do I change the colour of the sidebar?")
	issue := s.Record(records.Feedback, id).GetString("issue")
	screens := map[string]string{"inbox": "/inbox", "reading": "/inbox/" + issue, "item": "/items/" + issue, "questions": "/inbox?tab=questions",
		"empty": "/inbox?tab=held", "issues": "/issues", "insights": "/insights", "live": "/live", "sources": "/sources", "trackers": "/trackers", "settings": "/settings"}
	p := signedIn(t, b, s, "approver", "/")
	guest := open(t, b.MustIncognito(), s, "/")
	guest.audit("login", "/", string(axe))
	for name, path := range screens {
		p.audit(name, path, string(axe))
	}
}

// audit opens a screen in both colour schemes, at two widths, and asks axe.
func (p *page) audit(name, path, axe string) {
	p.t.Helper()
	// axe is put in by the debugger, which the page's policy allows no script to do
	_ = proto.PageSetBypassCSP{Enabled: true}.Call(p)
	p.visit(path)
	p.Timeout(patience).MustEval(`src => { (0, eval)(src) }`, axe)
	for _, width := range []int{375, 1440} {
		p.MustSetViewport(width, 900, 1, false)
		for _, scheme := range []string{"light", "dark"} {
			_ = proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // a colour on its way has another contrast
			}}.Call(p)
			p.settle()
			found := p.Timeout(patience).MustEval(`async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
				.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')).join('; ')`).Str()
			if found != "" {
				p.t.Errorf("%s, %s, %d px: %s", name, scheme, width, found)
			}
			if over := p.MustEval(`() => document.documentElement.scrollWidth - document.documentElement.clientWidth`).Int(); over > 0 {
				p.t.Errorf("%s, %s, %d px: the page is %d px too wide", name, scheme, width, over)
			}
			p.shoot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
}

// shoot keeps a picture of the page where ITERATESWARM_TEST_SCREENSHOTS says.
func (p *page) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("ITERATESWARM_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), p.Timeout(patience).MustScreenshot(), 0o644); err != nil {
		p.t.Error(err)
	}
}

// signedIn opens a path as a new user with a role, in a browser profile of its own.
func signedIn(t *testing.T, b *rod.Browser, s *servertest.Server, role, path string) *page {
	t.Helper()
	s.Superuser()
	return withToken(t, b.MustIncognito(), s, s.User(role), path)
}

// withToken opens a path as whom a token belongs to; tabs of one profile share it.
func withToken(t *testing.T, b *rod.Browser, s *servertest.Server, token, path string) *page {
	t.Helper()
	p := open(t, b, s, "/login")
	p.MustEval(`token => localStorage.setItem('iterateswarm_auth', JSON.stringify({ token, record: null }))`, token)
	p.visit(path)
	return p
}
