package vector

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of what is read of one message. The rest of a long text is logs
// and stack frames, which drown the words that say what happened.
const (
	maxTitleWords = 48
	maxBodyWords  = 220
	maxWordBytes  = 48
)

// mark is what is known of a word beside its stem.
type mark uint8

const (
	hard  mark = 1 << iota // a number, version, code, identifier or name in capitals: it may not differ in an automatic join
	whole                  // an identifier whose parts follow as words of their own
	nay                    // says no: "not", "can't", "without"
)

// word is one word of a text.
type word struct {
	stem    string
	surface string
	mark    mark
}

// text is a message as the index reads it.
type text struct {
	title, body []word
	same        uint64 // hash of the normalised whole; equal means equal to a reader
}

// read splits a message into words. It drops the words that only hold a
// sentence together, and joins the forms of one word.
func read(title, body string) text {
	t := text{same: sameness(title, body)}
	t.title = split(title, maxTitleWords)
	// A tracker often repeats the title as the first line of the body.
	if rest, ok := strings.CutPrefix(strings.TrimSpace(body), strings.TrimSpace(title)); ok && title != "" {
		body = rest
	}
	t.body = split(body, maxBodyWords)
	return t
}

// sameness hashes the text without case, punctuation and spacing. Signs that
// carry meaning stay: "C++" is not "C#", "-5" is not "5", a thumb up is not a
// thumb down.
func sameness(title, body string) uint64 {
	h := fnv.New64a()
	buf := make([]byte, 0, 512)
	gap, wrote := false, false
	var prev rune
	for _, s := range [2]string{title, body} {
		for i, r := range s {
			if !meaningful(prev, r, s[i+utf8.RuneLen(safe(r)):]) {
				gap = gap || !unicode.In(r, unicode.Mn, unicode.Cf) && !isQuote(r)
				prev = r
				continue
			}
			if gap && wrote {
				buf = append(buf, ' ')
			}
			gap, wrote, prev = false, true, r
			buf = appendFolded(buf, r)
			if len(buf) > 480 {
				h.Write(buf)
				buf = buf[:0]
			}
		}
		gap, prev = true, 0
	}
	if !wrote {
		bare := strings.TrimSpace(title + " " + body)
		if bare == "" {
			return 0 // nothing equals nothing
		}
		h.Write([]byte{0})
		h.Write([]byte(bare))
		return h.Sum64()
	}
	h.Write(buf)
	return h.Sum64()
}

// safe is r, or a rune as long as the one byte that was no UTF-8.
func safe(r rune) rune {
	if r == utf8.RuneError {
		return 'x'
	}
	return r
}

func isQuote(r rune) bool { return r == '\'' || r == '’' || r == '‘' || r == '`' }

// meaningful reports whether r counts for equality between prev and what follows.
func meaningful(prev, r rune, next string) bool {
	switch {
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsNumber(r):
		return true
	case r == '.' || r == ',' || r == ':':
		n, _ := utf8.DecodeRuneInString(next)
		return (unicode.IsDigit(prev) || r == '.' && unicode.IsLetter(prev)) && (unicode.IsDigit(n) || unicode.IsLower(n))
	case r == '-':
		n, _ := utf8.DecodeRuneInString(next)
		return unicode.IsDigit(n)
	case strings.ContainsRune("#+%$&@/\\=<>|^~_", r):
		return true
	}
	return r > unicode.MaxASCII && unicode.In(r, unicode.S, unicode.Mc)
}

// appendFolded appends r in lower case and without its accent.
func appendFolded(b []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(b, byte(r))
	}
	r = unicode.ToLower(r)
	if s, ok := plain[r]; ok {
		return append(b, s...)
	}
	return utf8.AppendRune(b, r)
}

// plain spells the accented Latin letters without their accents; the standard
// library has no normalisation.
var plain = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ı': "i"}
	for to, from := range map[string]string{
		"a": "àáâãäåāăą", "c": "çćĉċč", "d": "ď", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭį",
		"k": "ķ", "l": "ĺļľ", "n": "ñńņň", "o": "òóôõöōŏő", "r": "ŕŗř", "s": "śŝşšș", "t": "ţťț",
		"u": "ùúûüũūŭůűų", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, r := range from {
			m[r] = to
		}
	}
	return m
}()

// split reads at most limit words of s.
func split(s string, limit int) []word {
	w := splitter{limit: limit, shout: shouts(s)}
	for i := 0; i < len(s) && len(w.out) < limit; {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case spaceless(r):
			i += w.pairs(s[i:])
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			j := chunkEnd(s, i)
			w.chunk(s[i:j], w.quoted(s, i))
			i = j
		default:
			w.sign(r)
			i += n
		}
	}
	return w.out
}

// shouts reports whether a text is mostly in capitals, which then name nothing.
func shouts(s string) bool {
	if len(s) > 400 {
		s = s[:400]
	}
	up, low := 0, 0
	for _, r := range s {
		if unicode.IsUpper(r) {
			up++
		} else if unicode.IsLower(r) {
			low++
		}
	}
	return up > low
}

type splitter struct {
	out   []word
	limit int
	shout bool
	quote rune // the closing quote that is awaited, 0 outside
	left  int  // words a quotation may still have
}

// sign follows quotation marks: a short quotation is a name or a message.
func (w *splitter) sign(r rune) {
	if w.quote != 0 && r == w.quote {
		w.quote = 0
		return
	}
	switch r {
	case '"', '`':
		w.quote, w.left = r, 6
	case '“', '„':
		w.quote, w.left = '”', 6
	case '«':
		w.quote, w.left = '»', 6
	}
}

// quoted counts a word of a quotation that is closed soon.
func (w *splitter) quoted(s string, i int) bool {
	if w.quote == 0 {
		return false
	}
	if w.left--; w.left < 0 {
		w.quote = 0
		return false
	}
	end := i + 80
	if end > len(s) {
		end = len(s)
	}
	return strings.ContainsRune(s[i:end], w.quote)
}

// chunkEnd returns where the run of letters, digits and inner signs at i ends.
func chunkEnd(s string, i int) int {
	var prev rune
	for j := i; j < len(s); {
		r, n := utf8.DecodeRuneInString(s[j:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_':
		case strings.ContainsRune(".-'’:/#+@", r):
			next, _ := utf8.DecodeRuneInString(s[j+n:])
			glue := unicode.IsLetter(next) || unicode.IsDigit(next)
			switch r {
			case '.':
				glue = glue && !unicode.IsUpper(next) || unicode.IsUpper(next) && unicode.IsDigit(prev)
			case '-', '/':
				glue = glue && (unicode.IsDigit(next) || unicode.IsDigit(prev))
			case ':':
				glue = unicode.IsDigit(next) && unicode.IsDigit(prev)
			case '#', '+':
				// "C++" and "C#", not "a+b".
				glue = j-i <= 2 && !glue || r == '+' && next == '+'
			case '@':
				glue = false
			}
			if !glue {
				return j
			}
		default:
			return j
		}
		prev = r
		j += n
	}
	return len(s)
}

// chunk adds one run: a word, or an identifier with its parts.
func (w *splitter) chunk(raw string, quoted bool) {
	folded := fold(raw)
	if folded == "" {
		return
	}
	if negates[folded] {
		w.add(word{stem: "not", surface: raw, mark: nay})
		return
	}
	parts := partsOf(raw)
	if len(parts) > 1 {
		w.add(word{stem: clip(folded), surface: raw, mark: hard | whole})
		for _, p := range parts {
			if f := fold(p); !glue[f] {
				w.add(word{stem: canonical(stem(clip(f))), surface: p})
			}
		}
		return
	}
	m := mark(0)
	if turns[folded] || w.isHard(raw) || quoted && !glue[folded] {
		m = hard
	}
	if m == 0 && (glue[folded] || len(folded) == 1 && folded[0] < utf8.RuneSelf) {
		return
	}
	w.add(word{stem: canonical(stem(clip(folded))), surface: raw, mark: m})
}

func (w *splitter) add(x word) {
	if len(w.out) < w.limit {
		if len(x.surface) > maxWordBytes {
			x.surface = clip(x.surface)
		}
		w.out = append(w.out, x)
	}
}

func (w *splitter) isHard(raw string) bool {
	upper, letters := 0, 0
	for _, r := range raw {
		switch {
		case unicode.IsDigit(r), r == '#', r == '+':
			return true
		case unicode.IsUpper(r):
			upper++
			letters++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return !w.shout && upper > 1 && upper == letters && letters <= 6
}

// spaceless reports whether r is a letter of a script that puts no spaces
// between words.
func spaceless(r rune) bool {
	return r >= 0x0e00 && unicode.IsLetter(r) && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// pairs adds the character pairs of a run in a script without spaces.
func (w *splitter) pairs(s string) int {
	prev, at := -1, 0
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		if !spaceless(r) && (at == 0 || !unicode.IsMark(r)) {
			break
		}
		if prev >= 0 {
			w.add(word{stem: s[prev : at+n], surface: s[prev : at+n]})
		}
		prev = at
		at += n
	}
	if prev == 0 {
		w.add(word{stem: s[:at], surface: s[:at]})
	}
	return at
}

// partsOf splits an identifier at its signs and where its case changes; a
// plain word is one part.
func partsOf(raw string) []string {
	var parts []string
	start := 0
	flush := func(end int) {
		if end > start {
			parts = append(parts, raw[start:end])
		}
	}
	var prev rune
	sign, digit, camel := false, false, false
	for i, r := range raw {
		switch {
		case strings.ContainsRune("._/-:", r):
			flush(i)
			start = i + utf8.RuneLen(r)
			sign = true
		case unicode.IsDigit(r):
			digit = true
		case unicode.IsUpper(r) && unicode.IsLower(prev):
			flush(i)
			start, camel = i, true
		case unicode.IsLower(r) && unicode.IsUpper(prev) && i > start+1 && camel:
			// "HTTPServer" inside an identifier: the last capital begins a word.
			cut := i - utf8.RuneLen(prev)
			if cut > start {
				flush(cut)
				start = cut
			}
		}
		prev = r
	}
	if start == 0 {
		return nil
	}
	flush(len(raw))
	if digit && sign && !camel && !hasLongWord(parts) {
		return nil // a version, a date, a time: one word
	}
	return parts
}

func hasLongWord(parts []string) bool {
	for _, p := range parts {
		n := 0
		for _, r := range p {
			if !unicode.IsLetter(r) {
				n = -100
			}
			n++
		}
		if n > 2 {
			return true
		}
	}
	return false
}

// fold puts a word in lower case, without accents and apostrophes.
func fold(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if isQuote(r) || unicode.Is(unicode.Mn, r) {
			continue
		}
		b = appendFolded(b, r)
	}
	return string(b)
}

// clip shortens an overlong word to whole runes; the hash of the rest keeps two
// long ones apart.
func clip(s string) string {
	if len(s) <= maxWordBytes {
		return s
	}
	h := fnv.New32a()
	h.Write([]byte(s))
	cut := maxWordBytes - 8
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	const hex = "0123456789abcdef"
	b := []byte(s[:cut])
	for v, i := h.Sum32(), 0; i < 8; i, v = i+1, v>>4 {
		b = append(b, hex[v&15])
	}
	return string(b)
}

// negates are the words that turn a sentence round.
var negates = set(`not no never none nothing neither nor cannot cant wont dont doesnt didnt isnt arent wasnt werent
	hasnt havent hadnt couldnt wouldnt shouldnt aint without unable nicht kein keine pas jamais nunca`)

// glue are the words that hold a sentence together and name nothing.
var glue = set(`a an the this that these those it its i im ive id ill me my mine we our us you your he she they them
	their is are was were be been being am do does did done doing have has had having will would shall should may
	might must can could to of in on at by for from with into onto over under as and or but if then than so too very
	just also there here when where while which who whom what how why because about after before again ever any some
	each both such own same s t d ll m re ve please pls hi hello hey thanks thank well really get gets
	got getting still now even though although`)

// turns are the words that turn a message into another one without naming
// anything.
var turns = set(`how why all only more most less before after`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
