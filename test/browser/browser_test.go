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

// visit opens a path and waits until the page shows it.
func (p *page) visit(path string) {
	p.t.Helper()
	p.MustNavigate(p.server.URL + path).MustWaitLoad()
	p.settle()
}

// settle waits until the page has stopped changing.
func (p *page) settle() {
	p.t.Helper()
	p.MustWait(`() => document.querySelector('main h1, main h2') !== null && document.querySelector('main [aria-busy=true]') === null`)
	p.MustWaitDOMStable()
}

func (p *page) click(tag, label string) {
	p.t.Helper()
	p.MustElementR(tag, label).MustClick()
	p.MustWaitDOMStable()
}

func (p *page) see(what string) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(p.MustElement("body").MustText(), what) {
			return
		}
	}
	p.t.Fatalf("the page does not show %q:\n%s", what, p.MustElement("body").MustText())
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
	p.see("Inbox")
	p.click("[role=option]", "login button")
	p.see("maya on discord")
	if got := p.MustElement("mark").MustText(); !strings.Contains("App crashes when I click the login button", got) || got == "" {
		t.Errorf("marked evidence = %q, want words of the message", got)
	}
	p.click("button", "Approve")
	issue := s.Record(records.Feedback, id).GetString("issue")
	s.Until("the issue to be filed", func() bool { return s.Record(records.Issues, issue).GetString("state") == "filed" })
	p.visit("/issues/" + issue)
	p.see("Filed as")
	p.faults.none(t)
}

// Two people decide on one issue: the second is told, and nothing is filed twice.
func TestTheSecondOfTwoDecisionsIsTold(t *testing.T) {
	s, b := start(t), chromium(t)
	id := s.Post("The export to CSV fails with an error on every report")
	p := signedIn(t, b, s, "approver", "/")
	_ = proto.NetworkSetBlockedURLs{Urls: []string{"*/api/realtime"}}.Call(p) // this page is not told of changes
	p.visit("/issues/" + s.Record(records.Feedback, id).GetString("issue"))
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
	p := signedIn(t, b, s, "viewer", "/issues/"+s.Record(records.Feedback, id).GetString("issue"))
	p.see(`<b>does nothing</b>`)
	if p.MustEval(`() => window.hacked === 1`).Bool() {
		t.Error("a script from a message ran")
	}
	if n := len(p.MustElements("main img, main script, main svg:not(.icon, .shape, .spark)")); n != 0 {
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
	for _, scheme := range []string{"light", "dark"} {
		guest.audit("login", "/", scheme, string(axe))
		for name, path := range screens {
			p.audit(name, path, scheme, string(axe))
		}
	}
}

// audit opens a screen in one colour scheme, at two widths, and asks axe.
func (p *page) audit(name, path, scheme, axe string) {
	p.t.Helper()
	// axe is put in by the debugger, which the page's policy allows no script to do
	_ = proto.PageSetBypassCSP{Enabled: true}.Call(p)
	_ = proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}.Call(p)
	p.visit(path)
	p.MustEval(`src => { (0, eval)(src) }`, axe)
	for _, width := range []int{375, 1440} {
		p.MustSetViewport(width, 900, 1, false)
		found := p.MustEval(`async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
			.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')).join('; ')`).Str()
		if found != "" {
			p.t.Errorf("%s, %s, %d px: %s", name, scheme, width, found)
		}
		if over := p.MustEval(`() => document.documentElement.scrollWidth - document.documentElement.clientWidth`).Int(); over > 0 {
			p.t.Errorf("%s, %s, %d px: the page is %d px too wide", name, scheme, width, over)
		}
		if dir := os.Getenv("ITERATESWARM_TEST_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, scheme, width)), p.MustScreenshot(), 0o644); err != nil {
				p.t.Error(err)
			}
		}
	}
}

// signedIn opens a path as a user with a role.
func signedIn(t *testing.T, b *rod.Browser, s *servertest.Server, role, path string) *page {
	t.Helper()
	s.Superuser()
	token := s.User(role)
	p := open(t, b, s, "/")
	p.MustEval(`token => localStorage.setItem('iterateswarm_auth', JSON.stringify({ token, record: null }))`, token)
	p.visit(path)
	return p
}
