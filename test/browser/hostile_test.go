package browser_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// attacks are texts that would run if a page took one for markup.
var attacks = []string{
	`<script>window.hacked=1</script>`, `<img src=x onerror="window.hacked=1">`, `<svg/onload=window.hacked=1>`, `<svg><script>window.hacked=1</script></svg>`,
	`<iframe srcdoc="<script>parent.hacked=1</script>">`, `<body onload=window.hacked=1>`, `<details open ontoggle=window.hacked=1>`, `<input autofocus onfocus=window.hacked=1>`,
	`<video><source onerror="window.hacked=1"></video>`, `<math><mtext></mtext><mglyph><style><img src=x onerror=window.hacked=1>`, `"><script>window.hacked=1</script>`,
	`'><img src=x onerror=window.hacked=1>`, `javascript:window.hacked=1`, `[click](javascript:window.hacked=1)`, `<a href="javascript:window.hacked=1">click</a>`,
	`<style>*{background:url("javascript:window.hacked=1")}</style>`, `<link rel=stylesheet href="https://attacker.example/x.css">`, `<meta http-equiv=refresh content="0;url=https://attacker.example">`,
	`<base href="https://attacker.example/">`, `<form action="https://attacker.example"><button>go</button></form>`, `<object data="data:text/html,<script>window.hacked=1</script>">`,
	`<embed src="data:image/svg+xml,<svg onload=window.hacked=1>">`, `${window.hacked=1}`, `{{constructor.constructor('window.hacked=1')()}}`, `<img src="https://attacker.example/pixel.png">`,
	`<!--<img src="--><img src=x onerror=window.hacked=1//">`, `<noscript><p title="</noscript><img src=x onerror=window.hacked=1>">`, `<template><script>window.hacked=1</script></template>`,
	`&lt;script&gt;window.hacked=1&lt;/script&gt;`, `<x onpointerenter=window.hacked=1 style=position:fixed;inset:0>`,
}

// Thirty attacks as text, title and name of the reporter: every screen that
// shows them shows text.
func TestAttacksStayText(t *testing.T) {
	s, b := start(t), chromium(t)
	var issues []string
	for i, attack := range attacks {
		id := s.Post(fmt.Sprintf("The save button does nothing in part %d: %s", i, attack), "user_name", attack, "user_id", fmt.Sprint("u", i), "title", "Broken "+attack)
		if issue := s.Record(records.Feedback, id).GetString("issue"); issue != "" && !slices.Contains(issues, issue) {
			issues = append(issues, issue)
		}
	}
	if len(issues) == 0 {
		t.Fatal("no attack has become an issue")
	}
	p := signedIn(t, b, s, "admin", "/inbox")
	paths := []string{"/inbox", "/inbox?tab=held", "/inbox?tab=auto", "/inbox?tab=noise", "/inbox?tab=questions", "/inbox?q=" + "%3Cimg%20src%3Dx%3E", "/issues", "/insights", "/live", "/sources", "/trackers"}
	for _, issue := range issues[:min(len(issues), 6)] {
		paths = append(paths, "/items/"+issue, "/issues/"+issue)
	}
	for _, path := range paths {
		p.visit(path)
		p.press('t') // the trace too
		p.press('?')
		p.until("the help", `() => document.querySelector('dialog[open]') !== null`)
		got := p.Timeout(patience).MustEval(`() => [window.hacked === 1 ? 'a script ran' : '',
			...[...document.querySelectorAll('#app :is(script, iframe, object, embed, video, style, link, meta, base, math, template, img, [onerror], [onload], [onfocus])')].map(e => e.outerHTML.slice(0, 80)),
			...[...document.querySelectorAll('#app a[href]')].filter(a => !/^https?:$/.test(a.protocol)).map(a => a.outerHTML.slice(0, 80))].filter(Boolean).join('; ')`).Str()
		if got != "" {
			t.Errorf("%s: %s", path, got)
		}
	}
	p.visit("/items/" + issues[0])
	p.until("the attack as text", `what => document.body.innerText.includes(what)`, attacks[0])
	p.faults.none(t)
}

// What is typed into the search is a value: whatever it is, it finds nothing
// beyond the tab and the project, and breaks nothing.
func TestASearchNeverWidens(t *testing.T) {
	s, b := start(t), chromium(t)
	draft := s.Record(records.Feedback, s.Post("The export to CSV fails with an error on every report")).GetString("issue")
	other := s.Record(records.Feedback, s.Post("App crashes when I click the login button", "user_id", "u2")).GetString("issue")
	if a := s.Do("POST", "/api/issues/"+other+"/decline", map[string]any{}, "Authorization", s.User("approver")); a.Status != 200 {
		t.Fatalf("decline: %s", a.Body)
	}
	p := signedIn(t, b, s, "viewer", "/inbox")
	bits := []string{`"`, `'`, `\`, ` || `, ` && `, `(`, `)`, `//`, `id != ""`, `' || id != '`, `\' || id != \'`, `" || id != "`, `sev:high`, `src:"x`, `class:'bug`, `label:"\`, `%`, `_`,
		`{:project}`, `{:q0}`, `{:q1}`, `{:at}`, `$'`, `$&`, "$`", `@request.auth.id`, `is:pending`, `-is:pending`, `engine:' || 1=1`, `#1`, `#1 || 1=1`, "\x00", "\u2028", `-"`, `:`, `a:b`, `x\`}
	found := p.Timeout(3*patience).MustEval(`async (bits, seed) => {
		const { parse, toFilter } = await import('/screens/inbox/query.js');
		const { tabs } = await import('/screens/inbox/tabs.js');
		const { list } = await import('/api.js');
		const { projectId } = await import('/store.js');
		const random = n => (seed = (seed * 48271) % 2147483647) % n;
		const out = { wide: [], broken: [], asked: 0 };
		for (let i = 0; i < 250; i++) {
			const text = i < bits.length ? bits[i] : Array.from({ length: 1 + random(6) }, () => bits[random(bits.length)]).join(random(2) ? ' ' : '');
			const { filter, params } = toFilter(parse(text), 'issues');
			try {
				const rows = await list('issues', { filter: ['project = {:project}', tabs[0].filters[0], filter].filter(Boolean).map(f => '(' + f + ')').join(' && '), params: { ...params, project: projectId.value }, fields: 'id,state', limit: 10 });
				out.asked++;
				if (rows.some(r => r.state !== 'draft')) out.wide.push(text);
			} catch (err) {
				out.broken.push(text + ' → ' + err.message);
			}
		}
		return out;
	}`, bits, 20261122)
	for _, kind := range []string{"wide", "broken"} {
		for _, text := range found.Get(kind).Arr() {
			t.Errorf("%s: %q", kind, text.Str())
		}
	}
	if found.Get("asked").Int() < 200 {
		t.Errorf("only %d searches were asked", found.Get("asked").Int())
	}
	p.visit("/inbox?q=" + strings.ReplaceAll("sev:medium CSV", " ", "+"))
	p.until("what matches", `id => document.querySelector('#item-' + id) !== null`, draft)
	p.visit("/inbox?q=is:declined")
	p.until("the declined one", `id => document.querySelector('#item-' + id) !== null`, other)
	p.visit("/inbox?q=zebra")
	p.see("No match")
	p.faults.none(t)
}

// Each role sees the buttons that it may press, and no other.
func TestNobodySeesAButtonThatWouldFail(t *testing.T) {
	s, b := start(t), chromium(t)
	issue := s.Record(records.Feedback, s.Post("The export to CSV fails with an error on every report")).GetString("issue")
	question := s.Post("How do I change the colour of the sidebar?")
	want := map[string]string{
		"viewer":   "",
		"triager":  "class duplicate noise retriage snooze",
		"approver": "approve class decline duplicate noise retriage snooze",
		"admin":    "approve class decline duplicate noise retriage snooze",
	}
	for _, role := range []string{"viewer", "triager", "approver", "admin"} {
		p := signedIn(t, b, s, role, "/inbox/"+issue)
		seen := map[string]bool{}
		for _, path := range []string{"/inbox/" + issue, "/items/" + question} {
			p.visit(path)
			p.until("the whole item", `() => document.querySelector('.detail .trace') !== null`)
			for _, a := range p.Timeout(patience).MustEval(`() => [...document.querySelectorAll('[data-action]')].filter(e => e.checkVisibility() && !e.disabled).map(e => e.dataset.action)`).Arr() {
				seen[a.Str()] = true
			}
			if role == "viewer" {
				p.press('1', '3', 'h', 'e', 'x', 'z', '#', 'l', 'c')
				if p.has("dialog[open], [popover], .bulk, .tickbox, .editable, form.editable textarea:not([readonly])") {
					t.Errorf("viewer on %s: something can be changed", path)
				}
			}
		}
		delete(seen, "permalink")
		names := make([]string, 0, len(seen))
		for a := range seen {
			names = append(names, a)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want[role] {
			t.Errorf("%s sees %q, want %q", role, got, want[role])
		}
		p.faults.none(t)
	}
	if n := s.Record(records.Issues, issue).GetInt("version"); n != 1 {
		t.Errorf("the issue is at version %d; a viewer's key changed it", n)
	}
}
