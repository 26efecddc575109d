package acceptance

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// strict are the twelve checks again, of which no server passes one that does
// not do the work; and one before them that asks only whether something is alive.
var strict = []check{
	{number: 0, name: "liveness", ask: func(p *probe) { p.get(p.Main.URL + "/api/health") }},
	{number: 1, name: "server health", ask: strictHealth, waits: true},
	{number: 2, name: "bug", ask: strictBug},
	{number: 3, name: "feature", ask: strictFeature},
	{number: 4, name: "question", ask: strictQuestion},
	{number: 5, name: "severity", ask: strictSeverity},
	{number: 6, name: "spec", ask: strictSpec},
	{number: 7, name: "long", ask: strictLong},
	{number: 8, name: "unicode", ask: strictUnicode},
	{number: 9, name: "xss", ask: strictXSS},
	{number: 10, name: "rate limit", ask: strictRateLimit, waits: true},
	{number: 11, name: "circuit breaker", ask: strictBreaker, waits: true},
	{number: 12, name: "metrics", ask: strictMetrics},
}

//go:embed testdata/paraphrases.txt
var paraphrases string

func strictBug(p *probe) {
	const text = "App crashes when I click the login button"
	v := p.post(text, "discord")
	p.one("Classification", v.Classification, "bug")
	p.one("Severity", v.Severity, "high", "critical")
	if r := strings.ToLower(v.Reasoning); !strings.Contains(r, "crash") && !strings.Contains(r, "login") {
		p.fault("Reasoning %q quotes nothing of the text", v.Reasoning)
	}
	r := p.kept(v, text)
	if len(r.Evidence) == 0 {
		p.fault("no evidence is stored")
	}
	for _, e := range r.Evidence {
		if e.Start < 0 || e.End <= e.Start || e.End > len(text) {
			p.fault("evidence [%d:%d] lies outside of the text", e.Start, e.End)
		}
	}
	// Somebody who calls everything a bug would have passed so far.
	if v := p.post("Thank you so much, the new release is wonderful!", "discord"); v.Classification == "bug" {
		p.fault("praise is a bug")
	}

	texts := strings.Split(strings.TrimSpace(paraphrases), "\n")
	got := p.judgeAll(texts)
	right := 0
	var wrong []string
	for i, v := range got {
		if v.Classification == "bug" && (v.Severity == "high" || v.Severity == "critical") {
			right++
		} else {
			wrong = append(wrong, texts[i]+" → "+v.Classification+"/"+v.Severity)
		}
	}
	if right*10 < len(texts)*9 {
		p.fault("%d of %d paraphrases are bug and high or critical, want 90 %%; not so: %q", right, len(texts), wrong)
	}
}

// judgeAll posts texts, eight at a time, without waiting for what comes later.
func (p *probe) judgeAll(texts []string) []verdict {
	got := make([]verdict, len(texts))
	answers := make([]answer, len(texts))
	errs := make([]error, len(texts))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, text := range texts {
		slots <- struct{}{}
		wg.Go(func() {
			answers[i], errs[i] = call{method: "POST", url: p.Main.URL + "/api/feedback",
				body: map[string]string{"content": text, "source": "discord", "user_id": "test"}}.do()
			<-slots
		})
	}
	wg.Wait()
	for i := range texts {
		if errs[i] != nil {
			p.stop("%v", errs[i])
		}
		p.json(answers[i], 200, &got[i])
	}
	return got
}

func strictFeature(p *probe) {
	const text = "Please add dark mode to the application"
	v := p.post(text, "slack")
	p.one("Classification", v.Classification, "feature")
	p.one("Severity", v.Severity, "low", "medium")
	p.kept(v, text)
	if len(v.ReproductionSteps) > 0 {
		p.fault("a wish has steps to reproduce: %q", v.ReproductionSteps)
	}
	for _, text := range []string{"Please fix the crash", "It would be great if it stopped crashing"} {
		v := p.post(text, "slack")
		p.one("Classification of "+text, v.Classification, "bug")
		p.kept(v, text)
	}
}

func strictQuestion(p *probe) {
	const text = "How do I reset my password?"
	v := p.post(text, "email")
	p.one("Classification", v.Classification, "question")
	r := p.kept(v, text)
	p.one("State", r.State, "triaged")
	p.one("Issue", r.Issue, "")
	v = p.post("How do I stop it from deleting my files?", "email")
	if v.Classification == "question" && v.Severity == "low" {
		p.fault("files that are deleted are a question of low severity")
	}
}

func strictSeverity(p *probe) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Complete data loss when saving files", []string{"critical"}},
		{"There is a critical typo in the footer", []string{"medium", "low"}},
		{"critical typo in footer", []string{"medium", "low"}},
		{"no data loss, just a cosmetic glitch", []string{"low"}},
	} {
		v := p.post(c.text, "github")
		p.one("Severity of "+c.text, v.Severity, c.want...)
		p.kept(v, c.text)
	}
}

func strictSpec(p *probe) {
	const text = "Login button not working on mobile"
	v := p.post(text, "discord")
	p.kept(v, text)
	if n := utf8.RuneCountInString(v.Title); n < 5 || n > 100 || strings.EqualFold(v.Title, text) || strings.ContainsAny(v.Title, "\r\n") {
		p.fault("Title = %q, want one line of 5 to 100 characters that is not the raw text", v.Title)
	}
	if !strings.Contains(strings.ToLower(v.Title), "login") {
		p.fault("Title = %q says nothing of the login", v.Title)
	}
	if len(v.AcceptanceCriteria) == 0 || len(v.ReproductionSteps) == 0 {
		p.fault("a bug has %d criteria and %d steps, want at least one of each", len(v.AcceptanceCriteria), len(v.ReproductionSteps))
	}
	wish := p.post("It would be nice to export the report as PDF", "discord")
	p.one("Classification of the wish", wish.Classification, "feature")
	if len(wish.ReproductionSteps) > 0 || len(wish.AcceptanceCriteria) == 0 {
		p.fault("a wish has %d steps and %d criteria, want none and at least one", len(wish.ReproductionSteps), len(wish.AcceptanceCriteria))
	}
	for _, v := range []verdict{v, wish} {
		for _, l := range v.SuggestedLabels {
			if !slices.Contains(p.Labels, l) {
				p.fault("label %q is none of the project's %q", l, p.Labels)
			}
		}
	}
	if len(v.SuggestedLabels) == 0 {
		p.fault("no label is suggested; the project has %q", p.Labels)
	}
}
