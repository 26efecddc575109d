package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// slow fails a fuzz run on an input that takes longer than its length explains.
func slow(t *testing.T, start time.Time, n int) {
	t.Helper()
	if took, most := time.Since(start), 2*time.Second+time.Duration(n)*time.Microsecond; took > most {
		t.Errorf("%d bytes took %s, want at most %s", n, took, most)
	}
}

// What is taken as feedback is valid text throughout, and says the same again.
func FuzzFeedbackJSON(f *testing.F) {
	for _, s := range []string{
		`{"content":"App crashes","source":"discord","user_id":"42"}`, `{"content":"a","content":"b"}`, `{"content":"\ud83d\ude80"}`,
		`{"content":"\ud83d"}`, `{"a":[[[{"b":1e400}]]]}`, "\ufeff{}", `{"content":"zero\u0000byte"}`, `{"content":"x"} x`, "{\"content\":\"\xff\"}", `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		start := time.Now()
		body, err := jsonObject(raw)
		slow(t, start, len(raw))
		if err != nil {
			return
		}
		if !utf8.Valid(raw) {
			t.Errorf("bytes that are no UTF-8 were taken: %q", raw)
		}
		again, err := json.Marshal(body)
		if err != nil {
			t.Fatalf("what was taken cannot be written: %v", err)
		}
		if bytes.ContainsRune(again, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) && !strings.Contains(strings.ToLower(string(raw)), `\ufffd`) {
			t.Errorf("a character was replaced: %q became %q", raw, again)
		}
		second, err := jsonObject(again)
		if err != nil {
			t.Fatalf("what was taken is refused when it comes back: %v", err)
		}
		if d := cmp.Diff(body, second); d != "" {
			t.Errorf("it says something else the second time:\n%s", d)
		}
	})
}

// Forms never break the server, and a field is a text or a list of texts.
func FuzzForm(f *testing.F) {
	f.Add([]byte("content=a+b&source=%F0%9F%9A%80"), "")
	f.Add([]byte("content=%zz"), "")
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\ntext\r\n--B--\r\n"), "B")
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\ntext\r\n--B--\r\n"), "B")
	f.Fuzz(func(t *testing.T, raw []byte, boundary string) {
		start := time.Now()
		body, err := formObject(raw)
		if boundary != "" {
			body, err = multipartObject(raw, boundary)
		}
		slow(t, start, len(raw))
		if err != nil {
			return
		}
		for name, v := range body {
			switch v.(type) {
			case string, []any:
			default:
				t.Errorf("%q is a %T", name, v)
			}
		}
	})
}

// Reading JSON costs the same for each byte, however it is nested.
func TestCheckJSONIsLinear(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(int) string{
		"open":   func(n int) string { return strings.Repeat("[", n) },
		"nested": func(n int) string { return strings.Repeat(`{"a":`, n/5) },
		"keys": func(n int) string {
			b := []byte(`{"a":1`)
			for i := 0; len(b) < n; i++ {
				b = fmt.Appendf(b, `,"%d":1`, i)
			}
			return string(append(b, '}'))
		},
		"long":   func(n int) string { return `"` + strings.Repeat("x", n) + `"` },
		"spaces": func(n int) string { return strings.Repeat(" ", n) },
	} {
		raw := []byte(build(256 << 10))
		start := time.Now()
		checkJSON(raw)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: 256 KiB took %s", name, took)
		}
	}
}
