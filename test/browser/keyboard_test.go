package browser_test

import (
	"testing"

	"github.com/go-rod/rod/lib/input"
	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// keys of letters, as a keyboard has them
func letters(s string) []input.Key {
	out := make([]input.Key, 0, len(s))
	for _, r := range s {
		out = append(out, input.Key(r))
	}
	return out
}

// demo loads the demo items and waits until all are settled.
func demo(t *testing.T, s *servertest.Server) {
	t.Helper()
	if a := s.Do("POST", "/api/projects/"+s.Project()+"/demo", map[string]any{}, "Authorization", s.Superuser()); a.Status >= 300 {
		t.Fatalf("load the demo: %d %s", a.Status, a.Body)
	}
	s.Until("the demo items to be judged", func() bool {
		return s.Count(records.Feedback, nil) >= 25 && s.Count(records.Feedback, dbx.HashExp{"state": "received"}) == 0
	})
}

// Somebody who has only a keyboard signs in and decides on 20 of the demo items.
func TestTwentyItemsByKeyboard(t *testing.T) {
	s, b := start(t), chromium(t)
	demo(t, s)
	s.Superuser()
	s.Save(records.Members, map[string]any{"project": s.Project(), "role": "approver", "user": s.Save(records.Users,
		map[string]any{"email": "maya@example.com", "password": "correct horse", "verified": true}).Id})
	p := open(t, b.MustIncognito(), s, "/")
	p.until("the form with the focus in it", `() => document.activeElement?.name === 'email'`)
	p.press(letters("maya@example.com")...)
	p.press(input.Tab)
	p.press(letters("correct horse")...)
	p.press(input.Enter)
	p.settle()
	p.until("what can be done with the first item", `() => document.querySelector('.item.active') !== null && document.querySelector('[data-action=snooze]') !== null`)

	people := func() int { return s.Count(records.Decisions, dbx.HashExp{"actor_kind": "person"}) }
	active := func() string {
		return p.Timeout(patience).MustEval(`() => document.querySelector('.item.active')?.id ?? ''`).Str()
	}
	decide := func(keys ...input.Key) {
		t.Helper()
		p.until("what can be done with the item", `() => document.querySelector('.inbox-detail [data-action]') !== null && document.querySelector('dialog[open], [popover]') === null`)
		before, n := active(), people()
		p.press(keys[0])
		for _, k := range keys[1:] {
			p.until("the question", `() => document.querySelector('dialog[open], [popover]:popover-open')?.contains(document.activeElement) ?? false`)
			p.press(k)
		}
		p.until("the next item", `before => (document.querySelector('.item.active')?.id ?? '') !== before`, before)
		s.Until("the decision", func() bool { return people() > n })
	}
	left := func() int { return s.Count(records.Issues, dbx.HashExp{"state": "draft", "merged_into": ""}) }
	done := 0
	for ; left() > 0; done++ {
		switch done % 4 {
		case 0:
			decide('1') // approve
		case 1:
			decide('3', input.Enter) // decline without a reason
		case 2:
			decide('h', '2') // snooze until tomorrow
		case 3:
			p.press('j', 'k') // walk, and come back
			decide('a')
		}
	}
	p.see("All decided")
	before := people()
	p.press('z')
	s.Until("the undo", func() bool { return people() > before })
	p.until("the item again", `() => document.querySelector('.item.active') !== null`)

	for _, tab := range []struct{ name, state string }{{"questions", "triaged"}, {"noise", "noise"}} {
		p.press('/')
		p.until("the search, its text chosen", `() => document.activeElement?.name === 'q' && document.activeElement.selectionEnd === document.activeElement.value.length`)
		p.press(letters("is:" + tab.name)...)
		p.press(input.Enter)
		for n := s.Count(records.Feedback, dbx.HashExp{"state": tab.state}); n > 0 && done < 22; n-- {
			p.until("an item of "+tab.name, `tab => document.querySelector('.tabs [aria-current]')?.dataset.tab === tab && document.querySelector('.item.active') !== null`, tab.name)
			if tab.name == "noise" {
				decide('c', '1') // it is a bug
			} else {
				decide('#') // noise
			}
			done++
		}
	}
	if got := s.Count(records.Decisions, dbx.HashExp{"actor_kind": "person"}); got < 20 {
		t.Errorf("%d decisions by keyboard, want at least 20", got)
	}
	p.press('g', 'q')
	p.until("the issues", `() => location.pathname === '/issues'`)
	p.press('?')
	p.see("Duplicate of…")
	p.faults.none(t)
}
