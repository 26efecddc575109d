package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// document is a file in parts, so that what a person wrote in one stays as it is
// when another changes.
type document struct {
	front    []string  // the lines between the rules
	sections []section // the issue's text, then the comments
}

// section begins with a marker and goes on until the next.
type section struct{ key, text string }

func take(content string) (document, error) {
	lines := strings.SplitAfter(content, "\n")
	var d document
	if strings.TrimSpace(lines[0]) != "---" {
		return d, errNotOurs
	}
	end := 1 + slices.IndexFunc(lines[1:], func(l string) bool { return strings.TrimSpace(l) == "---" })
	if end == 0 {
		return d, errNotOurs
	}
	d.front = lines[1:end]
	for _, l := range lines[end+1:] {
		if key, ok := sdk.ParseMarker(strings.TrimSuffix(l, "\n")); ok {
			d.sections = append(d.sections, section{key: key})
		} else if len(d.sections) == 0 && strings.TrimSpace(l) == "" {
			continue
		}
		if len(d.sections) == 0 {
			return d, errNotOurs
		}
		d.sections[len(d.sections)-1].text += l
	}
	if len(d.sections) == 0 {
		return d, errNotOurs
	}
	return d, nil
}

func (d *document) String() string {
	var b strings.Builder
	b.WriteString("---\n" + strings.Join(d.front, "") + "---\n")
	for i, s := range d.sections {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(strings.TrimRight(s.text, "\r\n") + "\n")
	}
	return b.String()
}

// set changes a line of the front matter, or adds it.
func (d *document) set(name, value string) {
	line := name + ": " + value + "\n"
	for i, l := range d.front {
		if strings.HasPrefix(l, name+":") {
			d.front[i] = line
			return
		}
	}
	d.front = append(d.front, line)
}

// change reads an issue's file, lets do change it, and writes it when it is not
// the same any more.
func (t *Tracker) change(ref sdk.IssueRef, do func(d *document, now seen)) sdk.UpdateReply {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, _, err := t.scan(); err != nil {
		return sdk.UpdateReply{Outcome: sdk.NotCreated, Message: fmt.Sprintf("cannot read the folder: %v", err)}
	}
	for name, s := range t.seen {
		if s.found.Key == "" || s.found.Key != ref.Key && (ref.Key != "" || s.found.Number != ref.Number) {
			continue
		}
		path := filepath.Join(t.folder, name)
		old, err := os.ReadFile(path)
		if err != nil {
			return sdk.UpdateReply{Outcome: sdk.NotCreated, Message: fmt.Sprintf("cannot read the file: %v", err)}
		}
		d, err := take(string(old))
		if err != nil {
			return sdk.UpdateReply{Outcome: sdk.Rejected, Message: fmt.Sprintf("%s: %v", name, err)}
		}
		do(&d, s)
		if text := d.String(); text != string(old) {
			if err := t.replace(path, []byte(text)); errors.Is(err, errNotSynced) {
				return sdk.UpdateReply{Outcome: sdk.Unknown, Message: err.Error()}
			} else if err != nil {
				return sdk.UpdateReply{Outcome: sdk.NotCreated, Message: fmt.Sprintf("cannot write the file: %v", err)}
			}
		}
		return sdk.UpdateReply{Outcome: sdk.Created, URL: fileURL(path)}
	}
	return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the file of the issue is gone"}
}

// Update changes the front matter, and the issue's text. The name of the file
// stays.
func (t *Tracker) Update(_ context.Context, req sdk.UpdateRequest) sdk.UpdateReply {
	return t.change(req.Issue, func(d *document, now seen) {
		if req.Title != nil {
			d.set("title", quote(*req.Title))
		}
		if req.State != nil {
			d.set("state", *req.State)
		}
		if len(req.AddLabels)+len(req.RemoveLabels) > 0 {
			labels := []string{}
			for _, l := range append(slices.Clone(now.labels), req.AddLabels...) {
				if !slices.Contains(labels, l) && !slices.Contains(req.RemoveLabels, l) {
					labels = append(labels, l)
				}
			}
			d.set("labels", quote(labels))
		}
		if req.Body != nil {
			d.sections[0].text = *req.Body
		}
	})
}

// Comment writes below the issue's text, or edits the comment of the key.
func (t *Tracker) Comment(_ context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.UpdateReply{Outcome: sdk.Rejected, Message: "the comment does not begin with the marker of its key"}
	}
	reply := t.change(req.Issue, func(d *document, _ seen) {
		for i := range d.sections[1:] {
			if s := &d.sections[i+1]; s.key == req.Key {
				s.text = req.Body
				return
			}
		}
		d.sections = append(d.sections, section{req.Key, req.Body})
	})
	if reply.Outcome == sdk.Created {
		reply.ID = req.Key
	}
	return reply
}

// Search lists issues whose title holds one of the words, the most words first.
func (t *Tracker) Search(_ context.Context, query string, limit int) ([]sdk.Found, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	issues, _, err := t.scan()
	if err != nil {
		return nil, err
	}
	hits := make(map[int64]int)
	for _, f := range issues {
		title := strings.ToLower(f.Title)
		for _, word := range strings.Fields(strings.ToLower(query)) {
			if strings.Contains(title, word) {
				hits[f.Number]++
			}
		}
	}
	issues = slices.DeleteFunc(issues, func(f sdk.Found) bool { return hits[f.Number] == 0 })
	slices.SortFunc(issues, func(a, b sdk.Found) int {
		return cmp.Or(cmp.Compare(hits[b.Number], hits[a.Number]), cmp.Compare(b.Number, a.Number))
	})
	return issues[:min(len(issues), max(limit, 1))], nil
}

// Changes lists the files that have been written since the cursor, which is the
// time of the last one. A file that is gone says nothing.
func (t *Tracker) Changes(_ context.Context, cursor string, since time.Time) ([]sdk.Change, string, error) {
	if cursor != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, cursor); err != nil {
			return nil, "", fmt.Errorf("the cursor %q is no time", cursor)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, _, err := t.scan(); err != nil {
		return nil, "", err
	}
	var changes []sdk.Change
	last := since
	for _, s := range t.seen {
		if s.found.Key == "" || s.changed.Before(since) {
			continue
		}
		if s.changed.After(last) {
			last = s.changed
		}
		changes = append(changes, sdk.Change{Issue: sdk.IssueRef{Key: s.found.Key, Number: s.found.Number, URL: s.found.URL},
			State: s.found.State, At: s.changed.UTC(), Labels: s.labels})
	}
	slices.SortFunc(changes, func(a, b sdk.Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Issue.Number, b.Issue.Number))
	})
	if last.IsZero() {
		return changes, "", nil
	}
	return changes, last.UTC().Format(time.RFC3339Nano), nil
}
