package browser_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"
	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/insights"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// A house with the demo in it, decisions taken, a spike and a source: what the
// screens beside the inbox show.
func lived(t *testing.T) *servertest.Server {
	t.Helper()
	s := start(t)
	admin := s.User("admin")
	if a := s.Do("POST", "/api/projects/"+s.Project()+"/demo", nil, "Authorization", admin); a.Status != 200 {
		t.Fatalf("demo: %d %s", a.Status, a.Body)
	}
	for i := range 6 {
		s.Post("The map tiles do not load on version 5.0.2 of the Android app", "user_id", fmt.Sprint("u", i), "user_name", fmt.Sprint("Reporter ", i))
	}
	s.Until("everything to be settled", func() bool { return s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0 })
	drafts, err := s.App.FindRecordsByFilter(records.Issues, "state = 'draft'", "created", 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range drafts {
		verb := []string{"approve", "decline"}[i%2]
		if a := s.Do("POST", "/api/issues/"+r.Id+"/"+verb, map[string]any{}, "Authorization", admin); a.Status != 200 {
			t.Fatalf("%s: %d %s", verb, a.Status, a.Body)
		}
	}
	s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "Support form", "slug": "support-form", "plugin": "webhook", "enabled": true,
		"config": map[string]any{"secrets": []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"}}})
	if err := insights.Watch(s.App, time.Now()); err != nil {
		t.Fatal(err)
	}
	return s
}

// mapIssue is the issue that the spike is about.
func mapIssue(t *testing.T, s *servertest.Server) string {
	t.Helper()
	r, err := s.App.FindFirstRecordByFilter(records.Feedback, "content ~ 'map tiles'")
	if err != nil {
		t.Fatal(err)
	}
	return r.GetString("issue")
}

// The screens beside the inbox work for those who use them: one server and one
// browser for all, since both take seconds to start.
func TestScreens(t *testing.T) {
	s, b := lived(t), chromium(t)
	tab := func(t *testing.T, role, path string) *page {
		p := signedIn(t, b.MustIncognito(), s, role, path)
		t.Cleanup(func() { p.MustClose() })
		return p
	}
	t.Run("insights", func(t *testing.T) { testInsights(t, tab(t, "triager", "/insights")) })
	t.Run("issues", func(t *testing.T) { testIssues(t, tab(t, "triager", "/issues")) })
	t.Run("live", func(t *testing.T) { testLive(t, tab(t, "viewer", "/live")) })
	t.Run("sources", func(t *testing.T) { testSources(t, tab(t, "admin", "/sources")) })
	t.Run("keys", func(t *testing.T) { testKeys(t, tab(t, "admin", "/settings/keys")) })
	t.Run("automation", func(t *testing.T) { testAutomation(t, tab(t, "admin", "/settings/automation")) })
	t.Run("invitation", func(t *testing.T) { testInvitation(t, b, tab(t, "admin", "/settings/team")) })
	t.Run("data", func(t *testing.T) { testData(t, tab(t, "admin", "/settings/data")) })
	t.Run("viewer", func(t *testing.T) { testViewer(t, tab(t, "viewer", "/issues")) })
	t.Run("axe", func(t *testing.T) { testAxe(t, s, tab(t, "admin", "/")) })
}

func testInsights(t *testing.T, p *page) {
	p.see("The map tiles do not load")
	p.see("In common: version 5.0.2")
	p.see("not measured yet") // there is no model, so nothing was paid
	if n := len(p.MustElements("figure canvas")); n == 0 {
		t.Error("no chart was drawn")
	}
	for _, f := range p.MustElements(`figure [role=img]`) {
		if label, err := f.Attribute("aria-label"); err != nil || label == nil || len(*label) < 10 {
			t.Errorf("a chart says nothing to those who do not see it: %v", label)
		}
	}
	p.click("figure button", "View as table")
	if got := p.MustElement("figure table").MustText(); !strings.Contains(got, "Question") {
		t.Errorf("the table of the first chart: %s", got)
	}
	p.click("button", "Acknowledge")
	p.see("Acknowledged")
	p.server.Until("the alert to be acknowledged", func() bool { return p.server.Count(records.Alerts, dbx.HashExp{"state": "acknowledged"}) == 1 })
	p.click("a", "30 days")
	p.see("0 in as many days before")
	p.faults.none(t)
}

func testIssues(t *testing.T, p *page) {
	p.see("The map tiles do not load")
	p.click("a[data-tab=declined]", "Declined")
	p.until("other issues", `() => !document.body.innerText.includes('map tiles')`)
	p.click("a[data-tab=all]", "All")
	p.MustElement("input[type=search]").MustInput("map tiles").MustType('\r')
	p.until("one issue", `() => document.querySelectorAll('.issue-table tbody tr').length === 1`)
	p.click("button", "Views")
	p.click("[role=menuitem]", "Save this view")
	p.MustElement("dialog input[name=name]").MustInput("Maps")
	p.click("dialog button", "Save")
	p.see("View saved")
	p.visit("/issues/" + mapIssue(t, p.server))
	p.see("Reporter 3 on discord")
	before := p.server.Count(records.Issues, nil)
	p.click(".report-line button", "Not this issue")
	p.see("Made an issue of its own")
	p.server.Until("the report to leave", func() bool { return p.server.Count(records.Issues, nil) == before+1 })
	p.click(".toast button", "Undo")
	p.server.Until("it to come back", func() bool {
		return p.server.Record(records.Issues, mapIssue(t, p.server)).GetInt("report_count") == 6
	})
	p.faults.none(t)
}

func testLive(t *testing.T, p *page) {
	p.MustElement("main h1").MustHover()
	p.until("the connection", `() => document.querySelector('.live .dot.live') !== null`)
	p.server.Post("A fresh report: the wiki does not save pages")
	p.see("wiki does not save")
	p.click("button.toggle", "Received")
	p.until("a feed without them", `() => document.querySelectorAll('.feed li.received').length === 0`)
	p.faults.none(t)
}

func testSources(t *testing.T, p *page) {
	p.see("Support form")
	p.see("/webhooks/support-form")
	p.see("Waiting for the first message")
	p.click("button", "Test message")
	p.see("A sample message came through")
	p.click("button", "Add a source")
	p.click("button.choice", "anything that can send a signed HTTP request") // others speak of webhooks too
	p.MustElement("input[name=name]").MustInput("Shop")
	secret := p.MustElement("textarea[name=secrets]").MustProperty("value").Str()
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("secret = %q", secret)
	}
	p.click("button", "Connect")
	p.see("Shop is connected")
	p.see("/webhooks/shop")
	p.click("button", "Done")
	p.see("Shop")
	if strings.Contains(p.MustElement("body").MustText(), secret) {
		t.Error("the secret is shown again")
	}
	r, err := p.server.App.FindFirstRecordByData(records.Sources, "slug", "shop")
	if err != nil || strings.Contains(r.GetString("config"), "whsec_") {
		t.Errorf("the stored source: %v, config %s", err, r.GetString("config"))
	}
	p.faults.none(t)
}

func testKeys(t *testing.T, p *page) {
	p.see("No key yet")
	p.click("button", "New key")
	p.MustElement("dialog input[name=name]").MustInput("Mobile app")
	p.click("dialog button", "Make the key")
	p.see("the only time the key is shown")
	key := p.MustElementR("dialog code", "^isk_").MustText()
	if a := p.server.Do("POST", "/api/feedback", map[string]any{"content": "It works with a key"}, "X-API-Key", key); a.Status != 200 {
		t.Errorf("the key does not work: %d %s", a.Status, a.Body)
	}
	p.click("dialog button", "Done")
	p.click("button", "Switch off")
	p.see("Off")
	p.server.Until("the key to be refused", func() bool {
		return p.server.Do("POST", "/api/feedback", map[string]any{"content": "no more"}, "X-API-Key", key).Status == 401
	})
	p.faults.none(t)
}

func testAutomation(t *testing.T, p *page) {
	p.see("Cautious")
	p.MustElement("input[value=full_control]").MustClick()
	p.click("form button", "Save")
	p.see("Saved")
	project := p.server.Record(records.Projects, p.server.Project())
	if got, err := records.SettingsOf(project); err != nil || got.Automation != records.FullControl {
		t.Errorf("automation = %q, %v", got.Automation, err)
	}
	p.faults.none(t)
}

func testInvitation(t *testing.T, b *rod.Browser, p *page) {
	p.click("button", "Invite")
	p.MustElement("dialog input[name=email]").MustInput("new@example.com")
	p.click("dialog button[type=submit]", "Invite")
	p.see("No mail server is set up")
	link := p.MustElementR("dialog code", "welcome#").MustText()
	guest := open(t, b.MustIncognito(), p.server, strings.TrimPrefix(link, p.server.URL))
	guest.see("Choose a password for new@example.com")
	guest.MustElement("input[name=password]").MustInput("correct horse battery")
	guest.click("button", "Set the password")
	guest.see("Inbox")
	guest.faults.none(t)
	guest.MustClose()
	p.faults.none(t)
}

func testData(t *testing.T, p *page) {
	p.click("button", "Verify now")
	p.see("none changed or removed")
	p.MustElement("input[type=search]").MustInput("Reporter 5")
	p.click("button", "Find")
	p.see("Reporter 5")
	p.click(".lines button.danger", "Erase")
	p.click("dialog button", "Erase for good")
	p.see("1 message was erased")
	p.server.Until("the reporter to be gone", func() bool { return p.server.Count(records.Reporters, dbx.HashExp{"handle": "Reporter 5"}) == 0 })
	p.click("dialog button", "Done")
	p.click("button", "Remove them, and what came of them")
	p.see("25 demo messages removed")
	p.click("button", "Load 25 demo items")
	p.see("25 demo messages came in")
	p.faults.none(t)
}

// A viewer sees no button that would fail.
func testViewer(t *testing.T, p *page) {
	p.visit("/issues/" + mapIssue(t, p.server))
	p.see("Reporter 3")
	for _, path := range []string{"", "/insights", "/sources", "/trackers", "/settings", "/settings/team", "/settings/learning", "/settings/keys"} {
		if path != "" {
			p.visit(path)
		}
		for _, button := range p.MustElements("main button") {
			for _, never := range []string{"Not this issue", "Unmerge", "Acknowledge", "Mute", "Create the issue", "Add a", "Invite", "New key", "Forget", "Learn anew", "Erase", "Tell"} {
				if strings.Contains(button.MustText(), never) {
					t.Errorf("%s: a viewer sees the button %q", path, button.MustText())
				}
			}
		}
	}
	p.faults.none(t)
}

func testAxe(t *testing.T, s *servertest.Server, p *page) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "axe-core is not installed; run npm ci in test/browser")
	}
	p.t = t
	screens := map[string]string{"issues": "/issues", "issue": "/issues/" + mapIssue(t, s), "insights": "/insights", "live": "/live", "sources": "/sources",
		"source-add": "/sources?add=webhook", "trackers": "/trackers", "tracker-add": "/trackers?add=1", "start": "/start"}
	for _, part := range []string{"project", "automation", "engines", "learning", "replies", "team", "keys", "data", "accessibility"} {
		screens["settings-"+part] = "/settings/" + part
	}
	for name, path := range screens {
		p.audit(name, path, string(axe))
	}
	_ = proto.EmulationSetEmulatedMedia{}.Call(p)
}
