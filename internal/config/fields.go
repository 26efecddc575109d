package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A field is one setting: its tags and the place where its value goes.
type field struct {
	group string // the name of the struct it lies in
	about string
	name  string // with Prefix
	value reflect.Value
	tag   reflect.StructTag
}

// fields lists every setting of the struct that target points to, in order.
func fields(target any) []field {
	var all []field
	root := reflect.ValueOf(target).Elem()
	for i := range root.NumField() {
		group := root.Type().Field(i)
		for j := range group.Type.NumField() {
			f := group.Type.Field(j)
			all = append(all, field{
				group: group.Name,
				about: group.Tag.Get("about"),
				name:  Prefix + f.Tag.Get("env"),
				value: root.Field(i).Field(j),
				tag:   f.Tag,
			})
		}
	}
	return all
}

// hasFile reports whether the setting can come from a file named by NAME_FILE.
func (f field) hasFile() bool { return f.isSecret() && f.tag.Get("nofile") == "" }

func (f field) isSecret() bool {
	_, ok := f.value.Interface().(Secret)
	return ok
}

// set parses text into the field. The error says what to write instead and
// does not quote the text.
func (f field) set(text string) error {
	switch f.value.Interface().(type) {
	case string:
		if !f.isOneOf(text) || check(f.tag.Get("check"), text) != nil {
			return f.mistake()
		}
		f.value.SetString(text)
	case Secret:
		if check(f.tag.Get("check"), text) != nil {
			return f.mistake()
		}
		f.value.Set(reflect.ValueOf(NewSecret(text)))
	case []string:
		parts := split(text)
		for _, part := range parts {
			if check(f.tag.Get("check"), part) != nil {
				return f.mistake()
			}
		}
		f.value.Set(reflect.ValueOf(parts))
	case bool:
		b, ok := parseBool(text)
		if !ok {
			return f.mistake()
		}
		f.value.SetBool(b)
	default:
		n, err := f.number(text)
		if err != nil || n < f.bound("min") || n > f.bound("max") {
			return f.mistake()
		}
		if f.value.Kind() == reflect.Float64 {
			f.value.SetFloat(n)
		} else {
			f.value.SetInt(int64(n))
		}
	}
	return nil
}

// number reads any of the number kinds. All bounds are far below the 2^53 up to
// which a float64 is exact.
func (f field) number(text string) (float64, error) {
	switch f.value.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		return float64(d), err
	case Size:
		s, err := parseSize(text)
		return float64(s), err
	case int:
		n, err := strconv.Atoi(text)
		return float64(n), err
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if n != n {
			return 0, strconv.ErrSyntax // NaN passes every comparison
		}
		return n, err
	}
	panic("config: " + f.name + " has a type that cannot be read")
}

func (f field) bound(which string) float64 {
	n, err := f.number(f.tag.Get(which))
	if err != nil {
		panic("config: " + f.name + " has no good " + which + ": " + err.Error())
	}
	return n
}

func (f field) isOneOf(text string) bool {
	choices := f.tag.Get("oneof")
	return choices == "" || slices.Contains(strings.Split(choices, "|"), text)
}

// mistake says what may be written.
func (f field) mistake() error { return fmt.Errorf("write %s", f.accepts()) }

// accepts describes every value that is allowed.
func (f field) accepts() string {
	between := func(kind string) string {
		return fmt.Sprintf("%s from %s to %s", kind, f.tag.Get("min"), f.tag.Get("max"))
	}
	switch f.value.Interface().(type) {
	case bool:
		return "on or off"
	case int:
		return between("a whole number")
	case float64:
		return between("a number")
	case time.Duration:
		return between("a time such as 500ms, 30s or 2h,")
	case Size:
		return between("a size such as 4096, 64KiB or 1MiB,")
	}
	if choices := f.tag.Get("oneof"); choices != "" {
		return "one of " + strings.ReplaceAll(choices, "|", ", ")
	}
	switch f.tag.Get("check") {
	case "url":
		return "an address such as https://feedback.example.com"
	case "origin":
		return "origins such as https://www.example.com, separated by commas, without a path"
	case "key":
		return fmt.Sprintf("%d bytes as %d hexadecimal digits or in base64", keyBytes, 2*keyBytes)
	}
	return "a text"
}

// show writes the value as it would be written in the environment.
func (f field) show() string {
	switch v := f.value.Interface().(type) {
	case bool:
		if v {
			return "on"
		}
		return "off"
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(f.value.Interface())
}

func split(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1":
		return true, true
	case "off", "false", "no", "0":
		return false, true
	}
	return false, false
}
