package acceptance

import (
	"fmt"
	"strings"
)

// lenient are the original's twelve checks as its script had them: words
// somewhere in the body, or only that something answered at all. They prove
// little, and a caller of the original may depend on them.
var lenient = []check{
	{number: 1, name: "server health", ask: func(p *probe) { p.get(p.Main.URL + "/api/stats") }},
	{number: 2, name: "bug", ask: words("App crashes when I click the login button", "discord", []string{"bug"}, []string{"high", "critical"})},
	{number: 3, name: "feature", ask: words("Please add dark mode to the application", "slack", []string{"feature"}, []string{"low", "medium"})},
	{number: 4, name: "question", ask: words("How do I reset my password?", "email", []string{"question"})},
	{number: 5, name: "severity", ask: words("Complete data loss when saving files", "github", []string{"critical"})},
	{number: 6, name: "spec", ask: func(p *probe) {
		body := strings.ToLower(p.original("Login button not working on mobile", "discord"))
		for _, w := range []string{`"title"`, "acceptancecriteria"} {
			if !strings.Contains(body, w) {
				p.fault("no %s in the body", w)
			}
		}
	}},
	{number: 7, name: "long", ask: words(strings.Repeat("This is a test. ", 100), "discord")},
	{number: 8, name: "unicode", ask: words("🚀 App crashes when processing 你好世界 🎉", "discord")},
	{number: 9, name: "xss", ask: words(`<script>alert("xss")</script>`, "discord")},
	{number: 10, name: "rate limit", ask: func(p *probe) {
		done := make(chan error)
		for i := range 5 {
			go func() {
				_, err := call{method: "POST", url: p.Main.URL + "/api/feedback",
					body: map[string]string{"content": fmt.Sprintf("Test %d", i), "source": "discord", "user_id": "test"}}.do()
				done <- err
			}()
		}
		for range 5 {
			if err := <-done; err != nil {
				p.fault("%v", err)
			}
		}
		p.contains(p.get(p.Main.URL+"/api/stats"), "rate_limit")
	}},
	{number: 11, name: "circuit breaker", ask: func(p *probe) {
		if strings.Contains(string(p.get(p.Main.URL+"/api/stats").body), "OPEN") {
			p.fault("the breaker is OPEN")
		}
	}},
	{number: 12, name: "metrics", ask: func(p *probe) { p.contains(p.get(p.Main.URL+"/api/metrics"), "classification_accuracy") }},
}

// words posts a message and wants one word of each list somewhere in the body.
func words(content, source string, lists ...[]string) func(*probe) {
	return func(p *probe) {
		body := p.original(content, source)
		for _, list := range lists {
			found := false
			for _, w := range list {
				found = found || strings.Contains(body, w)
			}
			if !found {
				p.fault("none of %v in the body: %s", list, clip(body))
			}
		}
	}
}

func (p *probe) original(content, source string) string {
	return string(p.send(call{method: "POST", url: p.Main.URL + "/api/feedback",
		body: map[string]string{"content": content, "source": source, "user_id": "test"}}).body)
}

func (p *probe) contains(a answer, word string) {
	if !strings.Contains(string(a.body), word) {
		p.fault("no %s in the body: %s", word, clip(string(a.body)))
	}
}
