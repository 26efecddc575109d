package offline

import (
	"strings"
)

// Names that tell an environment, as the words of a text would write them.
var (
	systems  = []string{"windows server", "windows", "win10", "win11", "macos", "mac os x", "mac os", "os x", "osx", "ubuntu", "debian", "fedora", "arch linux", "centos", "red hat", "linux mint", "linux", "android", "ios", "ipados", "freebsd", "chrome os", "chromeos"}
	browsers = []string{"google chrome", "chrome", "firefox", "safari", "microsoft edge", "edge", "opera", "brave", "vivaldi", "internet explorer"}
	devices  = []string{"iphone", "ipad", "pixel", "galaxy", "oneplus", "xiaomi", "redmi", "huawei", "moto g", "nexus", "macbook", "thinkpad", "surface pro", "raspberry pi", "apple watch", "htc one", "xperia", "kindle fire"}
)

// environment reads version, system, browser and device from the text.
func environment(p *report) map[string]string {
	env := make(map[string]string)
	for _, text := range [...]string{p.title, cutAt(p.text, 16<<10)} {
		low := lowerASCII(text)
		for key, names := range map[string][]string{"os": systems, "browser": browsers, "device": devices} {
			if env[key] != "" {
				continue
			}
			if s := findName(text, low, names); s != "" {
				env[key] = s
			}
		}
		if env["version"] == "" {
			env["version"] = findVersion(text, low)
		}
	}
	if env["version"] == "" {
		delete(env, "version")
	}
	return env
}

// lowerASCII keeps every byte at its place.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

// findName returns the earliest name with the version that follows it.
func findName(text, low string, names []string) string {
	best, end := len(low)+1, 0
	for _, n := range names {
		from := 0
		for from < len(low) {
			i := strings.Index(low[from:], n)
			if i < 0 {
				break
			}
			i += from
			e := i + len(n)
			if edge(low, i, e) && !inLink(low, i) && (!strings.Contains(numbered, " "+n+" ") || withVersion(low, e) > e) && (i < best || i == best && e > end) && !(n == "edge" && strings.HasSuffix(low[:i], "the ")) {
				best, end = i, e
			}
			if i >= best {
				break
			}
			from = e
		}
	}
	if best > len(low) {
		return ""
	}
	return text[best:withVersion(low, end)]
}

// numbered are names that mean a device only with a number behind them.
const numbered = " pixel galaxy nexus surface pro "

// inLink reports whether the word at i belongs to an address.
func inLink(low string, i int) bool {
	start := strings.LastIndexAny(low[:i], " \t\n(") + 1
	return strings.Contains(low[start:i], "://") || strings.HasPrefix(low[start:], "www.")
}

func edge(s string, i, e int) bool {
	return (i == 0 || !letter(s[i-1])) && (e >= len(s) || !letter(s[e]))
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 || c == '_'
}

// withVersion extends a name by " 14.2", " Pro 11" or " S23".
func withVersion(low string, e int) int {
	at := e
	for range 2 {
		k := at
		if k < len(low) && (low[k] == ' ' || low[k] == '/' || low[k] == '-') {
			k++
		}
		start := k
		for k < len(low) && k-start < 14 && (low[k] >= '0' && low[k] <= '9' || low[k] == '.' || letter(low[k]) && low[k] < 0x80) {
			k++
		}
		word := strings.TrimRight(low[start:k], ".")
		digit := strings.ContainsAny(word, "0123456789")
		if word == "" || !digit && word != "pro" && word != "max" && word != "mini" && word != "plus" && word != "ultra" && word != "tab" && word != "version" && word != "note" {
			break
		}
		at = start + len(word)
		if digit && word[0] != 's' {
			break
		}
	}
	return at
}

// findVersion finds "version 2.4.1", "v3.0" or a bare "2.13.0".
func findVersion(text, low string) string {
	for _, label := range [...]string{"app version", "version", "release", "build", "ver."} {
		from := 0
		for range 20 {
			i := strings.Index(low[from:], label)
			if i < 0 {
				break
			}
			k := from + i + len(label)
			from = k
			for k < len(low) && strings.IndexByte(" :*=_#|\"(v\r\n\t", low[k]) >= 0 {
				k++
			}
			if e := versionEnd(low, k); e > k {
				return text[k:e]
			}
		}
	}
	for i := 0; i < len(low); i++ {
		if low[i] < '0' || low[i] > '9' || i > 0 && (letter(low[i-1]) && low[i-1] != 'v' || low[i-1] == '.' || low[i-1] == '/' || low[i-1] == '$') {
			continue
		}
		e := versionEnd(low, i)
		dots := strings.Count(low[i:e], ".")
		if dots == 2 || dots == 1 && i > 0 && low[i-1] == 'v' && (i < 2 || !letter(low[i-2])) {
			return text[i:e]
		}
		for i < len(low) && (letter(low[i]) || low[i] == '.') {
			i++
		}
	}
	return ""
}

// versionEnd returns the end of "1.2.3-rc1" that begins at i, or i.
func versionEnd(low string, i int) int {
	e := i
	for e < len(low) && e-i < 24 && low[e] >= '0' && low[e] <= '9' {
		e++
	}
	if e == i {
		return i
	}
	for e+1 < len(low) && e-i < 24 && low[e] == '.' && low[e+1] >= '0' && low[e+1] <= '9' {
		e++
		for e < len(low) && e-i < 24 && low[e] >= '0' && low[e] <= '9' {
			e++
		}
	}
	if e+2 < len(low) && low[e] == '-' && (strings.HasPrefix(low[e+1:], "rc") || strings.HasPrefix(low[e+1:], "beta") || strings.HasPrefix(low[e+1:], "alpha")) {
		e++
		for e < len(low) && e-i < 24 && (letter(low[e]) && low[e] < 0x80 || low[e] == '.') {
			e++
		}
	}
	return e
}
