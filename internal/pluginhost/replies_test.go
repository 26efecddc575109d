package pluginhost

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var today = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestItemsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxID+1)
	for what, it := range map[string]Item{
		"no id":            {Content: "c"},
		"no content":       {ExternalID: "e"},
		"long id":          {Content: "c", ExternalID: long},
		"long author":      {Content: "c", ExternalID: "e", AuthorID: long},
		"long handle":      {Content: "c", ExternalID: "e", AuthorHandle: long},
		"context a list":   {Content: "c", ExternalID: "e", ContextJSON: "[1]"},
		"context null":     {Content: "c", ExternalID: "e", ContextJSON: " null"},
		"context broken":   {Content: "c", ExternalID: "e", ContextJSON: "{"},
		"101 attachments":  {Content: "c", ExternalID: "e", Attachments: make([]Attachment, 101)},
		"long in-reply-to": {Content: "c", ExternalID: "e", InReplyTo: long},
	} {
		reply := WebhookReply{Status: 200, Items: []Item{{ExternalID: "ok", Content: "ok"}, it}}
		if err := checkWebhookReply(&reply, today); !errors.Is(err, ErrBadReply) {
			t.Errorf("%s: %v, want ErrBadReply", what, err)
		}
	}
	for _, status := range []int{-1, 0, 101, 199, 600} {
		if err := checkWebhookReply(&WebhookReply{Status: status}, today); !errors.Is(err, ErrBadReply) {
			t.Errorf("status %d: %v, want ErrBadReply", status, err)
		}
	}
	if err := checkWebhookReply(&WebhookReply{Status: 401, Items: []Item{{ExternalID: "e", Content: "c"}}}, today); !errors.Is(err, ErrBadReply) {
		t.Errorf("401 with an item: %v, want ErrBadReply", err)
	}
}

func TestWhatIsOnlyOddIsMended(t *testing.T) {
	t.Parallel()
	reply := WebhookReply{Status: 200,
		Header: http.Header{"Content-Type": {"a"}, "Retry-After": {"1"}, "Location": {"https://evil.test"}, "Access-Control-Allow-Origin": {"*"}},
		Items: []Item{{ExternalID: "e", Content: "c", Permalink: "data:text/html,x", Created: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
			Attachments: []Attachment{{URL: "https://files.test/x", Size: -1}, {URL: "file:///etc/passwd"}, {URL: "//x.test"}, {URL: "http://"}}}}}
	if err := checkWebhookReply(&reply, today); err != nil {
		t.Fatal(err)
	}
	want := WebhookReply{Status: 200, Header: http.Header{"Content-Type": {"a"}, "Retry-After": {"1"}},
		Items: []Item{{ExternalID: "e", Content: "c", Attachments: []Attachment{{URL: "https://files.test/x"}, {}, {}, {}}}}}
	if d := cmp.Diff(want, reply); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for at, kept := range map[time.Time]bool{
		today: true, today.Add(23 * time.Hour): true, today.Add(25 * time.Hour): false,
		time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC): true, time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC): false,
		time.UnixMilli(1<<63 - 1): false, time.UnixMilli(-1 << 63): false,
	} {
		it := Item{ExternalID: "e", Content: "c", Created: at}
		if err := checkItem(&it, today); err != nil || it.Created.IsZero() == kept {
			t.Errorf("created %v: kept %v, %v; want %v", at, !it.Created.IsZero(), err, kept)
		}
	}
}

func FuzzItem(f *testing.F) {
	f.Add("e", "c", "https://x.test/1", `{"a":1}`, int64(1_767_323_045_000), int64(7))
	f.Add("", "", "javascript:alert(1)", `[`, int64(1<<63-1), int64(-1))
	f.Fuzz(func(t *testing.T, id, content, link, about string, ms, size int64) {
		it := Item{ExternalID: id, Content: content, Permalink: link, ContextJSON: about, Created: time.UnixMilli(ms),
			Attachments: []Attachment{{URL: link, Size: size}}}
		if checkItem(&it, today) != nil {
			return
		}
		for _, u := range []string{it.Permalink, it.Attachments[0].URL} {
			if u != "" && !strings.HasPrefix(strings.ToLower(u), "http://") && !strings.HasPrefix(strings.ToLower(u), "https://") {
				t.Errorf("address %q was let through", u)
			}
		}
		odd := !it.Created.IsZero() && (it.Created.Year() < 2000 || it.Created.After(today.Add(24*time.Hour)))
		if id == "" || len(id) > maxID || content == "" || odd || it.Attachments[0].Size < 0 || about != "" && !strings.HasPrefix(strings.TrimSpace(about), "{") {
			t.Errorf("item %+v was let through", it)
		}
	})
}

func TestScrub(t *testing.T) {
	t.Parallel()
	m := Manifest{ConfigSchema: `{"type":"object","properties":{"a":{"type":"string","secret":true},"b":{"type":"string"},
		"c":{"type":"array","items":{"type":"string"},"secret":true},"d":{"type":"string","secret":true}}}`}
	s := newScrubber(m, []byte(`{"a":"hunter22","b":"public99","c":["first-key","second-key"],"d":"abc"}`))
	for in, want := range map[string]string{
		"with hunter22 and public99": "with [secret] and public99",
		"first-key,second-key":       "[secret],[secret]",
		"abc is too short to cut":    "abc is too short to cut",
		"a\nb\x1b[31mc\x00\xff":      "a b[31mc\uFFFD",
		"  ":                         "",
		strings.Repeat("é", 300):     strings.Repeat("é", 200) + "…",
	} {
		if got := s.line(in); got != want {
			t.Errorf("line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParseLogSurvivesEverything(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"@level":"warn","@message":"m","@timestamp":"x","n":7}`: "WARN m",
		`{"@level":"info","@message":"m"}`:                        "INFO m",
		`{"@level":"error","@message":"m"}`:                       "ERROR m",
		`{"@level":"trace","@message":"m"}`:                       "DEBUG m",
		`{"@message":"m"}`:                                        "DEBUG m",
		`{"@message":1,"@level":[]}`:                              "DEBUG ",
		`plain`:                                                   "DEBUG plain",
		`panic: oh`:                                               "ERROR panic: oh",
		`[1]`:                                                     "DEBUG [1]",
	} {
		level, message, _ := parseLog([]byte(line))
		if got := level.String() + " " + message; got != want {
			t.Errorf("parseLog(%s) = %q, want %q", line, got, want)
		}
	}
}
