package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"
)

var pictures = flag.String("browser.pictures", "", "a folder for the pictures of the documentation, such as ../../docs/screenshots")

// The pictures of docs/screenshots: go test ./test/browser -run TestPictures -browser.pictures ../../docs/screenshots
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("makes the documentation's pictures; run it with -browser.pictures FOLDER")
	}
	s, b := start(t), chromium(t)
	demo(t, s)
	p := signedIn(t, b, s, "admin", "/inbox")
	p.MustEval(`() => { const a = JSON.parse(localStorage.iterateswarm_auth); if (a.record) a.record.email = 'maya@example.com'; localStorage.iterateswarm_auth = JSON.stringify(a) }`)
	keep := func(name string) {
		t.Helper()
		p.until("a quiet page", `() => document.querySelector('[aria-busy=true], .toast') === null`)
		if err := os.WriteFile(filepath.Join(*pictures, name+".png"), p.Timeout(patience).MustScreenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	item := func() {
		t.Helper()
		p.until("the item", `() => document.querySelector('.inbox-detail .trace') !== null`)
	}
	p.visit("/inbox")
	item()
	keep("inbox")
	p.press('2')
	p.until("the candidates", `() => document.querySelector('dialog[open] input') !== null`)
	keep("duplicate")
	p.press(input.Escape)
	p.visit("/inbox")
	item()
	p.press('x', 'j', 'x', 'j', 'x')
	keep("selection")
	p.visit("/inbox?tab=held")
	p.visit("/inbox?tab=noise")
	item()
	keep("noise")
	_ = proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}.Call(p)
	p.visit("/inbox")
	item()
	keep("inbox-dark")
	p.MustSetViewport(375, 800, 1, false)
	p.visit("/inbox")
	p.until("the rows", `() => document.querySelector('.item') !== null`)
	keep("inbox-narrow")
	p.click("[role=option]", "")
	item()
	keep("item-narrow")
}

// The other screens, from a server that has been lived in.
func TestPicturesOfTheOtherScreens(t *testing.T) {
	if *pictures == "" {
		t.Skip("makes the documentation's pictures; run it with -browser.pictures FOLDER")
	}
	s, b := lived(t), chromium(t)
	p := open(t, b, s, "/")
	p.asSuperuser(s)
	key := s.Do("POST", "/api/collections/keys/records", map[string]any{"project": s.Project(), "name": "Shop", "public": true}, "Authorization", s.User("admin")).Map(t)
	for name, path := range map[string]string{
		"issues": "/issues", "insights": "/insights", "live": "/live", "sources": "/sources", "trackers": "/trackers", "add-source": "/sources?add=discord",
		"settings": "/settings", "automation": "/settings/automation", "engines": "/settings/engines", "learning": "/settings/learning", "team": "/settings/team",
		"keys": "/settings/keys", "data": "/settings/data", "start": "/start", "operations": "/ops/overview", "queue": "/ops/queue", "maintenance": "/ops/maintenance",
		"form": "/feedback?key=" + key["public_key"].(string),
	} {
		p.visit(path)
		p.until("a quiet page", `() => document.querySelector('[aria-busy=true], .toast') === null`)
		if err := os.WriteFile(filepath.Join(*pictures, name+".png"), p.Timeout(patience).MustScreenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
