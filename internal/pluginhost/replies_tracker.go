package pluginhost

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// What a tracker answers. The lists are cut at lengths that no person reads to
// the end.
const (
	maxCursor  = 64 << 10 // bytes
	maxOptions = 2000     // labels, and assignees
	maxTypes   = 100
	maxChanges = 5000
	maxLabels  = 100 // of one change
)

func checkCreateReply(r *CreateReply, scrub scrubber) {
	r.Message = scrub.line(r.Message)
	r.URL = issueURL(r.URL)
	r.Name, r.NodeID = short(r.Name), short(r.NodeID)
	r.RetryAfter = min(max(r.RetryAfter, 0), maxRetryAfter)
	if r.Outcome == Created && r.Number <= 0 && r.NodeID == "" && r.Name == "" {
		r.Outcome = Unknown
		r.Message = "the plugin says created and names no issue"
	}
}

func checkUpdateReply(r *UpdateReply, scrub scrubber) {
	r.Message = scrub.line(r.Message)
	r.URL = issueURL(r.URL)
	r.ID = short(r.ID)
	r.RetryAfter = min(max(r.RetryAfter, 0), maxRetryAfter)
}

// checkFound keeps what has a valid key, or the key asked for.
func checkFound(list []Found, key string) []Found {
	list = slices.DeleteFunc(list, func(f Found) bool {
		return !sdk.ValidKey(f.Key) || (key != "" && f.Key != key) || (f.Number <= 0 && f.NodeID == "")
	})
	mendFound(list)
	return list
}

// checkSearched keeps the first that can be named.
func checkSearched(list []Found, limit int) []Found {
	list = slices.DeleteFunc(list, func(f Found) bool {
		return (f.Key != "" && !sdk.ValidKey(f.Key)) || (f.Number <= 0 && f.NodeID == "" && f.Name == "")
	})
	list = list[:min(len(list), limit)]
	mendFound(list)
	return list
}

func mendFound(list []Found) {
	for i := range list {
		f := &list[i]
		f.URL, f.Title = issueURL(f.URL), line(f.Title)
		f.Name, f.NodeID = short(f.Name), short(f.NodeID)
		if f.State != "closed" {
			f.State = "open"
		}
	}
}

var color = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)

func checkOptions(o Options) Options {
	o.Labels = slices.DeleteFunc(o.Labels, func(l Label) bool { return line(l.Name) == "" })
	o.Labels = o.Labels[:min(len(o.Labels), maxOptions)]
	for i := range o.Labels {
		l := &o.Labels[i]
		l.Name, l.Description = line(l.Name), line(l.Description)
		if !color.MatchString(l.Color) {
			l.Color = ""
		}
	}
	o.Assignees = slices.DeleteFunc(o.Assignees, func(a Assignee) bool { return a.ID == "" || len(a.ID) > maxID })
	o.Assignees = o.Assignees[:min(len(o.Assignees), maxOptions)]
	for i := range o.Assignees {
		o.Assignees[i].Name = line(o.Assignees[i].Name)
	}
	o.Types = lines(o.Types, maxTypes)
	return o
}

func checkCursor(cursor string) error {
	if len(cursor) > maxCursor {
		return fmt.Errorf("%w: a cursor of %d bytes, at most %d are kept", ErrBadReply, len(cursor), maxCursor)
	}
	return nil
}

// checkChanges keeps the changes that name an issue and a state.
func checkChanges(list []Change, now time.Time) []Change {
	list = slices.DeleteFunc(list, func(c Change) bool {
		return (c.Issue.Key != "" && !sdk.ValidKey(c.Issue.Key)) || (c.Issue.Key == "" && nameless(c.Issue) != "") ||
			(c.State != "open" && c.State != "closed")
	})
	list = list[:min(len(list), maxChanges)]
	for i := range list {
		c := &list[i]
		c.Issue.URL, c.PullRequest = issueURL(c.Issue.URL), webURL(c.PullRequest)
		c.Issue.Name, c.Issue.NodeID = short(c.Issue.Name), short(c.Issue.NodeID)
		c.Labels, c.Assignees = lines(c.Labels, maxLabels), lines(c.Assignees, maxLabels)
		c.At = possible(c.At, now)
		switch c.Reason {
		case "completed", "not_planned", "duplicate":
		default:
			c.Reason = ""
		}
	}
	return list
}

func checkChangeReply(r *ChangeReply, now time.Time) error {
	if r.Status < 200 || r.Status > 599 {
		return fmt.Errorf("%w: HTTP status %d", ErrBadReply, r.Status)
	}
	if r.Status >= 400 && len(r.Changes) > 0 {
		return fmt.Errorf("%w: %d changes with HTTP status %d", ErrBadReply, len(r.Changes), r.Status)
	}
	r.Header = answerHeader(r.Header)
	r.Changes = checkChanges(r.Changes, now)
	return nil
}

// line is one line of printable text.
func line(s string) string { return scrubber{strings.NewReplacer()}.line(s) }

// lines is the first lines of a list, without empty ones.
func lines(list []string, most int) []string {
	var out []string
	for _, s := range list[:min(len(list), most)] {
		if s = line(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// short is a service's own name of a thing, or nothing when no service would
// name a thing so.
func short(s string) string {
	if len(s) > maxID || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	return s
}
