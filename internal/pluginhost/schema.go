package pluginhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// schema is the part of JSON Schema that plugins use for their configuration.
type schema struct {
	Type       string              `json:"type"`
	Properties map[string]property `json:"properties"`
	Required   []string            `json:"required"`
}

type property struct {
	Type        string    `json:"type"`
	Description string    `json:"description"`
	Default     any       `json:"default"`
	Enum        []string  `json:"enum"`
	Items       *property `json:"items"`
	MinLength   int       `json:"minLength"` // in characters
	MaxLength   int       `json:"maxLength"` // in characters; 0 means no limit
	Minimum     *float64  `json:"minimum"`
	Maximum     *float64  `json:"maximum"`
	Secret      bool      `json:"secret"`
}

func parseSchema(text string) (schema, error) {
	var s schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, err
	}
	if s.Type != "object" {
		return s, fmt.Errorf("type is %q, want object", s.Type)
	}
	for name, p := range s.Properties {
		if err := p.check(); err != nil {
			return s, fmt.Errorf("property %s: %w", name, err)
		}
	}
	for _, name := range s.Required {
		if _, ok := s.Properties[name]; !ok {
			return s, fmt.Errorf("%s is required and not in properties", name)
		}
	}
	return s, nil
}

func (p property) check() error {
	switch p.Type {
	case "string", "integer", "number", "boolean":
		return nil
	case "array":
		if p.Items == nil {
			return errors.New("array without items")
		}
		return p.Items.check()
	}
	return fmt.Errorf("type %q is not supported", p.Type)
}

// SecretFields names the properties whose values are to be kept encrypted and
// out of every answer, sorted.
func SecretFields(m Manifest) []string {
	s, err := parseSchema(m.ConfigSchema)
	if err != nil {
		return nil
	}
	var list []string
	for name, p := range s.Properties {
		if p.Secret || p.Items != nil && p.Items.Secret {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// Example makes a configuration that the schema allows: every required property,
// with its default or something of its type.
func Example(m Manifest) []byte {
	config := map[string]any{}
	if s, err := parseSchema(m.ConfigSchema); err == nil {
		for _, name := range s.Required {
			config[name] = s.Properties[name].example()
		}
	}
	b, _ := json.Marshal(config) // it came from JSON
	return b
}

func (p property) example() any {
	switch {
	case p.Default != nil:
		return p.Default
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Type == "integer" || p.Type == "number":
		if p.Minimum != nil {
			return *p.Minimum
		}
		return 1
	case p.Type == "boolean":
		return false
	case p.Type == "array":
		return []any{p.Items.example()}
	}
	return strings.Repeat("x", max(p.MinLength, 1))
}

// CheckConfig compares a configuration with the plugin's schema: required
// properties, types, enums, limits, and keys that nobody knows. The diagnostics
// come sorted by field, and never quote a value. An empty list means that the
// plugin may be started with it.
func CheckConfig(m Manifest, config []byte) []Diagnostic {
	s, err := parseSchema(m.ConfigSchema)
	if err != nil {
		return []Diagnostic{sdk.Wrong("", "the plugin's own schema cannot be read: %v", err)}
	}
	values, err := parseObject(config)
	if err != nil {
		return []Diagnostic{sdk.Wrong("", "%v", err)}
	}
	var list []Diagnostic
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p, known := s.Properties[name]
		if !known {
			d := sdk.Wrong(name, "is not a setting of %s", m.Name)
			d.Detail = "It has: " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ") + "."
			list = append(list, d)
		} else if what := p.wrong(values[name]); what != "" {
			list = append(list, sdk.Diagnostic{Severity: sdk.Error, Field: name, Summary: what, Detail: p.Description})
		}
	}
	for _, name := range s.Required {
		if isEmpty(values[name]) {
			d := sdk.Wrong(name, "is required")
			d.Detail = s.Properties[name].Description
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Diagnostic) int { return strings.Compare(a.Field, b.Field) })
	return list
}

func hasErrors(list []Diagnostic) bool {
	return slices.ContainsFunc(list, func(d Diagnostic) bool { return d.Severity == sdk.Error })
}

func parseObject(config []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(config)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("the configuration is not JSON: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the configuration has text after its end")
	}
	values, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the configuration is %s, want a JSON object", kindOf(v))
	}
	return values, nil
}

// isEmpty reports whether a required value counts as missing.
func isEmpty(v any) bool {
	if list, ok := v.([]any); ok {
		return len(list) == 0
	}
	return v == nil || v == ""
}

// wrong says what is wrong with a value, or nothing. An absent or empty value
// is never wrong here; it may be required.
func (p property) wrong(v any) string {
	if isEmpty(v) {
		return ""
	}
	if !p.fits(v) {
		want := map[string]string{"string": "text", "integer": "a whole number", "number": "a number",
			"boolean": "true or false", "array": "a list"}[p.Type]
		return fmt.Sprintf("is %s, want %s", kindOf(v), want)
	}
	switch v := v.(type) {
	case string:
		n := utf8.RuneCountInString(v)
		switch {
		case len(p.Enum) > 0 && !slices.Contains(p.Enum, v):
			return "is not one of " + strings.Join(p.Enum, ", ")
		case n < p.MinLength:
			return fmt.Sprintf("has %d characters, at least %d are needed", n, p.MinLength)
		case p.MaxLength > 0 && n > p.MaxLength:
			return fmt.Sprintf("has %d characters, at most %d are allowed", n, p.MaxLength)
		}
	case json.Number:
		f, _ := v.Float64()
		switch {
		case p.Minimum != nil && f < *p.Minimum:
			return fmt.Sprintf("is below %v", *p.Minimum)
		case p.Maximum != nil && f > *p.Maximum:
			return fmt.Sprintf("is above %v", *p.Maximum)
		}
	case []any:
		for i, item := range v {
			if item == nil || item == "" {
				return fmt.Sprintf("has nothing at position %d", i+1)
			}
			if what := p.Items.wrong(item); what != "" {
				return fmt.Sprintf("at position %d %s", i+1, what)
			}
		}
	}
	return ""
}

// fits reports whether the value has the property's type.
func (p property) fits(v any) bool {
	switch v := v.(type) {
	case string:
		return p.Type == "string"
	case bool:
		return p.Type == "boolean"
	case []any:
		return p.Type == "array"
	case json.Number:
		_, err := v.Int64()
		return p.Type == "number" || p.Type == "integer" && err == nil
	}
	return false
}

// kindOf names the kind of a JSON value for a person.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case json.Number:
		return "the number " + v.String()
	}
	return "an object"
}
