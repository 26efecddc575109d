package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxContent = 64 << 10 // bytes of a text; more is left out, never cut
	maxTitle   = 1000     // bytes
	maxShort   = 500      // bytes of an id or a name
	maxLink    = 2000     // bytes
)

// item reads a message, or says why it holds no feedback.
func (c *config) item(r *kgo.Record) (sdk.Item, string) {
	value := bytes.TrimSpace(r.Value)
	switch {
	case len(value) == 0:
		return sdk.Item{}, "empty"
	case !utf8.Valid(value):
		return sdk.Item{}, "not UTF-8"
	}
	it := sdk.Item{Created: r.Timestamp.UTC()}
	if fields := object(value); fields == nil {
		it.Content = string(r.Value)
	} else {
		for _, f := range []struct {
			path string
			into *string
			max  int
		}{
			{c.Content, &it.Content, maxContent}, {c.Title, &it.Title, maxTitle}, {c.UserID, &it.AuthorID, maxShort},
			{c.UserName, &it.AuthorHandle, maxShort}, {c.ExternalID, &it.ExternalID, maxShort}, {c.Permalink, &it.Permalink, maxLink},
		} {
			var ok bool
			if *f.into, ok = text(fields, f.path); !ok {
				return sdk.Item{}, fmt.Sprintf("the field %s is not text", f.path)
			}
			if len(*f.into) > f.max {
				return sdk.Item{}, fmt.Sprintf("the field %s has %d bytes, at most %d are taken", f.path, len(*f.into), f.max)
			}
		}
		if strings.TrimSpace(it.Content) == "" {
			return sdk.Item{}, fmt.Sprintf("the field %s holds no text", c.Content)
		}
	}
	if len(it.Content) > maxContent {
		return sdk.Item{}, fmt.Sprintf("%d bytes, at most %d are taken", len(it.Content), maxContent)
	}
	if it.ExternalID == "" {
		it.ExternalID = fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
	}
	about := map[string]any{"topic": r.Topic, "partition": r.Partition, "offset": r.Offset}
	if len(r.Key) > 0 && len(r.Key) <= maxShort && utf8.Valid(r.Key) {
		about["key"] = string(r.Key)
	}
	b, _ := json.Marshal(about) // strings and numbers always encode
	it.ContextJSON = string(b)
	return it, ""
}

// object reads a JSON object; anything else is nil.
func object(b []byte) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if b[0] != '{' || json.Unmarshal(b, &fields) != nil {
		return nil
	}
	return fields
}

// text reads a field, by its name or by the way to it. What is absent is empty;
// a number does for text, since many systems have numbers for ids.
func text(fields map[string]json.RawMessage, path string) (string, bool) {
	raw, ok := fields[path]
	for !ok {
		first, rest, more := strings.Cut(path, ".")
		inner := fields[first]
		if !more || len(inner) == 0 {
			return "", true
		}
		if fields = object(inner); fields == nil {
			return "", true
		}
		path = rest
		raw, ok = fields[path]
	}
	var s string
	if json.Unmarshal(raw, &s) == nil { // null is ""
		return s, true
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String(), true
	}
	return "", false
}
