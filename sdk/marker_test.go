package sdk

import (
	"strings"
	"testing"
)

func TestMarker(t *testing.T) {
	t.Parallel()
	const want = "<!-- iterateswarm:v1 k=ABC234 -->" // in issues that exist: never change it
	if got := Marker("ABC234"); got != want {
		t.Errorf("Marker = %q, want %q", got, want)
	}
	for line, key := range map[string]string{
		want:                                "ABC234",
		want + "\r":                         "ABC234",
		want + "\r\r":                       "",
		want + " ":                          "",
		" " + want:                          "",
		want + want:                         "",
		strings.ToUpper(want):               "",
		"<!-- iterateswarm:v2 k=ABC234 -->": "",
		"<!-- iterateswarm:v1 k= -->":       "",
		"<!-- iterateswarm:v1 k=A B -->":    "",
		"<!-- iterateswarm:v1 k=A--> -->":   "",
		"<!-- iterateswarm:v1 k=ABC234":     "",
		"<!-- iterateswarm:v1 k= -->x -->":  "",
		"":                                  "",
		Marker(strings.Repeat("a", 64)):     strings.Repeat("a", 64),
		Marker(strings.Repeat("a", 65)):     "",
	} {
		got, ok := ParseMarker(line)
		if got != key || ok != (key != "") {
			t.Errorf("ParseMarker(%q) = %q, %v; want %q", line, got, ok, key)
		}
	}
	if key, ok := MarkerOf(want + "\n\ntext"); key != "ABC234" || !ok {
		t.Errorf("MarkerOf = %q, %v", key, ok)
	}
	if _, ok := MarkerOf("\n" + want); ok {
		t.Error("MarkerOf took the second line")
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker("k1"))
	f.Add("<!-- iterateswarm:v1 k=x --> -->")
	f.Fuzz(func(t *testing.T, line string) {
		if key, ok := ParseMarker(line); ok && Marker(key) != strings.TrimSuffix(line, "\r") {
			t.Errorf("ParseMarker(%q) = %q", line, key)
		}
	})
}
