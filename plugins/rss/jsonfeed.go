package rss

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// post is an item of a JSON Feed, version 1 and 1.1 (jsonfeed.org).
type post struct {
	ID       any    `json:"id"` // text; some write numbers
	URL      string `json:"url"`
	External string `json:"external_url"`
	Title    string `json:"title"`
	Text     string `json:"content_text"`
	HTML     string `json:"content_html"`
	Summary  string `json:"summary"`
	Date     string `json:"date_published"`
	Modified string `json:"date_modified"`
	Author   struct {
		Name string `json:"name"`
	} `json:"author"`
	Authors []struct {
		Name string `json:"name"`
	} `json:"authors"`
	Tags []string `json:"tags"`
}

func parseJSON(b []byte) ([]entry, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if _, err := d.Token(); err != nil { // the brace
		return nil, brokenJSON(d, err)
	}
	version := ""
	var list []entry
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, brokenJSON(d, err)
		}
		switch key {
		case "version":
			err = lenient(d.Decode(&version))
		case "items":
			list, err = posts(d)
		default:
			var skip json.RawMessage
			err = d.Decode(&skip)
		}
		if err != nil {
			return nil, brokenJSON(d, err)
		}
		if len(list) == maxEntries {
			break
		}
	}
	if list == nil && !strings.Contains(version, "jsonfeed.org/version/") {
		return nil, &fault{what: "is JSON and no JSON Feed"}
	}
	if len(list) < maxEntries {
		if _, err := d.Token(); err != nil {
			return nil, brokenJSON(d, err)
		}
	}
	return list, nil
}

// posts reads the list of items, at most maxEntries.
func posts(d *json.Decoder) ([]entry, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('[') {
		return nil, errors.New("items is no list")
	}
	list := []entry{}
	for d.More() && len(list) < maxEntries {
		var p post
		if err := lenient(d.Decode(&p)); err != nil {
			return nil, err
		}
		list = append(list, p.entry())
	}
	if len(list) == maxEntries {
		return list, nil
	}
	_, err = d.Token()
	return list, err
}

// lenient lets a field of the wrong type be empty.
func lenient(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

func brokenJSON(d *json.Decoder, err error) error {
	return &fault{what: fmt.Sprintf("is broken JSON at byte %d: %s", d.InputOffset(), cut(err.Error(), 200))}
}

func (p post) entry() entry {
	e := entry{link: p.URL, title: strings.Join(strings.Fields(clean(p.Title)), " "), text: clean(p.Text), author: p.Author.Name, created: when(p.Date), context: map[string]string{}}
	switch id := p.ID.(type) {
	case string:
		e.id = strings.TrimSpace(id)
	case json.Number:
		e.id = id.String()
	}
	if e.link == "" {
		e.link = p.External
	}
	if e.text == "" {
		e.text = plain(cut(p.HTML, maxRaw))
	}
	if e.text == "" {
		e.text = clean(p.Summary)
	}
	if len(p.Authors) > 0 {
		e.author = p.Authors[0].Name
	}
	e.author = cut(clean(e.author), maxName)
	if e.created.IsZero() {
		e.created = when(p.Modified)
	}
	if len(p.Tags) > 0 {
		e.context["categories"] = cut(clean(strings.Join(p.Tags, ", ")), 400)
	}
	return e
}
