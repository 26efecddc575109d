package acceptance

import (
	_ "embed"
	"regexp"
	"strings"
	"unicode/utf8"
)

func strictLong(p *probe) {
	original := strings.Repeat("This is a test. ", 100)
	p.kept(p.post(original, "discord"), original)

	filler := strings.Repeat("We have been using the product for some time in our team and look at it every day. ", 200)
	for _, n := range []int{5_000, 10_000} {
		text := filler[:n-1000] + "The app crashes every time I save the file. " + filler[:956]
		v := p.post(text, "discord")
		p.kept(v, text)
		p.one("Classification of a bug at the end of a long text", v.Classification, "bug")
	}
	text := strings.Repeat("long ", 20_000) // 100 kB
	a := p.send(call{method: "POST", url: p.Main.URL + "/api/feedback", body: map[string]string{"content": text, "source": "discord"}})
	p.problem(a, 41302)
	a = p.send(call{method: "POST", url: p.Main.URL + "/api/feedback", body: map[string]string{"content": strings.Repeat(text, 3), "source": "discord"}})
	p.problem(a, 41301)
}

func strictUnicode(p *probe) {
	const text = "🚀 App crashes when processing 你好世界 🎉"
	v := p.post(text, "discord")
	p.one("Classification", v.Classification, "bug")
	if !utf8.ValidString(v.Title) || strings.ContainsRune(v.Title, utf8.RuneError) {
		p.fault("Title = %q is cut inside of a character", v.Title)
	}
	r := p.kept(v, text)
	p.inFiledIssue(r.Issue, text)

	for _, text := range []string{
		"👩🏽‍💻👨‍👩‍👧‍👦 the editor crashes with a family of emoji",
		"האפליקציה קורסת כשאני לוחץ על כפתור הכניסה",
		"التطبيق يتعطل عند الضغط على زر الدخول",
		"e\u0301\u0323 a\u0308 Z͑ͫ̓ͪ̂ͫ the text field crashes on combining marks",
		"the app crashes with a NUL \x00 in the text",
		"the app crashes with \u200b\u2028\ufeff invisible ones",
		"𝕿𝖍𝖊 𝖆𝖕𝖕 crashes 🇯🇵 \U0010fffd",
		strings.Repeat("🎉", 300) + " the app crashes",
	} {
		v := p.post(text, "discord")
		p.kept(v, text)
		if !utf8.ValidString(v.Title+v.Reasoning) || strings.ContainsRune(v.Title+v.Reasoning, utf8.RuneError) {
			p.fault("%q: title %q or reasoning %q is cut inside of a character", clip(text), v.Title, v.Reasoning)
		}
	}
	for _, half := range []string{`\ud83d`, `\ude00`, `\ude00\ud83d`, `\ud83dx`} {
		a := p.send(call{method: "POST", url: p.Main.URL + "/api/feedback", body: []byte(`{"content":"half ` + half + ` of it","source":"discord"}`),
			header: map[string]string{"Content-Type": "application/json"}})
		p.problem(a, 40002)
	}
}

// inFiledIssue approves an issue and looks for a text in what the tracker got.
func (p *probe) inFiledIssue(issue, text string) {
	if issue == "" {
		p.stop("the message made no issue")
	}
	_, body, err := p.File(issue)
	if err != nil {
		p.stop("%v", err)
	}
	if !strings.Contains(body, text) {
		p.fault("the filed issue lacks %q:\n%s", text, clip(body))
	}
}

//go:embed testdata/xss.txt
var xssVectors string

// markup begins an HTML element or comment.
var markup = regexp.MustCompile(`<[A-Za-z!/?]`)

// ownMarkup is what the fragment of POST /api/feedback is made of.
var ownMarkup = regexp.MustCompile(`</?(article|h2|h3|p|strong|ol|ul|li)( class="verdict" data-feedback="[a-z0-9]{15}")?>`)

func strictXSS(p *probe) {
	const text = `<script>alert("xss")</script>`
	p.kept(p.post(text, "discord"), text)

	vectors := strings.Split(strings.TrimSpace(xssVectors), "\n")
	if len(vectors) != 30 {
		p.stop("%d vectors, want 30", len(vectors))
	}
	seen := map[string]bool{}
	for _, vector := range vectors {
		text := "The page crashes when I type " + vector + " into the search field, cc @alice, closes #12"
		r := p.kept(p.post(text, "discord"), text)
		p.fragment(vector, text)
		if r.Issue == "" || seen[r.Issue] {
			continue // it joined an issue that was looked at; its text is one of those that are shown or counted
		}
		seen[r.Issue] = true
		title, body, err := p.File(r.Issue)
		if err != nil {
			p.stop("%v", err)
		}
		if _, rest, ok := strings.Cut(body, "-->\n"); ok {
			body = rest // our own marker is the first line
		}
		for what, s := range map[string]string{"title": title, "body": outsideCode(body)} {
			if found := markup.FindString(s); found != "" && what == "body" {
				p.fault("%q: markup %q in the filed %s:\n%s", vector, found, what, clip(s))
			}
			for _, live := range []string{"@alice", "#12", "](javascript"} {
				if strings.Contains(s, live) {
					p.fault("%q: %s is live in the filed %s: %s", vector, live, what, clip(s))
				}
			}
		}
	}
	if len(seen) == 0 {
		p.fault("no vector made an issue")
	}

	a := p.get(p.Main.URL + "/")
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "img-src 'self' data:") {
		p.fault("Content-Security-Policy of / = %q", policy)
	}
}

// fragment posts as a browser's form does and wants an answer without live markup.
func (p *probe) fragment(vector, text string) {
	a := p.send(call{method: "POST", url: p.Main.URL + "/api/feedback", body: map[string]string{"content": text, "title": vector},
		header: map[string]string{"Accept": "text/html"}})
	html := string(a.body)
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(html, `class="verdict"`) {
		p.stop("%q: the fragment is %d %s", vector, a.status, clip(html))
	}
	if found := markup.FindString(ownMarkup.ReplaceAllString(html, "")); found != "" {
		p.fault("%q: the fragment has markup of its own: %s", vector, clip(html))
	}
}
