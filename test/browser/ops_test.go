package browser_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

var operations = map[string]string{"overview": "Health", "queue": "Open River UI", "engines": "Embedded engine", "plugins": "Programs",
	"decisions": "judge", "audit": "Whole", "maintenance": "Back up now"}

// asSuperuser signs in to the console and to the web app.
func (p *page) asSuperuser(s *servertest.Server) {
	p.t.Helper()
	s.Superuser()
	list, err := s.App.FindAllRecords(core.CollectionNameSuperusers)
	if err != nil || len(list) == 0 {
		p.t.Fatalf("superusers: %v, %v", list, err)
	}
	token, err := list[0].NewAuthToken()
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]any{"token": token, "record": map[string]any{"id": list[0].Id, "email": list[0].Email(),
		"collectionId": list[0].Collection().Id, "collectionName": core.CollectionNameSuperusers}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.MustEval(`auth => { localStorage.setItem('__pb_superusers__/_', auth); localStorage.setItem('iterateswarm_auth', auth) }`, string(raw))
}

// The operator pages open in the console and in the web app, and a button of
// theirs works. PocketBase calls its extension point experimental: this test
// tells when it changes.
func TestOperatorPagesInBothHosts(t *testing.T) {
	s, b := start(t), chromium(t)
	s.Post("App crashes when I click the login button")
	p := open(t, b, s, "/")
	p.asSuperuser(s)
	p.MustNavigate(s.URL + "/_/#/ops/overview").MustWaitLoad()
	p.see("Last backup")
	for part, shows := range operations {
		p.MustEval(`hash => { location.hash = hash }`, "#/ops/"+part) // as a click does: no page is left while it loads
		p.see("Operations")
		p.see(shows)
		p.shoot("console-" + part)
	}
	p.MustEval(`hash => { location.hash = hash }`, "#/ops/maintenance")
	p.see("There is no backup yet")
	p.click("button", "Back up now")
	p.see(".zip")
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "axe-core is not installed; run npm ci in test/browser")
	}
	for part, shows := range operations {
		p.audit("ops-"+part, "/ops/"+part, string(axe))
		p.see(shows)
	}
	p.faults.none(t)
}

// River's own pages open from the queue page, for a superuser.
func TestRiverOpensFromTheQueuePage(t *testing.T) {
	s, b := start(t), chromium(t)
	s.Post("App crashes when I click the login button")
	p := open(t, b, s, "/")
	p.asSuperuser(s)
	p.visit("/ops/queue")
	wait := p.MustWaitOpen()
	p.MustElementR("button", "Open River UI").MustClick()
	river := &page{Page: wait(), t: t, server: s, faults: p.faults}
	river.MustWaitLoad()
	river.see("Completed")
	river.shoot("river")
	p.faults.none(t)
}
