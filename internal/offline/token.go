package offline

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a text. Letters are lower-cased, digits folded to '0',
// apostrophes dropped, so "Don't" and "dont" are one word. A CJK character, an
// emoji and the marks ? and ! are words of their own.
type token struct {
	hash       uint32
	start, end int32 // bytes of the text
	r0, r1     int32 // runes in words.runes
	kind       tokenKind
}

type tokenKind uint8

const (
	wordToken tokenKind = iota
	numberToken
	cjkToken
	markToken
	linkToken
)

// hashLink is the word that every address counts as.
const hashLink = 0x4c494e4b

// words is a tokenised text. The slices are reused from call to call.
type words struct {
	tokens []token
	runes  []rune
}

const hashSeed = 0xcbf29ce484222325

func mixRune(h uint64, r rune) uint64 {
	h = (h ^ uint64(r)) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func fold(h uint64) uint32 { return uint32(h>>32) ^ uint32(h) }

// asciiClass says what an ASCII byte is: 0 a separator, 1 a letter, 2 a digit,
// 3 a mark that is a word, 4 an apostrophe.
var asciiClass = func() (t [128]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			t[c] = 1
		case c >= '0' && c <= '9':
			t[c] = 2
		case c == '?' || c == '!':
			t[c] = 3
		case c == '\'':
			t[c] = 4
		}
	}
	return t
}()

// split appends the words of s, whose first byte has the offset base.
func (w *words) split(s string, base int) {
	i := 0
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			switch asciiClass[c] {
			case 0, 4:
				if c == '<' {
					i += tagLength(s[i:])
					continue
				}
				i++
				continue
			case 1:
				if n := linkLength(s[i:]); n > 0 {
					w.link(s[i:i+n], base+i)
					i += n
					continue
				}
			case 3:
				w.single(rune(c), base+i, base+i+1, markToken)
				i++
				continue
			}
			i = w.word(s, i, base)
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError:
			i += n
		case isCJK(r):
			w.single(r, base+i, base+i+n, cjkToken)
			i += n
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			i = w.word(s, i, base)
		case r == '？' || r == '؟':
			w.single('?', base+i, base+i+n, markToken)
			i += n
		case r == '！':
			w.single('!', base+i, base+i+n, markToken)
			i += n
		case r >= 0x2600 && r < 0x27c0, r >= 0x1f300 && r < 0x1fb00:
			w.single(r, base+i, base+i+n, markToken)
			i += n
		default:
			i += n
		}
	}
}

// maxLinkWords is how many words of one address count.
const maxLinkWords = 8

// link appends an address: one token for the whole and one for each of its
// first words, under names of their own, so that "crash" in it is no crash.
func (w *words) link(s string, base int) {
	r := int32(len(w.runes))
	w.tokens = append(w.tokens, token{hashLink, int32(base), int32(base + len(s)), r, r, linkToken})
	for i, n := 4, 0; i < len(s) && n < maxLinkWords; {
		if c := asciiClass[s[i]&0x7f]; c != 1 && c != 2 {
			i++
			continue
		}
		start, h := i, uint64(hashLink)
		for i < len(s) && i-start < 40 {
			c := s[i]
			if k := asciiClass[c&0x7f]; k == 2 {
				c = '0'
			} else if k != 1 {
				break
			}
			h = mixRune(h, rune(c|0x20))
			i++
		}
		w.tokens = append(w.tokens, token{fold(h), int32(base + start), int32(base + i), r, r, linkToken})
		n++
	}
}

func (w *words) single(r rune, start, end int, kind tokenKind) {
	r0 := int32(len(w.runes))
	w.runes = append(w.runes, r)
	w.tokens = append(w.tokens, token{fold(mixRune(hashSeed, r)), int32(start), int32(end), r0, r0 + 1, kind})
}

// word reads one word that begins at i and returns where it ends. A word is at
// most 40 runes long, so that a text of one letter still has many words.
func (w *words) word(s string, i, base int) int {
	r0, start := int32(len(w.runes)), i
	h, kind := uint64(hashSeed), numberToken
	for i < len(s) && int32(len(w.runes))-r0 < 40 {
		c := s[i]
		if c < utf8.RuneSelf {
			switch asciiClass[c] {
			case 1:
				kind = wordToken
				c |= 0x20
			case 2:
				c = '0'
			case 4:
				if i+1 >= len(s) || (s[i+1]|0x20) < 'a' || (s[i+1]|0x20) > 'z' {
					goto done
				}
				i++
				continue
			default:
				goto done
			}
			h = mixRune(h, rune(c))
			w.runes = append(w.runes, rune(c))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '’':
			i += n
			continue
		case r == utf8.RuneError || isCJK(r):
			goto done
		case unicode.IsLetter(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r):
			kind = wordToken
			r = unicode.ToLower(r)
		case unicode.IsDigit(r):
			r = '0'
		default:
			goto done
		}
		h = mixRune(h, r)
		w.runes = append(w.runes, r)
		i += n
	}
done:
	if int32(len(w.runes)) == r0 { // only apostrophes
		return i + 1
	}
	w.tokens = append(w.tokens, token{fold(h), int32(base + start), int32(base + i), r0, int32(len(w.runes)), kind})
	return i
}

func isCJK(r rune) bool {
	return r >= 0x3040 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7af ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x20000 && r <= 0x2ffff || r >= 0x0e00 && r <= 0x0e7f
}

// tagLength is the length of an HTML tag at the start of s, with the body of a
// script or style, or 1 when it is only a "<".
func tagLength(s string) int {
	if len(s) < 3 || s[1] != '/' && asciiClass[s[1]&0x7f] != 1 {
		return 1
	}
	for i := 1; i < len(s) && i < 300 && s[i] != '\n'; i++ {
		if s[i] != '>' {
			continue
		}
		for _, name := range [...]string{"script", "style"} {
			if len(s) > len(name) && strings.EqualFold(s[1:1+len(name)], name) {
				if k := strings.Index(s[i:min(len(s), i+2000)], "</"); k >= 0 {
					return i + k
				}
			}
		}
		return i + 1
	}
	return 1
}

// linkLength is the length of an address at the start of s, or 0.
func linkLength(s string) int {
	if s[0]|0x20 != 'h' && s[0]|0x20 != 'w' || !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "www.") {
		return 0
	}
	i := 4
	for i < len(s) && s[i] > ' ' && s[i] != ')' && s[i] != '>' && s[i] != ']' && s[i] != '"' && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// wordHash is the hash that split gives to the one word s.
func wordHash(s string) uint32 {
	var w words
	w.split(s, 0)
	if len(w.tokens) == 0 {
		return 0
	}
	return w.tokens[0].hash
}
