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

// frames are sentences in which people leave such things. 25 kinds of secret in
// 60 sentences make 300 different lines.
var frames = []string{
	"It crashes, and I get %s in the log.", "%s", "Hi, my data: %s, please help!", "(%s)", "Wer hilft? %s\nDanke", "user=%s;", "\"%s\"", "I used %s.",
	"Login fails. My account is %s and it used to work last week.", "curl -H 'X-Auth: %s' https://api.example.com/v1/items", "Sent from my phone, %s",
	"please change it from %s to something else", "The receipt shows %s although I cancelled", "{\"id\": 7, \"value\": \"%s\", \"ok\": false}",
	"2026-11-22 10:00:05 ERROR request by %s failed", "Contact: %s\nVersion: 2.3", "> %s\n> wrote this", "* first item\n* %s\n* third item", "export VALUE=%s",
	"I pasted %s twice, both times it froze", "Meine Angaben: %s. Bitte löschen!", "Mon numéro est %s, merci", "mi cuenta es %s y no funciona", "<p>%s</p>",
	"| name | value |\n|---|---|\n| mine | %s |", "The field takes %s, but not with spaces", "why does it show %s to everybody??", "as in the screenshot (%s), see above",
	"Steps: 1. open 2. type %s 3. boom", "reply to %s", "It says: invalid value '%s'", "[%s]", "db://host/%s", "Value=%s&next=1", "%s is what I see", "my %s leaked",
	"- %s", "…%s…", "What I typed was %s, then Enter", "TL;DR %s", "#1 %s", "%s; again", "error code 500 for %s at step 3", "it worked with %s before the update of May",
	"config:\n  key1: %s\n  other: x", "%s\n--\nMaya", "Bonjour, %s ne marche pas", "こんにちは %s です", "see: %s!", "is %s mine?", "/* %s */", "log4j: %s -> null",
	"who else has %s in the export", "The QR code contains %s", "tested with %s / v2", "my wife's is %s", "order by %s", "Ticket for %s: still open", "my data (%s) is visible", "val: %s",
}

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
	for i := range n {
		m := makers[i%len(makers)]
		secret := m.make()
		lines, secrets, kinds = append(lines, fmt.Sprintf(frames[i*7%len(frames)], secret)), append(secrets, secret), append(kinds, m.kind)
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
	"The build 20261122.4 is broken, 20261121.9 was fine", "It needs 16384 MB, I have 8192", "port 5432 is taken", "RFC 7231 says otherwise", "error -1073741819 (0xC0000005)",
	"at 12.5 % it stops, at 100 % it says done", "Chapter 3.2.1.4 of the manual", "ISBN 978-3-16-148410-0 is not found", "It happened on 22.11.2026 and on 23.11.2026",
	"kernel 6.8.0-45-generic #45-Ubuntu SMP", "PR #4711 and issue #12", "x=1,y=2,z=3,w=4", "Tracking number shows 'unknown'", "1 2 3 4 5 6 7 8 9 10", "between 09:00 and 17:30",
	"v1.22.333-rc.4+build.5", "10.5.0.1-beta of the plugin", "The password field has no label", "Please reset token handling", "secret santa mode would be nice",
	"commit messages like fix(core): handle-empty-list-in-the-parser-of-the-config", "supercalifragilisticexpialidocious-is-a-long-word-for-a-title", "C:\\\\Program Files\\\\App\\\\bin\\\\app.exe",
	"/var/lib/docker/overlay2/l/XYZ", "npm ERR! code ELIFECYCLE errno 1", "java.lang.NullPointerException at line 120", "SELECT * FROM items WHERE id = 12345678", "€ 1.234,56 instead of € 1.243,65",
	"ratio 1:1000000", "temperature 36.6", "we have 1,000,000 rows", "latitude 52.5200, longitude 13.4050", "Unicode U+1F600 and U+0041", "a@b", "user@localhost", "me @ home",
	"the bearer of bad news", "basic authentication is missing", "my session was great", "auth: none", "the key: it does not fit", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
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
	// Precision: of what is taken out, how much is a secret. The frames hold none.
	taken, right, wrong := 0, 0, 0
	for i, line := range lines {
		for _, f := range findAll(line) {
			taken++
			if at := strings.Index(line, secrets[i]); f.start < at+len(secrets[i]) && f.end > at {
				right++
			} else {
				t.Logf("hidden without need in %q: %q", line, line[f.start:f.end])
			}
		}
	}
	for _, s := range harmless {
		all := findAll(s)
		taken += len(all)
		if len(all) > 0 {
			wrong++
			t.Logf("hidden without need: %q: %q", s, newRedactor(s).redact(s))
		}
	}
	precision := float64(right) / float64(taken)
	t.Logf("precision %.3f of %d; %d of %d harmless lines touched", precision, taken, wrong, len(harmless))
	if precision < 0.90 || wrong > len(harmless)/10 {
		t.Errorf("precision %.3f, %d of %d harmless lines touched, want 0.90 and a tenth at most", precision, wrong, len(harmless))
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

// What one pattern has taken must not be taken once more by another one.
func TestASecretBehindAWordForIt(t *testing.T) {
	t.Parallel()
	_, secrets, _ := gold(25)
	for _, word := range []string{"token: ", "API key=", "Authorization: Bearer ", "password is ", "https://user:", "-----BEGIN PRIVATE KEY-----", "tel ", "secret=\"a1B2c3", "sk-"} {
		for _, x := range secrets {
			for _, s := range []string{word + x, word + x + "@example.com/", word + x + x, word + "\x00" + x} {
				r := newRedactor(s)
				if out := r.redact(s); r.restore(out) != s {
					t.Errorf("restore of %q is not %q", out, s)
				}
			}
			s := word + x
			if out := newRedactor(s).redact(s); strings.Contains(out, x) {
				t.Errorf("redact(%q) = %q", s, out)
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
