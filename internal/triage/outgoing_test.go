package triage_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))

// What a tracker does with the rendered text, as opposed to its Markdown.
var (
	mention = regexp.MustCompile(`(^|[^A-Za-z0-9_])@[A-Za-z0-9]`)
	email   = regexp.MustCompile(`[A-Za-z0-9]@[A-Za-z0-9]`)
	issue   = regexp.MustCompile(`#\d|(?i)\bgh-\d`)
	hash    = regexp.MustCompile(`(?i)\b[0-9a-f]{7,40}\b`)
	closing = regexp.MustCompile(`(?i)\b(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s+(\S*#\d|gh-\d|https?://)`)
	linked  = regexp.MustCompile(`(?i)://|www\.[a-z0-9]|mailto:[a-z0-9]|xmpp:[a-z0-9]`)
	command = regexp.MustCompile(`(?m)^\s*[/!.]\w`)
	hidden  = regexp.MustCompile(`[\x{061C}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}\x{E0000}-\x{E007F}\x{00AD}]`)
	bidi    = regexp.MustCompile(`[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{E0000}-\x{E007F}]`)
	marker  = regexp.MustCompile(`(?i)<!--\s*iterateswarm`)
)

// defects renders Markdown and names what a tracker would act on, outside code.
// own says which link is ours.
func defects(md, own string) []string {
	src := []byte(md)
	var found []string
	add := func(what string) { found = append(found, what) }
	var plain strings.Builder
	doc := gfm.Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			if n.Type() == ast.TypeBlock {
				plain.WriteByte('\n')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Image:
			add("image")
		case *ast.Link:
			if own == "" || string(n.Destination) != own {
				add("link to " + string(n.Destination))
			}
		case *ast.AutoLink:
			add("autolink " + string(n.URL(src)))
		case *ast.RawHTML, *ast.HTMLBlock:
			add("html")
		case *ast.CodeSpan, *ast.FencedCodeBlock, *ast.CodeBlock:
			plain.WriteString(" code ")
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			// The renderer resolves escapes and entities; the filters read what it wrote.
			plain.WriteString(rendered(n.Value(src)))
			if n.SoftLineBreak() || n.HardLineBreak() {
				plain.WriteByte('\n')
			}
		case *ast.String:
			plain.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	for name, re := range map[string]*regexp.Regexp{"mention": mention, "email": email, "issue": issue, "hash": hash,
		"closing keyword": closing, "address": linked, "hidden character": hidden} {
		if m := re.FindString(plain.String()); m != "" {
			add(fmt.Sprintf("%s %q", name, m))
		}
	}
	if marker.MatchString(md) {
		add("marker")
	}
	if bidi.MatchString(md) {
		add("bidi")
	}
	return found
}

var escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")

func rendered(b []byte) string {
	s := escaped.ReplaceAllString(string(b), "$1")
	return strings.NewReplacer("&lt;", "<", "&amp;", "&", "&gt;", ">").Replace(s)
}

// hostile are pieces that mean something to Markdown, to a tracker or to a bot.
var hostile = []string{
	"@alice", "@acme/backend", "@", "cc @bob.", "a@b.example", "#12", "acme/web#99", "GH-7", "fixes #3", "closes: acme/web#4", "resolves https://github.com/a/b/issues/5",
	"deadbeef1", "0123456789abcdef0123456789abcdef01234567", "acme/web@deadbeef", "1234567", "![x](http://t.example/p?q=1)", "![x][r]", "[r]: http://t.example/x", "[text](http://e.example)", "[text][r]", "[r]", "<http://e.example>",
	"http://e.example/a_b*c", "https://x", "HTTPS://X.example", "1http://x.example", "www.e.example", "WWW.E.example", "mailto:a@b.example", "ftp://f.example", "://", "www..", "www.", "javascript://x",
	"<!--", "-->", "<!-- iterateswarm:v1 k=ABC -->", "<!-- iterateswarm fid=abc -->", "<img src=x onerror=alert(1)>", "<b>", "</details>", "<script>", "<a href='x'>", "<?php", "<![CDATA[", "&lt;b&gt;", "&#64;alice", "&#35;12", "&amp;#35;12", "&commat;alice", "&", "&lt", "&nbsp;",
	"```", "````", "`", "``", "~~~", "`a`", "`deadbeef`", "`http://x.example`", "\n```\n", "\n~~~~\n", "    code", "\tcode",
	"/close", "/label bug", "!deploy", ".retest", "bors r+", "/", "\n/merge", "\n  /approve", "\r/lgtm",
	"# h", "## h", "- item", "* item", "+ item", "1. one", "2) two", "> quote", "---", "===", "***", "___", "| a | b |", "|---|---|", ":--", "[^1]", "[^1]: note", "- [ ] task", "*em*", "**b**", "_em_", "snake_case_name", "~~s~~", "$x$", "$$", ":smile:",
	"\\", "\\\\", "\\@", "\\`", "\\<", "\\[", "\\\n", "\u202e", "\u200b", "\u2066", "\u200d", "\ufeff", "\U000e0041", "\u00ad", "\u2028", "\u0085", "\x00", "\x1b[31m", "\r", "\r\n", "\n", "\n\n", "\n\n\n", " ", "  ", "\t", "\u00a0", "\u3000",
	"é", "e\u0301\u0301\u0301\u0301\u0301\u0301", "日本語", "👍🏽", "🇩🇪", "👨\u200d👩\u200d👧", "word", "crash", "x", "1", ".", ",", "!", "?", "(", ")", "'", "\"", "…", "\xff", "\xed\xa0\x80",
}

func hostileText(r *rand.Rand) string {
	var b strings.Builder
	for n := r.IntN(12) + 1; n > 0; n-- {
		b.WriteString(hostile[r.IntN(len(hostile))])
		if r.IntN(3) == 0 {
			b.WriteByte(" \n"[r.IntN(2)])
		}
	}
	return b.String()
}

func checkNeutral(t *testing.T, in string, limit int) {
	t.Helper()
	out := triage.Neutralise(in, limit)
	if limit > 0 && len(out) > limit {
		t.Errorf("Neutralise(%q, %d) is %d bytes", in, limit, len(out))
	}
	if !utf8.ValidString(out) {
		t.Errorf("Neutralise(%q) = %q, no UTF-8", in, out)
	}
	if d := defects(out, ""); len(d) > 0 {
		t.Errorf("Neutralise(%q, %d) = %q keeps %v", in, limit, out, d)
	}
	if m := command.FindString(out); m != "" {
		t.Errorf("Neutralise(%q) = %q keeps the command %q", in, out, m)
	}
	if again := triage.Neutralise(out, limit); again != out {
		t.Errorf("Neutralise twice: %q, then %q, then %q", in, out, again)
	}
}

func TestNeutraliseLeavesNothingToActOn(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		checkNeutral(t, h, 0)
		checkNeutral(t, h+" word", 0)
		checkNeutral(t, "word "+h, 40)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < 20_000 && !t.Failed(); i++ {
		checkNeutral(t, hostileText(r), []int{0, 0, 20, 60}[r.IntN(4)])
	}
}

func TestNeutraliseIsReadable(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"The app crashes on start.", "The app crashes on start."},
		{"cc @alice", "cc ＠alice"},
		{"fixes #12, see https://x.example/a.", "fixes ＃12, see `https://x.example/a`."},
		{"since deadbeef1 it is slow", "since `deadbeef1` it is slow"},
		{"a < b && c", "a &lt; b && c"},
		{"snake_case and *stars*", `snake_case and \*stars\*`},
		{"C# and C++", "C# and C++"},
		{"1. open\n2. click", "1\\. open\n2\\. click"},
		{"/close", `\/close`},
		{"naïve 日本語 👍🏽", "naïve 日本語 👍🏽"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := triage.Neutralise(tt.in, 0); got != tt.want {
			t.Errorf("Neutralise(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func checkTitle(t *testing.T, in string) {
	t.Helper()
	out := triage.IssueTitle(in)
	switch {
	case out == "" || strings.TrimSpace(out) == "":
		t.Errorf("IssueTitle(%q) is empty", in)
	case strings.ContainsAny(out, "\n\r\t"):
		t.Errorf("IssueTitle(%q) = %q has a line break", in, out)
	case utf8.RuneCountInString(out) > 200:
		t.Errorf("IssueTitle(%q) has %d characters", in, utf8.RuneCountInString(out))
	case !utf8.ValidString(out):
		t.Errorf("IssueTitle(%q) = %q, no UTF-8", in, out)
	}
	if d := defects(out, ""); len(d) > 0 || command.MatchString(out) {
		t.Errorf("IssueTitle(%q) = %q keeps %v", in, out, d)
	}
	if again := triage.IssueTitle(out); again != out {
		t.Errorf("IssueTitle twice: %q, then %q, then %q", in, out, again)
	}
}

func TestIssueTitleIsOneSafeLine(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for i := 0; i < 10_000 && !t.Failed(); i++ {
		checkTitle(t, hostileText(r))
	}
	for _, in := range []string{"", " ", "...", "\u200b", "🇩🇪", "/close"} {
		checkTitle(t, in)
	}
}

func TestIssueTitleCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"e\u0301", "👍🏽", "🇩🇪", "각", "\u1112\u1161\u11ab", "नि", "क्ष", "ก็", "x"} {
		for pad := range 4 {
			in := strings.Repeat("a", pad) + strings.Repeat(unit, 300)
			out := triage.IssueTitle(in)
			kept, ok := strings.CutSuffix(out, "…")
			if !ok || utf8.RuneCountInString(out) < 150 {
				t.Errorf("IssueTitle of %d × %q = %q", 300, unit, out)
				continue
			}
			state, rest, whole := -1, in, 0
			for len(rest) > 0 && whole < len(kept) {
				var c string
				c, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
				whole += len(c)
			}
			if whole != len(kept) {
				t.Errorf("IssueTitle cuts %q inside a character: %q", unit, out)
			}
		}
	}
}

func unfence(s string) (string, bool) {
	head, rest, _ := strings.Cut(s, "\n")
	fence := strings.TrimSuffix(head, "text")
	return strings.CutSuffix(rest, "\n"+fence)
}

func checkFence(t *testing.T, in string) {
	t.Helper()
	out := triage.Fence(in)
	doc := gfm.Parser().Parse(text.NewReader([]byte(out + "\n\n@end")))
	block, ok := doc.FirstChild().(*ast.FencedCodeBlock)
	if !ok || block.NextSibling() == nil || block.NextSibling().Kind() != ast.KindParagraph {
		t.Errorf("Fence(%q) = %q is left by its text", in, out)
		return
	}
	inside, ok := unfence(out)
	if !ok {
		t.Errorf("Fence(%q) = %q does not end with its fence", in, out)
	}
	if bidi.MatchString(out) || marker.MatchString(out) {
		t.Errorf("Fence(%q) = %q shows a direction mark or our marker", in, out)
	}
	if deceives.MatchString(in) || marker.MatchString(in) || !utf8.ValidString(in) {
		return
	}
	if inside != strings.TrimSuffix(in, "\n") {
		t.Errorf("Fence(%q) holds %q", in, inside)
	}
}

var deceives = regexp.MustCompile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u2028\u2029]|" + bidi.String() + `|[\x{E0000}-\x{E0FFF}]`)

func TestFenceHoldsItsText(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for i := 0; i < 10_000 && !t.Failed(); i++ {
		checkFence(t, hostileText(r))
	}
}

func hostileDraft(r *rand.Rand) triage.IssueDraft {
	many := func() []string {
		var out []string
		for range r.IntN(4) {
			out = append(out, hostileText(r))
		}
		return out
	}
	d := triage.IssueDraft{Class: triage.Bug, Severity: triage.High, Confidence: r.Float64(), Reports: r.IntN(9), Reporters: r.IntN(5),
		Reasoning: hostileText(r), Engine: hostileText(r), ItemURL: []string{"", ownURL, "javascript:alert(1)", "https://x.example/a)![x](http://y.example"}[r.IntN(4)]}
	d.Title, d.Observed, d.Expected = hostileText(r), hostileText(r), hostileText(r)
	d.Steps, d.Criteria, d.Missing = many(), many(), many()
	d.Environment = map[string]string{"os": hostileText(r), hostileText(r): hostileText(r)}
	for range r.IntN(4) {
		d.Originals = append(d.Originals, triage.Original{Source: hostileText(r), Handle: hostileText(r), Permalink: hostileText(r),
			At: time.Unix(r.Int64N(1<<31), 0), Text: hostileText(r)})
	}
	return d
}

const ownURL = "https://swarm.example/#/items/abc123"

func TestIssueBodyLeavesNothingToActOn(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for i := 0; i < 10_000 && !t.Failed(); i++ {
		d := hostileDraft(r)
		body := triage.IssueBody(d)
		if bad := defects(body, ownURL); len(bad) > 0 {
			t.Errorf("IssueBody keeps %v:\n%s", bad, body)
		}
		outside := outsideFences(body)
		if m := command.FindString(outside); m != "" {
			t.Errorf("IssueBody keeps the command %q:\n%s", m, body)
		}
		if n := strings.Count(outside, "### Original messages"); len(d.Originals) > 0 && n != 1 {
			t.Errorf("IssueBody has %d sections of originals:\n%s", n, body)
		}
	}
}

func outsideFences(md string) string {
	var out []string
	fence := ""
	for _, l := range strings.Split(md, "\n") {
		switch {
		case fence != "":
			if l == fence {
				fence = ""
			}
		case strings.HasPrefix(l, "```"):
			fence = strings.TrimSuffix(l, "text")
		default:
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func TestIssueBodyFitsATracker(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"x", "`", "\u202e", "日本 ", "\n", "word @alice ", "\x00", "<!-- iterateswarm "} {
		long := strings.Repeat(unit, 64<<10/len(unit))
		d := triage.IssueDraft{Spec: triage.Spec{Title: long, Observed: long, Expected: long}, Reasoning: long, Engine: long}
		for range 100 {
			d.Steps, d.Criteria = append(d.Steps, long), append(d.Criteria, long)
			d.Originals = append(d.Originals, triage.Original{Source: long, Handle: long, Permalink: long, Text: long})
		}
		start := time.Now()
		body := triage.IssueBody(d)
		if len(body) > 60_000 || !utf8.ValidString(body) {
			t.Errorf("IssueBody of %q is %d bytes", unit, len(body))
		}
		if bad := defects(body, ""); len(bad) > 0 {
			t.Errorf("IssueBody of %q keeps %v", unit, bad)
		}
		t.Logf("%q: %d bytes in %v", unit, len(body), time.Since(start))
	}
}

func checkCell(t *testing.T, in string) {
	t.Helper()
	cell := triage.CSVCell(in)
	if back := triage.CSVValue(cell); back != in {
		t.Errorf("CSVValue(CSVCell(%q)) = %q", in, back)
	}
	for l := range strings.SplitSeq(strings.ReplaceAll(cell, "\r\n", "\n"), "\n") {
		if starts.MatchString(l) {
			t.Errorf("CSVCell(%q) = %q has the line %q", in, cell, l)
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{cell, "end"})
	w.Flush()
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	// The reader of the standard library turns "\r\n" into "\n" inside a cell.
	if err != nil || len(rows) != 1 || rows[0][0] != strings.ReplaceAll(cell, "\r\n", "\n") {
		t.Errorf("CSVCell(%q) comes back as %q, %v", in, rows, err)
	}
}

var starts = regexp.MustCompile(`^["\s]*[=+\-@\t\r]`)

func TestCSVCellIsTextAndComesBack(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"=SUM(1,1)*1000", "@import and -1 star\n\"quoted\"", " =1", "\u00a0=1", "a\n=1", "\r=1", "\t", "'=1", "''=1", "'", "a\r\n\r\nb", "\"=1", "plain", ""} {
		checkCell(t, in)
	}
	r := rand.New(rand.NewPCG(9, 10))
	pieces := []string{"=", "+", "-", "@", "\t", "\r", "\n", "\r\n", "'", "\"", " ", "\u00a0", "a", ",", ";", "\x00", "\u200b", "1", "＝"}
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		checkCell(t, b.String())
	}
}
