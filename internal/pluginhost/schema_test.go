package pluginhost

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

var everyType = Manifest{Name: "n", ConfigSchema: `{
	"type": "object", "required": ["token", "tags"],
	"properties": {
		"token":  {"type": "string", "secret": true, "minLength": 4, "maxLength": 8, "description": "Ask your admin."},
		"mode":   {"type": "string", "enum": ["fast", "slow"]},
		"count":  {"type": "integer", "minimum": 1, "maximum": 9},
		"ratio":  {"type": "number"},
		"on":     {"type": "boolean"},
		"tags":   {"type": "array", "items": {"type": "string", "maxLength": 3}},
		"keys":   {"type": "array", "items": {"type": "string", "secret": true}}
	}}`}

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	const ok = `"token":"päss","tags":["a"]`
	for config, want := range map[string]string{
		`{` + ok + `}`: "",
		`{` + ok + `,"mode":"fast","count":9,"ratio":0.5,"on":false,"keys":[]}`: "",
		`{` + ok + `,"mode":"","count":null}`:                                   "",
		`{` + ok + `,"ratio":1e3}`:                                              "",

		``:                                   "tags: is required\ntoken: is required. Ask your admin.",
		`{}`:                                 "tags: is required\ntoken: is required. Ask your admin.",
		`{"token":"","tags":[]}`:             "tags: is required\ntoken: is required. Ask your admin.",
		`{"token":null,"tags":["a"]}`:        "token: is required. Ask your admin.",
		`{` + ok + `,"mode":"quick"}`:        "mode: is not one of fast, slow",
		`{` + ok + `,"mode":7}`:              "mode: is the number 7, want text",
		`{` + ok + `,"count":"7"}`:           "count: is text, want a whole number",
		`{` + ok + `,"count":1.5}`:           "count: is the number 1.5, want a whole number",
		`{` + ok + `,"count":0}`:             "count: is below 1",
		`{` + ok + `,"count":10}`:            "count: is above 9",
		`{` + ok + `,"on":"yes"}`:            "on: is text, want true or false",
		`{` + ok + `,"ratio":true}`:          "ratio: is true or false, want a number",
		`{"token":"abcd","tags":"a"}`:        "tags: is text, want a list",
		`{"token":"abcd","tags":["a",7]}`:    "tags: at position 2 is the number 7, want text",
		`{"token":"abcd","tags":["a",""]}`:   "tags: has nothing at position 2",
		`{"token":"abcd","tags":["abcd"]}`:   "tags: at position 1 has 4 characters, at most 3 are allowed",
		`{"token":"abcd","tags":{"a":1}}`:    "tags: is an object, want a list",
		`{"token":"abc","tags":["a"]}`:       "token: has 3 characters, at least 4 are needed. Ask your admin.",
		`{"token":"s3cr3t-99","tags":["a"]}`: "token: has 9 characters, at most 8 are allowed. Ask your admin.",
		`{` + ok + `,"tokn":"s3cr3t"}`:       "tokn: is not a setting of n. It has: count, keys, mode, on, ratio, tags, token.",
		`[]`:                                 "the configuration is a list, want a JSON object",
		`null`:                               "the configuration is null, want a JSON object",
		`{} {}`:                              "the configuration has text after its end",
		`{"token":`:                          "the configuration is not JSON: unexpected EOF",
	} {
		var lines []string
		for _, d := range CheckConfig(everyType, []byte(config)) {
			lines = append(lines, d.String())
			if d.Severity != sdk.Error {
				t.Errorf("%s: severity %s", config, d.Severity)
			}
		}
		if d := cmp.Diff(want, strings.Join(lines, "\n")); d != "" {
			t.Errorf("%s (-want +got):\n%s", config, d)
		}
		if strings.Contains(strings.Join(lines, ""), "s3cr3t") {
			t.Errorf("%s: a value is quoted", config)
		}
	}
	if d := cmp.Diff([]string{"keys", "token"}, SecretFields(everyType)); d != "" {
		t.Errorf("SecretFields (-want +got):\n%s", d)
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := fakeManifest("tracker")
	with := func(schema string) Manifest { m := good; m.ConfigSchema = schema; return m }
	for what, list := range map[string][]Manifest{
		"twice":             {good, good},
		"no kind":           {{Name: "x", Version: "1", ConfigSchema: "{}"}},
		"schema not JSON":   {with("{")},
		"schema of a list":  {with(`{"type":"array"}`)},
		"unknown type":      {with(`{"type":"object","properties":{"a":{"type":"date"}}}`)},
		"list of nothing":   {with(`{"type":"object","properties":{"a":{"type":"array"}}}`)},
		"required, unknown": {with(`{"type":"object","required":["a"]}`)},
	} {
		if h, err := Open(Config{Manifests: list, StateDir: t.TempDir()}); err == nil {
			h.Close()
			t.Errorf("%s: no error", what)
		}
	}
}

func TestManifestsAreSorted(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	var names []string
	for _, m := range h.Manifests() {
		names = append(names, m.Name)
	}
	if got := fmt.Sprint(names); got != "[exits garbage liar nocert raw silent source talks tracker version2]" {
		t.Errorf("names %v", got)
	}
	if m, ok := h.Manifest("source"); !ok || m.Kind != KindSource {
		t.Errorf("Manifest(source) = %+v, %v", m, ok)
	}
	if _, ok := h.Manifest("nobody"); ok {
		t.Error("Manifest(nobody) was found")
	}
}
