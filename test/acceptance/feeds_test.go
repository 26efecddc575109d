package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// A feed is read by the real plugin process; a second look, after the source
// was changed, goes on where the first one was.
func TestFeedSource(t *testing.T) {
	t.Parallel()
	var later atomic.Bool
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entry := `<entry><id>tag:x.test,2026:%d</id><title>%s</title><author><name>maya</name></author><im:rating>1</im:rating><im:version>4.2.1</im:version><content type="text">%s</content><updated>` + time.Now().Format(time.RFC3339) + `</updated></entry>`
		list := fmt.Sprintf(entry, 1, "Crashes", "The app crashes with error 500 when I export")
		if later.Load() {
			list = fmt.Sprintf(entry, 2, "Slow", "The import hangs and then crashes") + list
		}
		_, _ = fmt.Fprintf(w, `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:im="http://itunes.apple.com/rss">%s</feed>`, list)
	}))
	t.Cleanup(hub.Close)
	s := servertest.Start(t)
	config := map[string]any{"feeds": []string{hub.URL + "/reviews"}, "backlog": 5, "allow_private": true}
	source := startSource(s, "reviews", "rss", config)
	r := s.Record(records.Feedback, arrived(s, "reviews", "tag:x.test,2026:1"))
	if r.GetString("content") != "The app crashes with error 500 when I export" || r.GetString("class") != "bug" {
		t.Errorf("stored %q as %s", r.GetString("content"), r.GetString("class"))
	}
	if !strings.Contains(r.GetString("context"), `"rating":"1"`) {
		t.Errorf("context %s", r.GetString("context"))
	}
	later.Store(true)
	again := s.Record(records.Sources, source)
	config["poll_minutes"] = 30
	again.Set("config", config)
	if err := s.App.Save(again); err != nil {
		t.Fatal(err)
	}
	arrived(s, "reviews", "tag:x.test,2026:2")
	if n := s.Count(records.Feedback, map[string]any{"source": "reviews"}); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	admin := s.User("admin")
	// Only a superuser lets a source into the private network.
	ask := func(allow bool) answer {
		return must(t, call{method: "POST", url: s.URL + "/api/collections/sources/records", token: admin, body: map[string]any{"project": s.Project(), "name": "x", "slug": fmt.Sprint("private-", allow),
			"plugin": "rss", "config": map[string]any{"feeds": []string{"https://x.test/feed"}, "allow_private": allow}}})
	}
	if err := isProblem(ask(true), 40301); err != nil {
		t.Errorf("an admin sets allow_private: %v", err)
	}
	if a := ask(false); a.status != 200 {
		t.Errorf("an admin leaves allow_private off: %d %s", a.status, a.body)
	}
}
