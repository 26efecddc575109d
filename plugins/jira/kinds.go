package jira

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// kind is an issue type of the project.
type kind struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subtask bool   `json:"subtask"`
	fields  []string
}

// kinds lists the project's issue types, and reads them again every ten minutes.
func (t *Tracker) kinds(ctx context.Context) ([]kind, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.types != nil && time.Since(t.typesAt) < 10*time.Minute {
		return t.types, nil
	}
	var data struct {
		Types  []kind `json:"issueTypes"` // cloud
		Values []kind `json:"values"`     // data center
	}
	path := "issue/createmeta/" + t.config.Project + "/issuetypes"
	if _, err := t.api.Get(ctx, path, url.Values{"maxResults": {"100"}}, &data); err != nil {
		return nil, err
	}
	types := append(data.Types, data.Values...)
	for i := range types {
		type field struct {
			ID string `json:"fieldId"`
		}
		var screen struct {
			Fields []field `json:"fields"`
			Values []field `json:"values"`
		}
		if _, err := t.api.Get(ctx, path+"/"+url.PathEscape(types[i].ID), url.Values{"maxResults": {"200"}}, &screen); err != nil {
			return nil, err
		}
		for _, f := range append(screen.Fields, screen.Values...) {
			types[i].fields = append(types[i].fields, f.ID)
		}
	}
	t.types, t.typesAt = types, time.Now()
	return types, nil
}

// kind finds an issue type by its name; nil means that the project has none.
func (t *Tracker) kind(ctx context.Context, name string) (*kind, error) {
	types, err := t.kinds(ctx)
	for i, k := range types {
		if strings.EqualFold(k.Name, name) && !k.Subtask {
			return &types[i], err
		}
	}
	return nil, err
}
