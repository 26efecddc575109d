package pipeline

import (
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Edit changes fields of a draft. The version that was looked at is required:
// two people who edit at once must not overwrite each other.
func (p *Pipeline) Edit(id string, a Act) (Outcome, error) {
	if a.Version == nil {
		return Outcome{}, Fault(BadValue, "An edit needs the version of the issue that you saw.").At("version")
	}
	if len(a.Edit) == 0 {
		return Outcome{}, Fault(BadValue, "Nothing to change. These fields can be: %s.", editableNames())
	}
	return p.act(id, triage.ActEdit, triage.Triager, a, func(_ core.App, issue *core.Record) error {
		for field, value := range a.Edit {
			check, ok := editable[field]
			if !ok {
				return Fault(BadValue, "The field cannot be edited. These can: %s.", editableNames()).At(field)
			}
			v, wrong := check(value)
			if wrong != nil {
				return wrong.At(field)
			}
			issue.Set(field, v)
		}
		return nil
	})
}

var editable = map[string]func(any) (any, *Problem){
	"title":      line(1, 200),
	"observed":   paragraph,
	"expected":   paragraph,
	"steps":      lines,
	"criteria":   lines,
	"labels":     lines,
	"components": lines,
	"assignees":  lines,
	"class": func(v any) (any, *Problem) {
		if s, ok := v.(string); ok && triage.Class(s).Valid() {
			return s, nil
		}
		return nil, Fault(BadValue, "A class is one of bug, feature, question, noise.")
	},
	"severity": func(v any) (any, *Problem) {
		if s, ok := v.(string); ok && triage.Severity(s).Valid() {
			return s, nil
		}
		return nil, Fault(BadValue, "A severity is one of critical, high, medium, low.")
	},
}

func editableNames() string {
	names := make([]string, 0, len(editable))
	for n := range editable {
		names = append(names, n)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

func line(min, max int) func(any) (any, *Problem) {
	return func(v any) (any, *Problem) {
		s, ok := v.(string)
		s = strings.TrimSpace(s)
		if n := utf8.RuneCountInString(s); !ok || n < min || n > max || strings.ContainsAny(s, "\r\n\x00") {
			return nil, Fault(BadValue, "It must be one line of %d to %d characters.", min, max)
		}
		return s, nil
	}
}

func paragraph(v any) (any, *Problem) {
	s, ok := v.(string)
	if !ok || utf8.RuneCountInString(s) > 20_000 {
		return nil, Fault(BadValue, "It must be text of at most 20000 characters.")
	}
	return s, nil
}

func lines(v any) (any, *Problem) {
	list, ok := v.([]any)
	if !ok || len(list) > 50 {
		return nil, Fault(BadValue, "It must be a list of at most 50 texts.")
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, ok := e.(string)
		if s = strings.TrimSpace(s); !ok || s == "" || utf8.RuneCountInString(s) > 2000 {
			return nil, Fault(BadValue, "Each entry must be a text of 1 to 2000 characters.")
		}
		out = append(out, s)
	}
	return out, nil
}

func asJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
