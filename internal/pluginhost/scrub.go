package pluginhost

import (
	"encoding/json"
	"strings"
	"unicode"
)

// maxLine bounds a sentence that comes from a plugin, in bytes.
const maxLine = 400

// scrubber cuts an instance's secrets out of what its plugin says.
type scrubber struct{ secrets *strings.Replacer }

func newScrubber(m Manifest, config []byte) scrubber {
	var values map[string]any
	_ = json.Unmarshal(config, &values)
	var pairs []string
	add := func(v any) {
		if s, ok := v.(string); ok && len(s) >= 6 { // shorter ones would cut up ordinary words
			pairs = append(pairs, s, "[secret]")
		}
	}
	for _, field := range SecretFields(m) {
		add(values[field])
		list, _ := values[field].([]any)
		for _, v := range list {
			add(v)
		}
	}
	return scrubber{strings.NewReplacer(pairs...)}
}

// line makes s one line of printable text without secrets, of at most maxLine
// bytes.
func (s scrubber) line(text string) string {
	if len(text) > 64*maxLine {
		text = text[:64*maxLine]
	}
	text = strings.ToValidUTF8(s.secrets.Replace(text), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	return text
}
