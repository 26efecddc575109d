package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Config is what an instance of a plugin is given once after its start.
type Config struct {
	JSON    []byte // a JSON object that fits the manifest's schema, secrets included
	DataDir string // a directory of this instance alone, or empty
}

// Severity is how bad a diagnostic is.
type Severity string

// The two severities.
const (
	Warning Severity = "warning" // the plugin works all the same
	Error   Severity = "error"   // the plugin cannot work with this configuration
)

// Diagnostic is one thing to say about a configuration. It never quotes a
// secret.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Field    string   `json:"field,omitempty"`  // the property concerned; empty means the whole
	Summary  string   `json:"summary"`          // what is wrong, in words that follow the field's name: "is required"
	Detail   string   `json:"detail,omitempty"` // how to mend it, full sentences
}

// String is the diagnostic in one line: "field: summary. Detail".
func (d Diagnostic) String() string {
	s := d.Summary
	if d.Field != "" {
		s = d.Field + ": " + s
	}
	if d.Detail != "" {
		s += ". " + d.Detail
	}
	return s
}

// Wrong is a diagnostic of severity Error about one field. An empty field
// means the configuration as a whole.
func Wrong(field, format string, args ...any) Diagnostic {
	return Diagnostic{Severity: Error, Field: field, Summary: fmt.Sprintf(format, args...)}
}

// Decode reads the configuration into the struct that v points to, by its json
// tags. Unknown keys and wrong types come back as diagnostics.
func (c Config) Decode(v any) []Diagnostic {
	d := json.NewDecoder(bytes.NewReader(c.JSON))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return []Diagnostic{Wrong("", "the configuration has text after its end")}
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return []Diagnostic{Wrong(wrong.Field, "is a %s, want a %s", wrong.Value, wrong.Type)}
	}
	return []Diagnostic{Wrong("", "the configuration cannot be read: %v", err)}
}
