package browser_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

var measure = flag.Bool("browser.measure", false, "measure the inbox with 10,000 and 100,000 items (about a minute)")

// The most that the first view may weigh, gzip.
const (
	mostScript = 64 << 10
	mostStyle  = 15 << 10
)

// What the browser loads for the inbox stays small.
func TestTheFirstViewIsSmall(t *testing.T) {
	s, b := start(t), chromium(t)
	s.Post("The export to CSV fails with an error on every report")
	p := signedIn(t, b, s, "approver", "/inbox")
	p.until("the first item", `() => document.querySelector('.inbox-detail .trace') !== null`)
	size := map[string]int{}
	for _, r := range p.MustEval(`() => {
		const row = performance.getEntriesByName('first-row')[0].startTime;
		return performance.getEntriesByType('resource').filter(e => e.startTime < row).map(e => new URL(e.name).pathname);
	}`).Arr() {
		ext := filepath.Ext(r.Str())
		if ext != ".js" && ext != ".css" {
			continue
		}
		raw, err := os.ReadFile("../../pb_public" + r.Str())
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(raw)
		_ = w.Close()
		size[ext] += packed.Len()
		size[ext+" files"]++
	}
	t.Logf("scripts: %d bytes in %d files; style: %d bytes", size[".js"], size[".js files"], size[".css"])
	if size[".js"] == 0 || size[".js"] > mostScript {
		t.Errorf("scripts of the first view: %d bytes gzip, want at most %d", size[".js"], mostScript)
	}
	if size[".css"] == 0 || size[".css"] > mostStyle {
		t.Errorf("style: %d bytes gzip, want at most %d", size[".css"], mostStyle)
	}
}

// fill puts n drafts with a report each into the default project, past the
// hooks: this is about reading.
func fill(t *testing.T, s *servertest.Server, n int) {
	t.Helper()
	for _, q := range []string{
		`INSERT INTO reporters (id, project, source, external_id, handle, created, updated)
			VALUES ('reporter0000001', {:p}, 'discord', 'r1', 'maya', '2026-01-01 00:00:00.000Z', '2026-01-01 00:00:00.000Z')`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n})
			INSERT INTO issues (id, project, number, title, class, severity, state, version, report_count, reporter_count, first_seen, last_seen, rank, created, updated)
			SELECT printf('i%014d', i), {:p}, i + 1000000, 'The export of report ' || i || ' fails', iif(i % 3, 'bug', 'feature'),
			CASE i % 10 WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'high' WHEN 3 THEN 'low' ELSE 'medium' END, 'draft', 1, 1 + i % 7, 1 + i % 7,
			strftime('%Y-%m-%d %H:%M:%S.000Z', 'now', '-' || i || ' minutes'), strftime('%Y-%m-%d %H:%M:%S.000Z', 'now', '-' || i || ' minutes'), i * 0.001,
			strftime('%Y-%m-%d %H:%M:%S.000Z', 'now', '-' || i || ' minutes'), strftime('%Y-%m-%d %H:%M:%S.000Z', 'now') FROM c`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {:n})
			INSERT INTO feedback (id, project, source, reporter, content, class, severity, confidence, title, engine, state, issue, relation, similarity, created, updated)
			SELECT printf('f%014d', i), {:p}, 'discord', 'reporter0000001', 'the export of report ' || i || ' fails for me', 'bug', 'medium', (i % 100) / 100.0,
			'The export of report ' || i || ' fails', 'offline', iif(i % 2, 'joined', 'held'), iif(i % 2, printf('i%014d', i), ''), iif(i % 2, 'report', ''), 0,
			strftime('%Y-%m-%d %H:%M:%S.000Z', 'now', '-' || i || ' minutes'), strftime('%Y-%m-%d %H:%M:%S.000Z', 'now') FROM c`,
		`ANALYZE`,
	} {
		if _, err := s.App.NonconcurrentDB().NewQuery(q).Bind(dbx.Params{"p": s.Project(), "n": n}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
}

// The figures of docs/performance.md: go test ./test/browser -run TestMeasure -browser.measure -v
func TestMeasureTheInbox(t *testing.T) {
	if !*measure {
		t.Skip("a measurement; run it with -browser.measure")
	}
	s, b := start(t), chromium(t)
	fill(t, s, 10_000)
	p := signedIn(t, b, s, "approver", "/inbox")
	p.until("the first row", `() => document.querySelector('.item') !== null`)
	_ = proto.EmulationSetCPUThrottlingRate{Rate: 4}.Call(p)
	var first []float64
	for range 5 {
		p.MustNavigate(s.URL + "/inbox")
		p.until("the first row", `() => document.querySelector('.item') !== null`)
		first = append(first, p.MustEval(`() => performance.getEntriesByName('first-row')[0]?.startTime ?? 0`).Num())
	}
	_ = proto.EmulationSetCPUThrottlingRate{Rate: 1}.Call(p)
	p.visit("/inbox")
	p.until("500 rows", `async () => { const m = await import('/screens/inbox/state.js'); if (m.data.items.value.length < 500) m.data.more(); return m.data.items.value.length >= 500 }`)
	moves := p.Timeout(patience).MustEval(`async () => {
		const out = [];
		for (let i = 0; i < 60; i++) {
			const before = document.querySelector('.item.active')?.id;
			const start = performance.now();
			document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
			while (document.querySelector('.item.active')?.id === before) await new Promise(done => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
			out.push(performance.now() - start);
			await new Promise(done => setTimeout(done, 30));
		}
		return out;
	}`).Arr()
	var j []float64
	for _, m := range moves {
		j = append(j, m.Num())
	}
	slices.Sort(first)
	slices.Sort(j)
	t.Logf("first row, 10,000 items, 4x throttled: median %.0f ms of %.0f", first[len(first)/2], first)
	t.Logf("j to selected, 500 rows read: median %.1f ms, 95th %.1f ms", j[len(j)/2], j[len(j)*95/100])
}

// How long the inbox's queries take with 100,000 drafts and as many messages.
func TestMeasureTheQueries(t *testing.T) {
	if !*measure {
		t.Skip("a measurement; run it with -browser.measure")
	}
	s := start(t)
	fill(t, s, 100_000)
	token, project := s.User("triager"), "project = '"+s.Project()+"' && "
	for _, q := range [][3]string{
		{"issues", "merged_into = '' && state = 'draft' && severity = 'high'", "-rank,-id"},
		{"issues", "merged_into = '' && state = 'draft' && severity = 'high' && (rank < 50 || (rank = 50 && id < 'i00000000050000'))", "-rank,-id"},
		{"issues", "merged_into = '' && state = 'draft'", "-last_seen,-id"},
		{"issues", "merged_into = '' && state = 'filed'", "-last_seen,-id"},
		{"issues", "merged_into = '' && state = 'draft' && (title ~ 'report 777' || observed ~ 'report 777')", "-rank,-id"},
		{"issues", "merged_into = '' && state = 'draft' && (title ~ 'zebra' || observed ~ 'zebra')", "-rank,-id"},
		{"feedback", "state = 'held'", "-created,-id"},
		{"feedback", "state = 'held'", "confidence,id"},
		{"feedback", "state = 'held' && (content ~ 'zebra' || title ~ 'zebra')", "-created,-id"},
	} {
		var took []time.Duration
		for range 7 {
			start := time.Now()
			a := s.Do("GET", "/api/collections/"+q[0]+"/records?"+url.Values{"filter": {project + q[1]}, "sort": {q[2]}, "perPage": {"60"}, "skipTotal": {"1"}}.Encode(), nil, "Authorization", token)
			took = append(took, time.Since(start))
			if a.Status != 200 {
				t.Fatal(string(a.Body))
			}
		}
		slices.Sort(took)
		t.Logf("%s where %s by %s: median %s", q[0], strings.TrimPrefix(q[1], "merged_into = '' && "), q[2], took[3].Round(100*time.Microsecond))
	}
}
