package llm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
)

// gold writes lines with one secret of each kind in each, in the ways people
// write them, from a seed.
func gold(n int) (lines []string, secrets []string, kinds []string) {
	d := rand.New(rand.NewPCG(1, 2))
	pick := func(s string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = s[d.IntN(len(s))]
		}
		return string(b)
	}
	const lower, alnum, number = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", "0123456789"
	makers := []struct {
		kind string
		make func() string
	}{
		{kindKey, func() string { return "sk-" + pick(alnum, 40) }},
		{kindKey, func() string { return "ghp_" + pick(alnum, 36) }},
		{kindKey, func() string { return "github_pat_" + pick(alnum, 60) }},
		{kindKey, func() string { return "xoxb-" + pick(number, 11) + "-" + pick(alnum, 24) }},
		{kindKey, func() string { return "AKIA" + strings.ToUpper(pick(lower, 16)) }},
		{kindKey, func() string { return "AIza" + pick(alnum, 35) }},
		{kindKey, func() string { return "glpat-" + pick(alnum, 20) }},
		{kindKey, func() string { return "eyJ" + pick(alnum, 20) + "." + pick(alnum, 60) + "." + pick(alnum, 43) }},
		{kindKey, func() string { return pick(alnum, 44) + "aB3=" }},
		{kindCard, func() string { return spaced(withLuhn("4"+pick(number, 14)), 4, " ") }},
		{kindCard, func() string { return withLuhn("5" + pick(number, 14)) }},
		{kindCard, func() string { return withLuhn("37" + pick(number, 12)) }},
		{kindIBAN, func() string { return spaced(withMod97("DE", pick(number, 18)), 4, " ") }},
		{kindIBAN, func() string { return withMod97("GB", "NWBK"+pick(number, 14)) }},
		{kindIBAN, func() string { return withMod97("NL", "ABNA"+pick(number, 10)) }},
		{kindEmail, func() string { return pick(lower, 6) + "." + pick(lower, 5) + "@" + pick(lower, 7) + ".com" }},
		{kindEmail, func() string { return pick(lower, 4) + "+x@" + pick(lower, 5) + ".co.uk" }},
		{kindEmail, func() string { return "jörg_" + pick(lower, 3) + "@" + pick(lower, 6) + ".de" }},
		{kindPhone, func() string { return "+49 " + "1" + pick(number, 2) + " " + pick("123456789", 7) }},
		{kindPhone, func() string {
			return "(" + pick("23456789", 3) + ") " + pick("23456789", 3) + "-" + pick(number, 4)
		}},
		{kindPhone, func() string {
			return pick("23456789", 3) + "-" + pick("23456789", 3) + "-" + pick(number, 4)
		}},
		{kindPhone, func() string {
			return "+33 6 " + pick("123456789", 2) + " " + pick(number, 2) + " " + pick(number, 2) + " " + pick(number, 2)
		}},
		{kindPhone, func() string { return "0" + pick("123456789", 3) + "/" + pick("123456789", 7) }},
		{kindIP, func() string { return fmt.Sprintf("%d.%d.%d.%d", 1+d.IntN(126), d.IntN(256), d.IntN(256), d.IntN(256)) }},
		{kindIP, func() string {
			return fmt.Sprintf("2001:db8:%x:%x::%x", 1+d.IntN(0xfffe), 1+d.IntN(0xfffe), 1+d.IntN(0xfffe))
		}},
	}
	frames := []string{"It crashes, and I get %s in the log.", "%s", "Hi, my data: %s, please help!", "(%s)", "Wer hilft? %s\nDanke", "user=%s;", "\"%s\"", "I used %s."}
	for i := range n {
		m := makers[i%len(makers)]
		secret := m.make()
		lines, secrets, kinds = append(lines, fmt.Sprintf(frames[d.IntN(len(frames))], secret)), append(secrets, secret), append(kinds, m.kind)
	}
	return lines, secrets, kinds
}

func withLuhn(s string) string {
	for c := byte('0'); c <= '9'; c++ {
		if luhn(digits(s + string(c))) {
			return s + string(c)
		}
	}
	return s + "0"
}

func withMod97(country, rest string) string {
	return fmt.Sprintf("%s%02d%s", country, 98-mod97(rest+country+"00"), rest)
}

func spaced(s string, n int, by string) string {
	var parts []string
	for ; len(s) > n; s = s[n:] {
		parts = append(parts, s[:n])
	}
	return strings.Join(append(parts, s), by)
}

// harmless are texts with numbers and long words in which nothing is to be hidden.
var harmless = []string{
	"Version 1.2.3.4 crashes, 1.2.3.5 does not", "Since 2026-11-22 10:00:05 it is slow", "commit 3f786850e387550fdab836ed7e6dc881de23001b broke it",
	"Error 0x80004005 at line 1234", "Order 12345678 never arrived", "at com.example.app.MainActivity.onCreate(MainActivity.java:42)",
	"HTTP 500 after 30000 ms", "The price is 1,299.00 EUR", "It took 12:34:56 hours", "std::vector<std::string> is empty", "I have 3 of 14 items",
	"The token is expired", "my password is wrong every time", "the secret is out", "Pixel 7 Pro, Android 14, build UQ1A.240205.004", "rows 1-100 of 2000",
	"See /usr/local/lib/python3.11/site-packages/requests/adapters.py", "localhost:8080 and 127.0.0.1 both fail", "uuid 123e4567-e89b-12d3-a456-426614174000",
	"Room 101, floor 5, seats 20-25", "100000000000000000 is too big", "@maya can you look?", "a.b@c", "Ratio 16:9, size 1920x1080", "1.5 GB of 2.0 GB used",
	"Windows 10.0.19045 build 19045.3803", "the api key field is hidden behind the menu", "session timeout is too short", "call me maybe",
	"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}

func TestRedactionAgainstTheGoldSet(t *testing.T) {
	t.Parallel()
	lines, secrets, kinds := gold(300)
	hit, all := map[string]int{}, map[string]int{}
	for i, line := range lines {
		r := newRedactor(line)
		all[kinds[i]]++
		if out := r.redact(line); !strings.Contains(out, secrets[i]) && !strings.Contains(out, secrets[i][len(secrets[i])/2:]) {
			hit[kinds[i]]++
		} else {
			t.Logf("%s not found in %q: %q", kinds[i], line, out)
		}
	}
	least := map[string]float64{kindKey: 0.99, kindCard: 0.99, kindIBAN: 0.99, kindEmail: 0.95, kindPhone: 0.95, kindIP: 0.95}
	for kind, n := range all {
		recall := float64(hit[kind]) / float64(n)
		t.Logf("%-5s recall %.3f of %d", kind, recall, n)
		if recall < least[kind] {
			t.Errorf("%s: recall %.3f, want %.2f", kind, recall, least[kind])
		}
	}
	wrong := 0
	for _, s := range harmless {
		if out := newRedactor(s).redact(s); out != s {
			wrong++
			t.Logf("hidden without need: %q: %q", s, out)
		}
	}
	precision := float64(len(lines)) / float64(len(lines)+wrong)
	t.Logf("precision %.3f: %d of %d harmless lines touched", precision, wrong, len(harmless))
	if wrong > len(harmless)/10 {
		t.Errorf("%d of %d harmless lines touched, want a tenth at most", wrong, len(harmless))
	}
}

func TestEveryKindNextToEveryOther(t *testing.T) {
	t.Parallel()
	_, secrets, _ := gold(25)
	for _, a := range secrets {
		for _, b := range secrets {
			for _, by := range []string{" ", ", ", " or ", "\n", "; ", "/ "} {
				s := a + by + b
				r := newRedactor(s)
				out := r.redact(s)
				if strings.Contains(out, a) || strings.Contains(out, b) {
					t.Errorf("redact(%q) = %q", s, out)
				}
				if r.restore(out) != s {
					t.Errorf("restore of %q is not %q", out, s)
				}
			}
		}
	}
}

func TestPlaceholdersInTheMessageStay(t *testing.T) {
	t.Parallel()
	s := "[EMAIL_1] a@b.example [EMAILX_1] c@d.example [KEY_"
	r := newRedactor(s)
	out := r.redact(s)
	if strings.Contains(out, "b.example") || r.restore(out) != s {
		t.Errorf("redact = %q, restored %q", out, r.restore(out))
	}
}

func FuzzRedact(f *testing.F) {
	message, _ := llmtest.Secrets()
	lines, _, _ := gold(25)
	for _, s := range append(append(lines, harmless...), message, "", "[EMAIL_1]", "\xff\xfe", strings.Repeat("1", 500), strings.Repeat("a@", 200),
		"-----BEGIN RSA PRIVATE KEY-----\nabc", strings.Repeat(":", 300), "DE00", "𝟏𝟐𝟑 @ ü.de", "a@b.co[EMAIL_1]c@d.co") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r *redactor
		var out string
		took := cpuTime(t, func() {
			r = newRedactor(s)
			out = r.redact(s)
		})
		if took > slowest(len(s)) {
			t.Errorf("%d bytes took %v", len(s), took)
		}
		if back := r.restore(out); back != s {
			t.Errorf("restore(redact(%q)) = %q, by way of %q", s, back, out)
		}
		if utf8.ValidString(s) && !utf8.ValidString(out) {
			t.Errorf("redact(%q) = %q is not UTF-8", s, out)
		}
		if again := r.redact(s); again != out {
			t.Errorf("the second time it is %q, not %q", again, out)
		}
	})
}

// slowest is how much processor time n bytes may take on a machine five times
// slower than an ordinary one.
func slowest(n int) time.Duration { return 250*time.Millisecond + 20*time.Microsecond*time.Duration(n) }

// linear fails when twice the text takes much more than twice the time.
func linear(t *testing.T, name string, f func(n int)) {
	t.Helper()
	best := func(n int) time.Duration {
		least := time.Hour
		for range 3 {
			least = min(least, cpuTime(t, func() { f(n) }))
		}
		return least
	}
	small, middle, large := best(16<<10), best(32<<10), best(64<<10)
	for _, pair := range [][2]time.Duration{{small, middle}, {middle, large}} {
		if pair[1] > 3*pair[0]+20*time.Millisecond {
			t.Errorf("%s: 16, 32 and 64 KiB take %v, %v and %v", name, small, middle, large)
		}
	}
	if large > slowest(64<<10) {
		t.Errorf("%s: 64 KiB take %v", name, large)
	}
	t.Logf("%s: 64 KiB take %v", name, large)
}

func TestRedactionTakesLinearTime(t *testing.T) {
	for _, unit := range []string{"1 ", "a", "a.", "+1", "eyJ", "0:", "a@", "DE12 ", "password=", "4111 1111 1111 1111 ", "-----BEGIN PRIVATE KEY-----", "[EMAIL_1]", "(0)", "://:", "tel 1", " at ", "sk-", "é"} {
		linear(t, unit, func(n int) {
			s := strings.Repeat(unit, n/len(unit))
			newRedactor(s).redact(s)
		})
	}
}
