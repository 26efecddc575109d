package vector

// stem returns the Porter stem of an ASCII lower-case word; a shorter word, or
// one with other letters, comes back as it is. It joins "crash", "crashes",
// "crashed" and "crashing", which is most of what two reports of one fault
// differ in.
func stem(w string) string {
	if len(w) < 4 {
		return w
	}
	for i := 0; i < len(w); i++ {
		if w[i] < 'a' || w[i] > 'z' {
			return w
		}
	}
	p := porter{b: []byte(w)}
	p.plural()
	p.past()
	p.suffixes(step2)
	p.suffixes(step3)
	p.drop()
	p.tidy()
	return string(p.b)
}

// porter holds the word while the steps of M. F. Porter, "An algorithm for
// suffix stripping" (1980), shorten it.
type porter struct{ b []byte }

type rule struct{ from, to string }

var step2 = []rule{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
	{"abli", "able"}, {"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"},
	{"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"},
	{"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"},
}

var step3 = []rule{
	{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ness", ""},
}

var step4 = []string{
	"ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous",
	"ive", "ize", "ion", "al", "er", "ic", "ou",
}

func (p *porter) consonant(i int) bool {
	switch p.b[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !p.consonant(i-1)
	}
	return true
}

// measure counts the vowel-consonant pairs of the first n letters.
func (p *porter) measure(n int) int {
	m, i := 0, 0
	for i < n && p.consonant(i) {
		i++
	}
	for i < n {
		for i < n && !p.consonant(i) {
			i++
		}
		if i == n {
			break
		}
		m++
		for i < n && p.consonant(i) {
			i++
		}
	}
	return m
}

func (p *porter) hasVowel(n int) bool {
	for i := 0; i < n; i++ {
		if !p.consonant(i) {
			return true
		}
	}
	return false
}

func (p *porter) ends(s string) bool {
	return len(p.b) > len(s) && string(p.b[len(p.b)-len(s):]) == s
}

func (p *porter) cut(n int, to string) { p.b = append(p.b[:len(p.b)-n], to...) }

// closed reports whether the first n letters end consonant, vowel, consonant
// that is not w, x or y, as in "hop".
func (p *porter) closed(n int) bool {
	if n < 3 || !p.consonant(n-1) || p.consonant(n-2) || !p.consonant(n-3) {
		return false
	}
	c := p.b[n-1]
	return c != 'w' && c != 'x' && c != 'y'
}

func (p *porter) plural() {
	switch {
	case p.ends("sses"), p.ends("ies"):
		p.cut(2, "")
	case p.ends("ss"):
	case p.ends("s"):
		p.cut(1, "")
	}
}

func (p *porter) past() {
	if p.ends("eed") {
		if p.measure(len(p.b)-3) > 0 {
			p.cut(1, "")
		}
		return
	}
	switch {
	case p.ends("ed") && p.hasVowel(len(p.b)-2):
		p.cut(2, "")
	case p.ends("ing") && p.hasVowel(len(p.b)-3):
		p.cut(3, "")
	default:
		return
	}
	n := len(p.b)
	switch {
	case p.ends("at"), p.ends("bl"), p.ends("iz"):
		p.b = append(p.b, 'e')
	case n > 1 && p.b[n-1] == p.b[n-2] && p.consonant(n-1):
		if c := p.b[n-1]; c != 'l' && c != 's' && c != 'z' {
			p.cut(1, "")
		}
	case p.measure(n) == 1 && p.closed(n):
		p.b = append(p.b, 'e')
	}
}

func (p *porter) suffixes(rules []rule) {
	if n := len(p.b); p.b[n-1] == 'y' && p.hasVowel(n-1) {
		p.b[n-1] = 'i'
	}
	for _, r := range rules {
		if p.ends(r.from) {
			if p.measure(len(p.b)-len(r.from)) > 0 {
				p.cut(len(r.from), r.to)
			}
			return
		}
	}
}

func (p *porter) drop() {
	for _, s := range step4 {
		if !p.ends(s) {
			continue
		}
		n := len(p.b) - len(s)
		if s == "ion" && p.b[n-1] != 's' && p.b[n-1] != 't' {
			return
		}
		if p.measure(n) > 1 {
			p.cut(len(s), "")
		}
		return
	}
}

func (p *porter) tidy() {
	if n := len(p.b); p.b[n-1] == 'e' {
		if m := p.measure(n - 1); m > 1 || m == 1 && !p.closed(n-1) {
			p.cut(1, "")
		}
	}
	if n := len(p.b); n > 1 && p.b[n-1] == 'l' && p.b[n-2] == 'l' && p.measure(n) > 1 {
		p.cut(1, "")
	}
}
