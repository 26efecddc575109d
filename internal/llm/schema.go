package llm

import (
	"fmt"
	"slices"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The limits of an answer. The schema states some of them, parseReply checks all.
const (
	minTitle     = 5
	maxReplyName = 100 // characters of a title
	maxLine      = 500 // of one step, criterion or missing thing
	maxProse     = 1500
	maxSteps     = 20
	maxCriteria  = 10
	maxMissing   = 10
	maxEvidence  = 10
	minQuote     = 3
	maxQuote     = 300
	maxEnv       = 100
	maxLabels    = 20
	maxReason    = 300 // of why it is the same
	maxTranslate = 2000
)

var evidenceFields = []string{"class", "severity", "steps", "observed", "expected", "title", "environment"}

var environmentKeys = []string{"version", "os", "browser", "device"}

// schemaFor is the JSON schema of an answer about an item. OpenAI's strict
// schemas know no length of a text; a server that does needs it, or a small
// model writes one text until it has no room left.
func schemaFor(it triage.Item, lengths bool) map[string]any {
	text := func(max int) map[string]any {
		s := map[string]any{"type": "string"}
		if lengths {
			s["maxLength"] = max
		}
		return s
	}
	choice := func(values ...string) map[string]any { return map[string]any{"type": "string", "enum": values} }
	list := func(item map[string]any, max int) map[string]any {
		return map[string]any{"type": "array", "items": item, "maxItems": max}
	}
	from := func(known []string, max int) map[string]any {
		if known = distinct(known); len(known) == 0 {
			return list(text(maxLine), max)
		}
		return list(choice(known...), max)
	}
	env := map[string]any{}
	for _, k := range environmentKeys {
		env[k] = text(maxEnv)
	}
	labels := from(it.Labels, maxLabels)
	if len(it.Labels) == 0 {
		labels["maxItems"] = 0
	}
	return object(map[string]any{
		"duplicate_of":     choice(append([]string{noDuplicate}, handles(it)...)...),
		"duplicate_reason": text(maxReason),
		"translation":      text(maxTranslate),
		"class":            choice("bug", "feature", "question", "noise"),
		"severity":         choice("critical", "high", "medium", "low"),
		"confidence":       map[string]any{"type": "number"},
		"language":         text(3),
		"reasoning":        text(maxProse),
		"title":            text(maxReplyName),
		"steps":            list(text(maxLine), maxSteps),
		"observed":         text(maxProse),
		"expected":         text(maxProse),
		"criteria":         list(text(maxLine), maxCriteria),
		"labels":           labels,
		"components":       from(it.Components, maxLabels),
		"environment":      object(env),
		"missing":          list(text(maxLine), maxMissing),
		"evidence": list(object(map[string]any{
			"field": choice(evidenceFields...), "quote": text(maxQuote),
		}), maxEvidence),
	})
}

// noDuplicate is the answer that none of the offered issues is the same.
const noDuplicate = "none"

// maxCandidates is how many issues are offered at most.
const maxCandidates = 5

// handles name the offered issues, in their order. The model does not get to
// know the ids: what it says cannot point at anything that was not offered.
func handles(it triage.Item) []string {
	out := make([]string, min(len(it.Candidates), maxCandidates))
	for i := range out {
		out[i] = fmt.Sprintf("c%d", i+1)
	}
	return out
}

// distinct drops what is there twice: a choice must not offer it twice.
func distinct(names []string) []string {
	var out []string
	for _, n := range names {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "required": sortedKeys(properties), "additionalProperties": false}
}
