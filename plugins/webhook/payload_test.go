package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func send(t *testing.T, method, body string) sdk.WebhookReply {
	t.Helper()
	p := signedPost(t, secretA, "msg_1", now, body)
	reply, err := newSource(t, secretA).HandleWebhook(t.Context(), sdk.WebhookRequest{Method: method, Header: p.header, Body: p.body})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	full := sdk.Item{ExternalID: "ticket-7", Title: "T", Content: " C\u0000\n", AuthorID: "42", AuthorHandle: "ann",
		Permalink: "https://x.test/7", Created: now, ContextJSON: `{"source":"shop","type":"feedback.created"}`}
	flat := full
	flat.ContextJSON = `{"source":"shop"}`
	fields := `"content":" C\u0000\n","title":"T","user_id":42,"user_name":"ann","external_id":"ticket-7","permalink":"https://x.test/7","source":"shop"`
	for name, c := range map[string]struct {
		body string
		want sdk.Item
	}{
		"flat":            {`{` + fields + `,"more":[1]}`, flat},
		"nested":          {`{"type":"feedback.created","timestamp":"2026-01-02T03:04:05Z","data":{` + fields + `}}`, full},
		"only content":    {`{"content":"x"}`, sdk.Item{ExternalID: "msg_1", Content: "x", Created: now}},
		"nulls":           {`{"content":"x","title":null,"user_id":null}`, sdk.Item{ExternalID: "msg_1", Content: "x", Created: now}},
		"surrogate pair":  {`{"content":"\ud83d\udca5\\ud83d"}`, sdk.Item{ExternalID: "msg_1", Content: "💥\\ud83d", Created: now}},
		"64 KiB":          {`{"content":"` + strings.Repeat("x", 64<<10) + `"}`, sdk.Item{ExternalID: "msg_1", Content: strings.Repeat("x", 64<<10), Created: now}},
		"the last counts": {`{"content":"a","content":"b"}`, sdk.Item{ExternalID: "msg_1", Content: "b", Created: now}},
	} {
		reply := send(t, "POST", c.body)
		if reply.Status != 200 {
			t.Errorf("%s: status %d %s", name, reply.Status, reply.Body)
			continue
		}
		if d := cmp.Diff([]sdk.Item{c.want}, reply.Items); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		var answer struct {
			ExternalID string `json:"external_id"`
		}
		if json.Unmarshal(reply.Body, &answer); answer.ExternalID != c.want.ExternalID {
			t.Errorf("%s: answered %s, want external id %s", name, reply.Body, c.want.ExternalID)
		}
	}
}

func TestSignedBodiesThatHoldNoFeedback(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, says, field string
		status            int
	}{
		"empty":                    {``, "not JSON", "", 400},
		"broken":                   {`{"content":"x"`, "at byte 14", "", 400},
		"two objects":              {`{"content":"x"}{}`, "not JSON", "", 400},
		"a list":                   {`[1]`, "not a JSON object", "", 400},
		"null":                     {`null`, "not a JSON object", "", 400},
		"text":                     {`"x"`, "not a JSON object", "", 400},
		"data is text":             {`{"data":"x"}`, "data is not a JSON object", "data", 400},
		"no content":               {`{"title":"x"}`, "no content", "content", 400},
		"content is space":         {`{"content":" \n\t"}`, "no content", "content", 400},
		"content outside data":     {`{"content":"x","data":{}}`, "no content", "data.content", 400},
		"content is a number":      {`{"content":7}`, "content is not text", "content", 400},
		"content is a list":        {`{"data":{"content":["x"]}}`, "data.content is not text", "data.content", 400},
		"title is an object":       {`{"content":"x","title":{}}`, "title is not text", "title", 400},
		"user id is true":          {`{"content":"x","user_id":true}`, "user_id is not text", "user_id", 400},
		"content over 64 KiB":      {`{"content":"` + strings.Repeat("x", 64<<10+1) + `"}`, "65537 bytes", "content", 413},
		"external id too long":     {`{"content":"x","external_id":"` + strings.Repeat("x", 501) + `"}`, "501 bytes", "external_id", 400},
		"not UTF-8":                {"{\"content\":\"\xff\"}", "not UTF-8", "", 400},
		"overlong UTF-8":           {"{\"content\":\"\xc0\xaf\"}", "not UTF-8", "", 400},
		"surrogate as UTF-8":       {"{\"content\":\"\xed\xa0\x80\"}", "not UTF-8", "", 400},
		"lone high surrogate":      {`{"content":"ab\ud83d"}`, "lone surrogate) at byte 14", "", 400},
		"lone low surrogate":       {`{"content":"\uDCA5"}`, "lone surrogate) at byte 12", "", 400},
		"surrogates the wrong way": {`{"content":"\udca5\ud83d"}`, "lone surrogate", "", 400},
		"half of a half":           {`{"content":"\ud83d\u0041"}`, "lone surrogate", "", 400},
		"100,000 brackets":         {strings.Repeat("[", 100_000), "not JSON", "", 400},
	} {
		reply := send(t, "POST", c.body)
		var answer struct{ Message, Field string }
		if err := json.Unmarshal(reply.Body, &answer); err != nil {
			t.Errorf("%s: %d %q is not JSON", name, reply.Status, reply.Body)
		}
		if reply.Status != c.status || answer.Field != c.field || !strings.Contains(answer.Message, c.says) || len(reply.Items) > 0 {
			t.Errorf("%s: %d %+v with %d items; want %d about %q: %q", name, reply.Status, answer, len(reply.Items), c.status, c.field, c.says)
		}
	}
	if reply := send(t, "GET", `{"content":"x"}`); reply.Status != 405 || reply.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", reply.Status, reply.Header)
	}
}

func TestCompressedBodyIsRefused(t *testing.T) {
	t.Parallel()
	p := signedPost(t, secretA, "m", now, `{"content":"x"}`)
	p.set("Content-Encoding", "gzip")
	reply, _ := newSource(t, secretA).HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "POST", Header: p.header, Body: p.body})
	if reply.Status != 415 {
		t.Errorf("status %d, want 415", reply.Status)
	}
}

// FuzzParse looks for panics, for text that is not UTF-8, and for items without
// content.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"content":"x","user_id":7}`))
	f.Add([]byte(`{"type":"t","data":{"content":"\ud83d\udca5"}}`))
	f.Add([]byte(`{"content":"\\\ud83d"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		item, wrong := parse(b)
		if wrong == nil && (strings.TrimSpace(item.Content) == "" || strings.ToValidUTF8(item.Content, "") != item.Content) {
			t.Errorf("parse(%q) = %+v", b, item)
		}
		if wrong != nil && (wrong.status < 400 || wrong.message == "") {
			t.Errorf("parse(%q): %+v", b, wrong)
		}
	})
}
