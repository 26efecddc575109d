package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxContent = 64 << 10 // bytes of content; more is refused, never cut
	maxTitle   = 1000     // bytes
	maxShort   = 500      // bytes of an id, a name, a source
	maxLink    = 2000     // bytes of a permalink
)

// defect is what is wrong with a signed body.
type defect struct {
	status  int
	field   string
	message string // a sentence
}

func bad(field, format string, args ...any) *defect {
	return &defect{http.StatusBadRequest, field, fmt.Sprintf(format, args...)}
}

// parse reads the one item of a body. ExternalID is empty when the body names
// none.
func parse(body []byte) (sdk.Item, *defect) {
	if !utf8.Valid(body) {
		return sdk.Item{}, bad("", "The body is not UTF-8.")
	}
	if at := loneSurrogate(body); at >= 0 {
		return sdk.Item{}, bad("", "The body has half a character (a lone surrogate) at byte %d.", at)
	}
	outer, wrong := object(body, "")
	if wrong != nil {
		return sdk.Item{}, wrong
	}
	fields, inside := outer, ""
	if data, ok := outer["data"]; ok {
		inside = "data."
		if fields, wrong = object(data, "data"); wrong != nil {
			return sdk.Item{}, wrong
		}
	}
	var item sdk.Item
	var source, kind string
	for _, f := range []struct {
		name string
		into *string
		max  int
	}{
		{"content", &item.Content, maxContent},
		{"title", &item.Title, maxTitle},
		{"user_id", &item.AuthorID, maxShort},
		{"user_name", &item.AuthorHandle, maxShort},
		{"external_id", &item.ExternalID, maxShort},
		{"permalink", &item.Permalink, maxLink},
		{"source", &source, maxShort},
	} {
		if wrong := text(fields[f.name], inside+f.name, f.max, f.into); wrong != nil {
			return sdk.Item{}, wrong
		}
	}
	if inside != "" {
		if wrong := text(outer["type"], "type", maxShort, &kind); wrong != nil {
			return sdk.Item{}, wrong
		}
	}
	if strings.TrimSpace(item.Content) == "" {
		return sdk.Item{}, bad(inside+"content", "There is no content. Send {\"content\": \"…\"}.")
	}
	item.ContextJSON = about(kind, source)
	return item, nil
}

// object reads a JSON object and nothing after it.
func object(b []byte, field string) (map[string]json.RawMessage, *defect) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(b, &fields)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, bad(field, "The body is not JSON: %s, at byte %d.", syntax, syntax.Offset)
	}
	if err != nil || fields == nil {
		what := "The body"
		if field != "" {
			what = "The field " + field
		}
		return nil, bad(field, "%s is not a JSON object.", what)
	}
	return fields, nil
}

// text reads an optional string. A number does for one too: many systems have
// numbers for ids.
func text(raw json.RawMessage, field string, limit int, into *string) *defect {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, into); err != nil {
		if json.Unmarshal(raw, &number) != nil || strings.HasSuffix(field, "content") {
			return bad(field, "The field %s is not text.", field)
		}
		*into = number.String()
	}
	if len(*into) <= limit {
		return nil
	}
	status := http.StatusBadRequest
	if strings.HasSuffix(field, "content") {
		status = http.StatusRequestEntityTooLarge
	}
	return &defect{status, field, fmt.Sprintf("The field %s has %d bytes, at most %d are taken.", field, len(*into), limit)}
}

// about is the context of an item.
func about(kind, source string) string {
	context := make(map[string]string)
	if kind != "" {
		context["type"] = kind
	}
	if source != "" {
		context["source"] = source
	}
	if len(context) == 0 {
		return ""
	}
	b, _ := json.Marshal(context) // strings always encode
	return string(b)
}

// loneSurrogate returns where a \uD800 to \uDFFF stands without its other half,
// or -1. encoding/json would put a replacement character there in silence.
func loneSurrogate(b []byte) int {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		switch r := escaped(b[i:]); {
		case r >= 0xD800 && r < 0xDC00:
			if low := escaped(b[i+6:]); low < 0xDC00 || low > 0xDFFF {
				return i
			}
			i += 11
		case r >= 0xDC00 && r <= 0xDFFF:
			return i
		default:
			i++ // the byte after a backslash never begins another escape
		}
	}
	return -1
}

// escaped reads \uXXXX at the start of b; anything else is -1.
func escaped(b []byte) int64 {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	r, err := strconv.ParseUint(string(b[2:6]), 16, 32)
	if err != nil {
		return -1
	}
	return int64(r)
}
