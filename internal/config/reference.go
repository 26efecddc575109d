package config

import (
	"fmt"
	"strings"
)

// String lists every setting as NAME=value, one on each line. A secret shows
// as "[secret]".
func (c Config) String() string {
	var b strings.Builder
	for _, f := range fields(&c) {
		fmt.Fprintf(&b, "%s=%s\n", f.name, f.show())
	}
	return b.String()
}

// Reference is the text of docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Written by "go generate ./internal/config" from the tags in internal/config/config.go. Do not edit. -->

Nothing needs to be set. Every setting is an environment variable and has a default.

- An empty variable counts as not set.
- All mistakes are reported together at the start, each with what to write instead. A name that begins with
  ` + "`" + Prefix + "`" + ` and is not in this list is a mistake too.
- A secret can come from a file: put the file's path into the variable with ` + "`_FILE`" + ` at its end.
- Secrets never appear in logs, errors or the API.
`)
	group := ""
	d := Default()
	for _, f := range fields(&d) {
		if f.group != group {
			group = f.group
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| Variable | Default | Meaning |\n|---|---|---|\n", group, f.about)
		}
		name, value := "`"+f.name+"`", f.tag.Get("default")
		if f.hasFile() {
			name += ", `" + f.name + "_FILE`"
		}
		if value == "" {
			value = "empty"
		} else {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s |\n", name, value, f.tag.Get("help"), f.allowed())
	}
	return b.String()
}

// allowed adds what the help does not say.
func (f field) allowed() string {
	if f.tag.Get("min") != "" {
		return fmt.Sprintf(" From %s to %s.", f.tag.Get("min"), f.tag.Get("max"))
	}
	if choices := f.tag.Get("oneof"); choices != "" {
		return " One of " + strings.ReplaceAll(choices, "|", ", ") + "."
	}
	return ""
}
