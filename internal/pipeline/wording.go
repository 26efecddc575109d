package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// wording is what people are told, unless their project has words of its own.
// A word in braces stands for what placeholders names.
var wording = map[sdk.ReplyKind]string{
	sdk.Acknowledge: "Thank you. We have your message; its reference is {reference}.",
	sdk.Ask:         "Thank you. To look into this we need to know more:\n{missing}",
	sdk.Filed:       "We have filed this: {title}\n{url}",
	sdk.Fixed:       "This is done: {title}\n{url}",
	sdk.Declined:    "We have looked at this and decided not to do it: {title}\n{reason}",
	annotate:        "{class}, severity {severity}, {confidence} % sure.\n{reasoning}",
}

// placeholders are what a template may name.
var placeholders = []string{"reference", "title", "url", "number", "reason", "missing", "class", "severity", "confidence", "reasoning"}

// longestReply is how many characters a reply may have; Discord takes 2,000.
const longestReply = 1900

// words fills a kind's template in. A line that holds nothing but an empty
// placeholder is left out.
func words(settings records.Settings, kind sdk.ReplyKind, values map[string]string) string {
	template := settings.Templates[string(kind)]
	if strings.TrimSpace(template) == "" {
		template = wording[kind]
	}
	var lines []string
	for line := range strings.Lines(template) {
		line = strings.TrimRight(line, "\n")
		pairs := make([]string, 0, 2*len(values))
		for k, v := range values {
			pairs = append(pairs, "{"+k+"}", v)
		}
		filled := strings.NewReplacer(pairs...).Replace(line)
		if strings.TrimSpace(filled) != "" || strings.TrimSpace(line) == "" {
			lines = append(lines, filled)
		}
	}
	return cut(strings.TrimSpace(strings.Join(lines, "\n")), longestReply)
}

// CheckTemplates refuses templates that nobody could fill in.
func CheckTemplates(templates map[string]string) error {
	for kind, template := range templates {
		if wording[sdk.ReplyKind(kind)] == "" {
			return Fault(BadValue, "There is no kind of reply %q to give words to.", kind).At("settings.templates")
		}
		if len(template) > longestReply {
			return Fault(BadValue, "A template has at most %d bytes; that of %s has %d.", longestReply, kind, len(template)).At("settings.templates")
		}
		rest := template
		for {
			_, after, ok := strings.Cut(rest, "{")
			name, tail, closed := strings.Cut(after, "}")
			if !ok || !closed {
				break
			}
			if !slices.Contains(placeholders, name) {
				return Fault(BadValue, "The template of %s names {%s}; there are %s.", kind, name, strings.Join(placeholders, ", ")).At("settings.templates")
			}
			rest = tail
		}
	}
	return nil
}

// messageValues are the placeholders of one message.
func messageValues(r *core.Record) map[string]string {
	values := map[string]string{
		"reference": r.Id, "title": r.GetString("title"), "url": r.GetString("permalink"), "number": "", "reason": "",
		"class": r.GetString("class"), "severity": r.GetString("severity"), "reasoning": r.GetString("reasoning"),
		"confidence": fmt.Sprintf("%.0f", 100*r.GetFloat("confidence")), "missing": "",
	}
	if v, err := records.Verdict(r); err == nil && len(v.Missing) > 0 {
		values["missing"] = "- " + strings.Join(v.Missing, "\n- ")
	}
	return values
}

// issueValues are the placeholders of an issue.
func issueValues(issue *core.Record, reason string) map[string]string {
	return map[string]string{
		"reference": issue.Id, "title": issue.GetString("title"), "url": issue.GetString("tracker_url"),
		"number": issue.GetString("tracker_key"), "reason": reason, "class": issue.GetString("class"),
		"severity": issue.GetString("severity"), "reasoning": "", "confidence": "", "missing": "",
	}
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
