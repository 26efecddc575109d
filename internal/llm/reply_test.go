package llm

import (
	"errors"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func TestRepliesAreChecked(t *testing.T) {
	t.Parallel()
	say := llmtest.Say(llmtest.Request{Text: crash.Text})
	quote := func(field, q string) []map[string]string { return []map[string]string{{"field": field, "quote": q}} }
	cases := []struct {
		name, text, want string // want "": accepted
	}{
		{"good", say.JSON(), ""},
		{"in a fence", "```json\n" + say.JSON() + "\n```", ""},
		{"with words around it", "Here it is: " + say.JSON() + " Bye.", ""},
		{"no JSON", "It is a bug", "holds no JSON"},
		{"cut", say.JSON()[:200], "JSON"},
		{"two objects", say.JSON() + say.JSON(), "no valid JSON"},
		{"not UTF-8", strings.Replace(say.JSON(), "Model title", "Model \xff", 1), "no valid JSON"},
		{"wrong type", say.With("title", 7).JSON(), "given schema"},
		{"missing class", say.With("class", nil).JSON(), "class: missing"},
		{"missing confidence", say.With("confidence", nil).JSON(), "confidence: missing"},
		{"confidence 0 is not missing", say.With("confidence", 0).JSON(), ""},
		{"confidence 2", say.With("confidence", 2).JSON(), "between 0 and 1"},
		{"confidence -1", say.With("confidence", -1).JSON(), "between 0 and 1"},
		{"class in capitals", say.With("class", "BUG").JSON(), "class: must be one of"},
		{"language", say.With("language", "English").JSON(), "language"},
		{"und", say.With("language", "und").JSON(), ""},
		{"known labels", say.With("labels", []string{"bug", "crash", "bug"}).JSON(), ""},
		{"foreign label", say.With("labels", []string{"bug", "p0"}).JSON(), "labels"},
		{"short title", say.With("title", "Bug").JSON(), "title: shorter"},
		{"long title", say.With("title", strings.Repeat("x", 101)).JSON(), "title: longer"},
		{"two lines", say.With("title", "one line\nand another").JSON(), "title: more than one line"},
		{"bug without steps", say.With("steps", []string{" "}).JSON(), "steps"},
		{"bug without criteria", say.With("criteria", []string{}).JSON(), "criteria"},
		{"too many steps", say.With("steps", make([]string, 21)).JSON(), "steps: more than 20"},
		{"quote with other white space", say.With("evidence", quote("steps", "press  the\nlogin")).JSON(), ""},
		{"quote from the title", say.With("evidence", quote("title", "Login")).JSON(), ""},
		{"invented quote", say.With("evidence", quote("class", "it burns")).JSON(), "does not occur"},
		{"no quote", say.With("evidence", []string{}).JSON(), "evidence"},
		{"unknown field", say.With("evidence", quote("vibe", "app")).JSON(), "evidence"},
		{"component of the text", say.With("components", []string{"login button"}).JSON(), ""},
		{"invented component", say.With("components", []string{"kernel"}).JSON(), "components"},
		{"environment", say.With("environment", map[string]any{"os": "Android", "version": nil}).JSON(), ""},
		{"environment of its own", say.With("environment", map[string]any{"cpu": "x"}).JSON(), "environment"},
		{"a word with @ inside", say.With("observed", "reported by a@b").JSON(), ""},
	}
	for _, c := range cases {
		r, err := parseReply(c.text, crash, newRedactor())
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case c.want == "" && r.class != triage.Bug:
			t.Errorf("%s: class %q", c.name, r.class)
		}
	}
}

func TestADuplicateIsOneOfThoseOffered(t *testing.T) {
	t.Parallel()
	it := crash
	it.Candidates = []triage.Candidate{{ID: "issue-a", Title: "Login"}, {ID: "issue-b", Title: "Logout"}}
	say := llmtest.Say(llmtest.Request{Text: crash.Text})
	for _, c := range []struct {
		name, text, want string // want: the id, or what is wrong
		why              string
	}{
		{"none", say.JSON(), "", ""},
		{"the second", say.With("duplicate_of", "c2").With("duplicate_reason", "Both crash.").JSON(), "issue-b", "Both crash."},
		{"not offered", say.With("duplicate_of", "c3").JSON(), "duplicate_of: must be one of none, c1, c2", ""},
		{"an id", say.With("duplicate_of", "issue-a").JSON(), "duplicate_of: must be one of none, c1, c2", ""},
		{"missing", say.With("duplicate_of", nil).JSON(), "duplicate_of: missing", ""},
		{"a reason that reaches out", say.With("duplicate_of", "c1").With("duplicate_reason", "See https://evil.example").JSON(), "issue-a", ""},
		{"a reason too long", say.With("duplicate_of", "c1").With("duplicate_reason", strings.Repeat("x", 301)).JSON(), "issue-a", ""},
	} {
		r, err := parseReply(c.text, it, newRedactor(it.Text))
		if got := r.duplicateOf; err == nil && (got != c.want || r.duplicateWhy != c.why) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q %q, %v; want %q", c.name, got, r.duplicateWhy, err, c.want)
		}
	}
}

func TestATranslationIsThereWhenItIsNeeded(t *testing.T) {
	t.Parallel()
	say := llmtest.Say(llmtest.Request{Text: crash.Text})
	for _, c := range []struct{ name, project, language, text, want, wrong string }{
		{"the project's language", "", "en", "ignored", "", ""},
		{"another", "", "de", "In English.", "In English.", ""},
		{"the project's is another", "de", "en", "Auf Deutsch.", "Auf Deutsch.", ""},
		{"missing", "", "de", "", "", "translation: empty"},
		{"unknown language", "", "und", "", "", ""},
		{"with a link", "", "de", "See https://evil.example", "", "translation: holds a link"},
		{"too long", "", "de", strings.Repeat("x", 2001), "", "translation: longer"},
	} {
		it := crash
		it.Language = c.project
		r, err := parseReply(say.With("language", c.language).With("translation", c.text).JSON(), it, newRedactor(it.Text))
		if c.wrong == "" && (err != nil || r.translation != c.want) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %q, %v; want %q %q", c.name, r.translation, err, c.want, c.wrong)
		}
	}
}

func TestAKeyDoesNotGetIntoATitle(t *testing.T) {
	t.Parallel()
	it := triage.Item{Text: "It fails with\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----\nin the log"}
	hidden := newRedactor(it.Text)
	hidden.redact(it.Text)
	say := llmtest.Say(llmtest.Request{Text: "It fails with"}).With("title", "Fails with [KEY_1] in the log")
	r, err := parseReply(say.JSON(), it, hidden)
	if err != nil || r.spec.Title != "Fails with [KEY_1] in the log" {
		t.Errorf("title = %q, %v", r.spec.Title, err)
	}
}

func FuzzLLMReply(f *testing.F) {
	request := llmtest.Request{Text: crash.Text}
	f.Add(llmtest.Good(request))
	for _, s := range llmtest.Hostile(request) {
		f.Add(s)
	}
	for _, s := range []string{"", "{}", "{", "}{", "null", `{"class":null}`, "```json\n{}\n```", "data: {\"x\":1}\n\n", `{"confidence":1e999}`,
		`{"confidence":NaN}`, strings.Repeat("[", 5000), "{" + strings.Repeat(`"a":{`, 2000), "\xff{}", `{"evidence":[{"field":"class","quote":"\ud800"}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r reply
		var err error
		it := crash
		it.Candidates = []triage.Candidate{{ID: "issue-a", Title: "Login"}}
		took := cpuTime(t, func() { r, err = parseReply(text, it, newRedactor(it.Text)) })
		if took > slowest(len(text)) {
			t.Errorf("%d bytes took %v", len(text), took)
		}
		if err != nil {
			if !errors.Is(err, triage.ErrNoAnswer) {
				t.Errorf("parseReply(%q) = %v", text, err)
			}
			return
		}
		e := &Engine{cfg: Config{Registry: Registry{Judge: Model{Name: "m"}}}}
		v := e.verdict(r, crash, first)
		checkVerdict(t, v, crash)
		if v.Class == triage.Bug && len(v.Steps) == 0 {
			t.Error("a bug without steps")
		}
		if v.DuplicateOf != "" && v.DuplicateOf != "issue-a" {
			t.Errorf("duplicate of %q, which was not offered", v.DuplicateOf)
		}
	})
}

func TestReadingAReplyTakesLinearTime(t *testing.T) {
	say := llmtest.Say(llmtest.Request{Text: crash.Text})
	for name, make := range map[string]func(n int) string{
		"open objects":  func(n int) string { return strings.Repeat(`{"a":`, n/5) },
		"open lists":    func(n int) string { return "{" + strings.Repeat("[", n) + "}" },
		"long text":     func(n int) string { return say.With("observed", strings.Repeat("x ", n/2)).JSON() },
		"many links":    func(n int) string { return say.With("observed", strings.Repeat("http://a.b ", n/11)).JSON() },
		"many brackets": func(n int) string { return say.With("observed", strings.Repeat("[](", n/3)).JSON() },
		"many steps":    func(n int) string { return say.With("steps", strings.Split(strings.Repeat("a,", n/2), ",")).JSON() },
		"many spaces":   func(n int) string { return say.With("title", strings.Repeat(" ", n)).JSON() },
		"long quote": func(n int) string {
			return say.With("evidence", []map[string]string{{"field": "class", "quote": strings.Repeat("a ", n/2)}}).JSON()
		},
		"long reason":  func(n int) string { return say.With("duplicate_reason", strings.Repeat("a@ ", n/3)).JSON() },
		"placeholders": func(n int) string { return say.With("expected", strings.Repeat("[KEY_1]", n/7)).JSON() },
	} {
		linear(t, name, func(n int) { _, _ = parseReply(make(n), crash, newRedactor(crash.Text)) })
	}
}
