package email

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// said is what the writer of a message wrote: without the mail that is answered
// and without the signature. A message that is nothing else stays whole.
func said(c content) string {
	text := c.plain
	if strings.TrimSpace(text) == "" {
		text = textOf(c.html)
	}
	text = strings.TrimSpace(text)
	if own := strings.TrimSpace(withoutQuote(text)); own != "" {
		text = own
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "\n[…]"
	}
	return text
}

// attribution is the line above a quoted mail, in the languages of the great
// mail programs.
var attribution = regexp.MustCompile(`(?i)^(on\b.{4,200}\bwrote|am\b.{4,200}\bschrieb.{0,80}|le\b.{4,200}\ba écrit|el\b.{4,200}\bescribió|em\b.{4,200}\bescreveu|il\b.{4,200}\bha scritto|op\b.{4,200}\bschreef.{0,80}|den\b.{4,200}\bskrev.{0,80}|.{4,200}\bпишет|.{4,200}のメール)\s*:?$`)

// separator is a line after which another mail follows.
var separator = regexp.MustCompile(`(?i)^(-{2,}\s*(original message|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale|oorspronkelijk bericht|forwarded message|weitergeleitete nachricht)\s*-{2,}|_{20,}|begin forwarded message:)$`)

// outlook is the first line of the block that some programs put above a quoted
// mail; the next lines name when and to whom.
var (
	outlook     = regexp.MustCompile(`(?i)^\*?(from|von|de|da|van|från|от)\s*:\*?\s.{2,200}$`)
	outlookNext = regexp.MustCompile(`(?i)^\*?(sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|date|datum|fecha|data|to|an|à|para|a|aan|till|отправлено|кому)\s*:\*?\s`)
)

// phone is the line that telephones add.
var phone = regexp.MustCompile(`(?i)^(sent from my .{2,60}|von meinem .{2,40} gesendet|envoyé de mon .{2,40}|enviado desde mi .{2,40}|get outlook for .{2,40})\.?$`)

// withoutQuote ends a text where a quoted mail or a signature begins.
func withoutQuote(text string) string {
	lines := strings.Split(text, "\n")
	end := len(lines)
	for i, line := range lines {
		l := strings.TrimSpace(line)
		two := l // an attribution may be broken over two lines
		if i+1 < len(lines) {
			two = l + " " + strings.TrimSpace(lines[i+1])
		}
		if line == "-- " || line == "--" || separator.MatchString(l) || phone.MatchString(l) ||
			(len(l) < 300 && attribution.MatchString(l)) || (len(two) < 400 && attribution.MatchString(two) && quotedSoon(lines, i+2)) ||
			(outlook.MatchString(l) && i+1 < len(lines) && outlookNext.MatchString(strings.TrimSpace(lines[i+1]))) {
			end = i
			break
		}
	}
	// What is left may still end in quoted lines.
	for end > 0 {
		l := strings.TrimSpace(lines[end-1])
		if l != "" && !strings.HasPrefix(l, ">") {
			break
		}
		end--
	}
	return strings.Join(lines[:end], "\n")
}

// quotedSoon says whether the next line that is not empty is quoted.
func quotedSoon(lines []string, from int) bool {
	for _, l := range lines[min(from, len(lines)):] {
		if l = strings.TrimSpace(l); l != "" {
			return strings.HasPrefix(l, ">")
		}
	}
	return true
}

// hidden are elements whose text nobody sees.
var hidden = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Head: true, atom.Title: true, atom.Template: true, atom.Noscript: true}

// breaks are elements that begin a new line.
var breaks = map[atom.Atom]bool{atom.P: true, atom.Div: true, atom.Br: true, atom.Tr: true, atom.Li: true, atom.Ul: true, atom.Ol: true, atom.Table: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Blockquote: true, atom.Pre: true, atom.Hr: true}

// textOf turns HTML into the text that a reader sees. It reads the page once,
// token by token, and builds no tree. Quoted mail becomes lines with ">".
func textOf(page string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	z.SetMaxBuf(1 << 20)
	var b strings.Builder
	quoted, silent := 0, atom.Atom(0)
	line := strings.Builder{}
	flush := func() {
		if l := strings.Join(strings.Fields(line.String()), " "); l != "" {
			if quoted > 0 {
				b.WriteString("> ")
			}
			b.WriteString(l)
		}
		b.WriteByte('\n')
		line.Reset()
	}
	for b.Len() < 4*maxText {
		switch z.Next() {
		case html.ErrorToken:
			flush()
			return tidy(b.String())
		case html.TextToken:
			if silent == 0 {
				line.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if silent == 0 && hidden[a] {
				silent = a
			}
			if breaks[a] {
				flush()
			}
			if a == atom.Li {
				line.WriteString("- ")
			}
			if a == atom.Blockquote {
				quoted++
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == silent || a == atom.Body || (a == atom.Head && silent != 0) {
				silent = 0
			}
			if breaks[a] {
				flush()
			}
			if a == atom.Td || a == atom.Th {
				line.WriteByte(' ')
			}
			if a == atom.Blockquote && quoted > 0 {
				quoted--
			}
		}
	}
	return tidy(b.String())
}

// tidy leaves at most one empty line between two others.
func tidy(s string) string {
	var out []string
	empty := 0
	for l := range strings.SplitSeq(html.UnescapeString(s), "\n") {
		l = strings.TrimRight(l, " \t")
		if l == "" {
			empty++
			continue
		}
		if empty > 0 && len(out) > 0 {
			out = append(out, "")
		}
		empty = 0
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}
