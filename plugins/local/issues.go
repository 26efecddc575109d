package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Create writes one file. The file appears whole or not at all. With a key that
// is there already, it returns the issue that has it.
func (t *Tracker) Create(_ context.Context, req sdk.CreateRequest) sdk.CreateReply {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key, ok := sdk.MarkerOf(req.Body); !ok || key != req.Key {
		return sdk.CreateReply{Outcome: sdk.Rejected, Message: "the body does not begin with the marker of its key"}
	}
	issues, next, err := t.scan()
	if err != nil {
		return notWritten(err)
	}
	for _, f := range issues {
		if f.Key == req.Key {
			return sdk.CreateReply{Outcome: sdk.Created, Number: f.Number, URL: f.URL, Message: "was there already"}
		}
	}
	// The loop ends: a taken name means that another process has filed an issue.
	for ; ; next++ {
		path := filepath.Join(t.folder, fileName(next, req.Title))
		err := t.write(path, render(next, time.Now(), req))
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, errNotSynced):
			return sdk.CreateReply{Outcome: sdk.Unknown, Message: err.Error()}
		case err != nil:
			return notWritten(err)
		}
		return sdk.CreateReply{Outcome: sdk.Created, Number: next, URL: fileURL(path)}
	}
}

func notWritten(err error) sdk.CreateReply {
	return sdk.CreateReply{Outcome: sdk.NotCreated, Message: fmt.Sprintf("cannot write the file: %v", err)}
}

// Find reads the front matter of every file.
func (t *Tracker) Find(_ context.Context, req sdk.FindRequest) ([]sdk.Found, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	issues, _, err := t.scan()
	if err != nil {
		return nil, err
	}
	issues = slices.DeleteFunc(issues, func(f sdk.Found) bool {
		early := !f.Created.IsZero() && f.Created.Before(req.Since.Truncate(time.Second)) // it has whole seconds
		return early || req.Key != "" && f.Key != req.Key
	})
	slices.SortFunc(issues, func(a, b sdk.Found) int { return cmp.Compare(b.Number, a.Number) })
	return issues, nil
}

// scan lists the issues in the folder, and the number that comes next. A file
// is read again only when its size or time has changed.
func (t *Tracker) scan() (issues []sdk.Found, next int64, err error) {
	entries, err := os.ReadDir(t.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	known := make(map[string]seen, len(entries))
	next = 1
	for _, e := range entries {
		number := numberOf(e.Name())
		info, err := e.Info()
		if number <= 0 || err != nil || !info.Mode().IsRegular() {
			continue
		}
		next = max(next, number+1)
		s, ok := t.seen[e.Name()]
		if !ok || s.size != info.Size() || !s.changed.Equal(info.ModTime()) {
			if s, err = read(filepath.Join(t.folder, e.Name()), info); err != nil {
				return nil, 0, err
			}
		}
		known[e.Name()] = s
		if s.found.Key != "" {
			issues = append(issues, s.found)
		}
	}
	t.seen = known
	return issues, next, nil
}

func read(path string, info fs.FileInfo) (seen, error) {
	s := seen{size: info.Size(), changed: info.ModTime()}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil // removed a moment ago
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	found, labels, err := parse(f)
	if err != nil {
		return s, nil // somebody's own file
	}
	found.Number, found.URL = numberOf(filepath.Base(path)), fileURL(path)
	s.found, s.labels = found, labels
	return s, nil
}
