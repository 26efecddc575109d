package llm

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// redactor replaces what must not leave the host by placeholders such as
// [EMAIL_1], and puts it back. The same thing always has the same placeholder.
type redactor struct {
	mark   string            // makes the placeholders differ from everything in the texts
	byText map[string]string // what was found → its placeholder
	count  map[string]int    // by kind
	back   *strings.Replacer // made when it is needed
}

// The kinds of placeholder.
const (
	kindKey   = "KEY"
	kindCard  = "CARD"
	kindIBAN  = "IBAN"
	kindEmail = "EMAIL"
	kindPhone = "PHONE"
	kindIP    = "IP"
)

// newRedactor looks at the texts that will be redacted, so that no placeholder
// occurs in one of them.
func newRedactor(texts ...string) *redactor {
	r := &redactor{byText: map[string]string{}, count: map[string]int{}}
	for _, s := range texts {
		for r.occurs(s) {
			r.mark += "X"
		}
	}
	return r
}

func (r *redactor) occurs(s string) bool {
	for _, kind := range []string{kindKey, kindCard, kindIBAN, kindEmail, kindPhone, kindIP} {
		if strings.Contains(s, "["+kind+r.mark+"_") {
			return true
		}
	}
	return false
}

// found is one thing to hide.
type found struct {
	start, end int
	kind       string
}

// redact returns s with everything sensitive replaced.
func (r *redactor) redact(s string) string {
	all := findAll(s)
	if len(all) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	from := 0
	for _, f := range all {
		b.WriteString(s[from:f.start])
		b.WriteString(r.placeholder(f.kind, s[f.start:f.end]))
		from = f.end
	}
	b.WriteString(s[from:])
	return b.String()
}

// hide returns s without anything sensitive.
func hide(s string) string {
	var b strings.Builder
	from := 0
	for _, f := range findAll(s) {
		b.WriteString(s[from:f.start])
		b.WriteString("[…]")
		from = f.end
	}
	b.WriteString(s[from:])
	return b.String()
}

func (r *redactor) placeholder(kind, text string) string {
	if p, ok := r.byText[text]; ok {
		return p
	}
	r.count[kind]++
	p := fmt.Sprintf("[%s%s_%d]", kind, r.mark, r.count[kind])
	r.byText[text], r.back = p, nil
	return p
}

// restore puts back what redact has taken out.
func (r *redactor) restore(s string) string {
	if len(r.byText) == 0 || !strings.Contains(s, "[") {
		return s
	}
	if r.back == nil {
		pairs := make([]string, 0, 2*len(r.byText))
		for text, p := range r.byText {
			pairs = append(pairs, p, text) // no placeholder begins another: each ends with ]
		}
		r.back = strings.NewReplacer(pairs...)
	}
	return r.back.Replace(s)
}

// A finder is one pattern with what its hits have to pass. The group, when it
// is not 0, is the part to hide.
type finder struct {
	kind    string
	pattern *regexp.Regexp
	group   int
	check   func(s string, start, end int) (int, bool) // returns where the hit really ends
	within  func(run string) [][2]int                  // instead of check: the hits inside of a run
	back    bool                                       // the local part of an address stands before the hit
	needs   string                                     // a text without it is not looked at
	bounded bool                                       // hits are short: look again inside of one that was refused or shortened
}

// finders in the order of their right: what an earlier one has taken no later
// one touches.
var finders = []finder{
	{kind: kindKey, needs: "PRIVATE KEY-----", pattern: regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-\x00]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`)},
	{kind: kindKey, needs: "eyJ", pattern: regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?`)},
	{kind: kindKey, pattern: regexp.MustCompile(`\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|` +
		`\bgl(?:pat|cbt|ptt|rt)-[A-Za-z0-9_.-]{16,}|\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{8,}|\b(?:AKIA|ASIA|AGPA|AROA|AIDA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|` +
		`\bya29\.[A-Za-z0-9_-]{16,}|\bSG\.[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{12,}|\b(?:npm|hf|pypi|dop_v1|shpat|shpss|lin_api|whsec|isk|figd|rpa|nvapi|glsa|sbp|xkeysib|ATATT3)[-_][A-Za-z0-9_-]{12,}|` +
		`\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}|\b\d{8,10}:[A-Za-z0-9_-]{35}\b`)},
	{kind: kindKey, needs: "hooks.slack.com", group: 1, pattern: regexp.MustCompile(`hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/]{16,})`)},
	{kind: kindKey, needs: "/api/webhooks/", group: 1, pattern: regexp.MustCompile(`discord(?:app)?\.com/api/webhooks/(\d+/[A-Za-z0-9_-]{20,})`)},
	{kind: kindKey, needs: "://", group: 1, pattern: regexp.MustCompile(`://[^\s\x00/:@]{0,64}:([^\s\x00/@]{1,128})@`)},
	{kind: kindKey, group: 1, pattern: regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9+/._~=-]{12,})`), check: notAWord},
	{kind: kindKey, group: 1, pattern: regexp.MustCompile(`(?i)(?:api[ _-]?key|apikey|secret|token|passw(?:or)?d|passphrase|passwort|kennwort|mot de passe|contrase(?:ñ|n)a|senha|\bpwd|access[ _-]?key|account[ _-]?key|client[ _-]?secret|auth(?:orization)?|session(?:[ _-]?id)?|signature|\bsig)["']?\s*(?:[:=]|\bis\b|\bist\b)\s*["'<]?([^\s\x00"'<>,;&]{6,})`), check: notAWord},
	{kind: kindKey, pattern: regexp.MustCompile(`\b[A-Za-z0-9+/_-]{40,}={0,2}`), check: looksRandom},
	{kind: kindEmail, needs: "@", back: true, pattern: regexp.MustCompile(`@[\p{L}\p{N}][\p{L}\p{N}.-]{0,250}\.\p{L}{2,24}`)},
	{kind: kindEmail, back: true, pattern: regexp.MustCompile(`(?i) ?[(\[{]\s?at\s?[)\]}]\s?[a-z0-9-]{1,64}(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[a-z]{2,24})+`)},
	{kind: kindIBAN, pattern: regexp.MustCompile(`\b[A-Za-z]{2}\d{2}`), check: iban},
	{kind: kindCard, pattern: regexp.MustCompile(`\d(?:[ -]?\d){12,}`), within: cards},
	{kind: kindIP, bounded: true, pattern: regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}`), check: ipv4},
	{kind: kindIP, bounded: true, pattern: regexp.MustCompile(`[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}`), check: ipv6},
	{kind: kindPhone, bounded: true, pattern: regexp.MustCompile(`(?:\+|\b00)[1-9]\d{0,3}(?:[ .-]?\(\d{1,5}\))?(?:[ ./-]{0,2}\d){4,13}`), check: phone},
	{kind: kindPhone, bounded: true, pattern: regexp.MustCompile(`\(\d{2,5}\)[ ./-]{0,2}\d(?:[ ./-]?\d){4,9}|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b|\b0\d{1,4}[ /.-]\d(?:[ ./-]?\d){4,9}`), check: phone},
	{kind: kindPhone, bounded: true, group: 1, pattern: regexp.MustCompile(`(?i)(?:\btel(?:efon|ephone|\.|:|\b)|\bphone|\bmobile|\bcell|\bcall me (?:at|on)|\bhandy|\bwhatsapp|\bfax)(?: number| no\.?)?\s*(?:is|ist|:)?\s*(\+?\d(?:[ ()./-]{0,2}\d){5,14})`), check: phone},
}

// findAll returns everything to hide, in order and without overlap.
func findAll(s string) []found {
	c := collection{text: []byte(s)}
	for _, f := range finders {
		c.look(f)
	}
	slices.SortFunc(c.all, func(a, b found) int { return a.start - b.start })
	return c.all
}

// collection is a text from which what was found is blanked out, so that no
// later hit reaches into it or across it.
type collection struct {
	text []byte
	all  []found
}

// look finds all hits of one finder.
func (c *collection) look(f finder) {
	if f.needs != "" && !bytes.Contains(c.text, []byte(f.needs)) {
		return
	}
	for pos := 0; pos < len(c.text); {
		m := f.pattern.FindSubmatchIndex(c.text[pos:])
		if m == nil || m[2*f.group] < 0 {
			return
		}
		start, end := pos+m[2*f.group], pos+m[2*f.group+1]
		pos += m[1]
		if f.within != nil {
			for _, hit := range f.within(string(c.text[start:end])) {
				c.add(start+hit[0], start+hit[1], f.kind)
			}
			continue
		}
		ok := true
		if f.back {
			start, ok = c.localPart(start)
		}
		if f.check != nil {
			// A look around the hit is enough; the whole text again for each hit would not be.
			from, to := max(0, start-32), min(len(c.text), end+64)
			end, ok = f.check(string(c.text[from:to]), start-from, end-from)
			end += from
		}
		switch {
		case ok:
			c.add(start, end, f.kind)
			if f.bounded {
				pos = end
			}
		case f.bounded:
			pos = start + 1
		}
		pos = max(pos, start+1)
	}
}

// localPart returns where the part of a mail address before the @ begins.
func (c *collection) localPart(end int) (start int, ok bool) {
	start = end
	for range 64 {
		r, n := utf8.DecodeLastRune(c.text[:start])
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("._%+'-", r) {
			break
		}
		start -= n
	}
	return start, start < end
}

// add takes a hit, unless it reaches into an earlier one.
func (c *collection) add(start, end int, kind string) {
	if bytes.IndexByte(c.text[start:end], 0) >= 0 {
		return
	}
	for i := start; i < end; i++ {
		c.text[i] = 0
	}
	c.all = append(c.all, found{start, end, kind})
}

// alone reports whether no letter or digit stands directly around a hit.
func alone(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return (start == 0 || !wordy(before)) && (end == len(s) || !wordy(after))
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' }

// notAWord lets "the token is expired" stand: a secret has a digit or a sign in
// it, or upper case inside.
func notAWord(s string, start, end int) (int, bool) {
	end = start + len(strings.TrimRight(s[start:end], ".!?)]}"))
	if end-start < 6 {
		return end, false
	}
	return end, strings.ContainsFunc(s[start+1:end], func(r rune) bool { return !unicode.IsLower(r) }) && !strings.Contains(s[start:end], "://")
}

// looksRandom lets long words, paths and hashes stand: a key mixes upper case,
// lower case and digits.
func looksRandom(s string, start, end int) (int, bool) {
	var upper, lower, digit, slash int
	for _, c := range s[start:end] {
		switch {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			lower++
		case c >= '0' && c <= '9':
			digit++
		case c == '/' || c == '-' || c == '_':
			slash++
		}
	}
	return end, upper >= 4 && lower >= 4 && digit >= 3 && slash*8 <= end-start
}

func digits(s string) []byte {
	var d []byte
	for i := 0; i < len(s); i++ {
		if isDigit(s[i]) {
			d = append(d, s[i]-'0')
		}
	}
	return d
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// The lengths of card numbers.
const (
	shortestCard = 13
	longestCard  = 19
)

// cards finds card numbers in a run of digit groups: 13 to 19 digits, from the
// beginning of a group to the end of one, whose last digit checks the others.
func cards(run string) [][2]int {
	var out [][2]int
	for i := 0; i < len(run); i++ {
		if !isDigit(run[i]) || i > 0 && isDigit(run[i-1]) {
			continue
		}
		stop := 0
		var d []byte
		for j := i; j < len(run) && len(d) <= longestCard; j++ {
			if !isDigit(run[j]) {
				continue
			}
			d = append(d, run[j]-'0')
			groupEnds := j+1 == len(run) || !isDigit(run[j+1])
			if groupEnds && len(d) >= shortestCard && len(d) <= longestCard && luhn(d) {
				stop = j + 1
			}
		}
		if stop > 0 {
			out = append(out, [2]int{i, stop})
			i = stop
		}
	}
	return out
}

func wordyByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

func luhn(d []byte) bool {
	sum, other := 0, false
	for i, n := range d {
		v := int(n)
		if (len(d)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
		other = other || n != d[0]
	}
	return other && sum%10 == 0 // a row of one digit is a ruler, not a card
}

// ibanLength is the length of an account number by country, without spaces.
var ibanLength = map[string]int{"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
	"BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24,
	"FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
	"IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
	"LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
	"PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
	"ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20}

// iban accepts what has the length of its country, in groups or without, and a
// sum of 1 modulo 97. The hit is the beginning only.
func iban(s string, start, end int) (int, bool) {
	want := ibanLength[strings.ToUpper(s[start:start+2])]
	if want == 0 {
		return end, false
	}
	plain := make([]byte, 0, want)
	i := start
	for ; i < len(s) && len(plain) < want; i++ {
		switch c := s[i]; {
		case isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			plain = append(plain, c)
		case (c == ' ' || c == '-') && wordyByte(s[i-1]):
		default:
			return end, false
		}
	}
	if len(plain) < want || !alone(s, start, i) {
		return end, false
	}
	return i, mod97(strings.ToUpper(string(plain[4:])+string(plain[:4]))) == 1
}

func mod97(s string) int {
	m := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			m = (m*10 + int(c-'0')) % 97
		default:
			m = (m*100 + int(c-'A') + 10) % 97
		}
	}
	return m
}

// ipv4 accepts four numbers up to 255 that stand alone, and are no version.
func ipv4(s string, start, end int) (int, bool) {
	a, err := netip.ParseAddr(s[start:end])
	if err != nil || !alone(s, start, end) || a.IsLoopback() || a.IsUnspecified() {
		return end, false
	}
	if end+1 < len(s) && s[end] == '.' && s[end+1] >= '0' && s[end+1] <= '9' || start > 0 && s[start-1] == '.' {
		return end, false
	}
	before := strings.ToLower(strings.TrimRight(s[max(0, start-12):start], " :="))
	return end, !strings.HasSuffix(before, "version") && !strings.HasSuffix(before, "release") && !strings.HasSuffix(before, "build")
}

func ipv6(s string, start, end int) (int, bool) {
	a, err := netip.ParseAddr(s[start:end])
	if err != nil || !alone(s, start, end) || a.IsLoopback() || end-start < 6 {
		return end, false
	}
	return end, strings.ContainsFunc(s[start:end], unicode.IsDigit)
}

// phone accepts 7 to 15 digits that stand alone and are no date. When more
// digits follow than a number has, it ends where a group does.
func phone(s string, start, end int) (int, bool) {
	for ; end > start; end-- {
		if !isDigit(s[end-1]) {
			continue
		}
		d := len(digits(s[start:end]))
		if d < 7 {
			return end, false
		}
		if d <= 15 && alone(s, start, end) {
			return end, !date.MatchString(s[start:end])
		}
	}
	return end, false
}

var date = regexp.MustCompile(`^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})`)
