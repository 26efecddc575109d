package discord

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

func jsonOf(t testing.TB, text string) json.RawMessage {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Fatalf("not JSON: %s", text)
	}
	return json.RawMessage(text)
}

// menu is the use of a message command, after Discord's documentation.
const menu = `{"type":2,"token":"T","id":"1156284521323905099","application_id":"900000000000000001","guild_id":"772904309264089089","channel_id":"772908445358620702",` +
	`"channel":{"id":"772908445358620702","type":0,"name":"general"},` +
	`"member":{"user":{"id":"53908232506183680","username":"Mason"}},` +
	`"data":{"id":"866818195033292851","name":"Send to triage","type":3,"target_id":"867793854505943041","resolved":{"messages":{"867793854505943041":{"attachments":[],` +
	`"author":{"id":"53908232506183681","username":"Ann","public_flags":131141},"channel_id":"772908445358620702","components":[],"content":"some message","embeds":[],"id":"867793854505943041","timestamp":"2021-07-22T16:05:13.536000+00:00","type":0}}}}}`

func TestInteractions(t *testing.T) {
	t.Parallel()
	s := endpoint(t, keyA)
	feedback := sdk.Item{ExternalID: "1156284521323905034", Content: "It crashes 💥 on “save”", AuthorID: "53908232506183680", AuthorHandle: "Mason",
		Created: timeOf("1156284521323905034"), ContextJSON: `{"guild":"290926798626357999","channel":"645027906669510667","command":true}`}
	sent := sdk.Item{ExternalID: "867793854505943041", Content: "some message", AuthorID: "53908232506183681", AuthorHandle: "Ann", Created: timeOf("867793854505943041"),
		Permalink:   "https://discord.com/channels/772904309264089089/772908445358620702/867793854505943041",
		ContextJSON: `{"guild":"772904309264089089","channel":"772908445358620702","message":"867793854505943041"}`}
	inThread := sent
	inThread.InReplyTo = "772908445358620702"
	inThread.ContextJSON = `{"guild":"772904309264089089","channel":"772908445358620702","message":"867793854505943041","thread":true,"name":"general"}`
	for name, c := range map[string]struct {
		body string
		want *sdk.Item
		says string
	}{
		"slash command":        {slash, &feedback, "stored"},
		"menu":                 {menu, &sent, "taken"},
		"menu in a thread":     {strings.Replace(menu, `"type":0,"name":"general"`, `"type":11,"name":"general"`, 1), &inThread, "taken"},
		"no text":              {strings.Replace(slash, "It crashes 💥 on “save”", " ", 1), nil, "no text"},
		"text is a number":     {strings.Replace(slash, `"It crashes 💥 on “save”"`, "7", 1), nil, "no text"},
		"another command":      {strings.Replace(slash, `"feedback"`, `"ban"`, 1), nil, "not known"},
		"a button":             {strings.Replace(slash, `"type":2`, `"type":3`, 1), nil, "not known"},
		"a bot's message":      {strings.Replace(menu, `"username":"Ann"`, `"username":"Ann","bot":true`, 1), nil, "bots"},
		"an empty message":     {strings.Replace(menu, "some message", "", 1), nil, "without text"},
		"message left out":     {strings.Replace(menu, `"target_id":"867793854505943041"`, `"target_id":"1"`, 1), nil, "not send the message"},
		"another one's id":     {strings.Replace(menu, `"id":"867793854505943041"`, `"id":"867793854505943042"`, 1), nil, "not send the message"},
		"nobody":               {strings.Replace(slash, `"member"`, `"x"`, 1), nil, "not known"},
		"by a user in private": {strings.NewReplacer(`"member":{"user":{`, `"user":{`, `"public_flags":131141},"roles":["539082325061836999"],"permissions":"2147483647"}`, `"public_flags":131141}`, `"guild_id":"290926798626357999",`, "").Replace(slash), private(feedback), "stored"},
	} {
		reply, err := s.HandleWebhook(t.Context(), signedPost(keyA, now, c.body).request())
		var got response
		if err != nil || reply.Status != 200 || json.Unmarshal(reply.Body, &got) != nil || got.Type != 4 || got.Data.Flags != 64 || !strings.Contains(got.Data.Content, c.says) ||
			!strings.Contains(string(reply.Body), `"allowed_mentions":{"parse":[]}`) {
			t.Errorf("%s: %d %s, %v; want %q", name, reply.Status, reply.Body, err, c.says)
		}
		var item *sdk.Item
		if len(reply.Items) == 1 {
			item = &reply.Items[0]
		}
		if d := cmp.Diff(c.want, item); d != "" || len(reply.Items) > 1 {
			t.Errorf("%s: %d items (-want +got):\n%s", name, len(reply.Items), d)
		}
	}
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(keyA, now, `{"type":1}`).request()); reply.Status != 200 || string(reply.Body) != `{"type":1}` || reply.Header.Get("Content-Type") != "application/json" {
		t.Errorf("ping: %+v", reply)
	}
	for body, want := range map[string]int{"{": 400, "[]": 400, "{}": 400, `{"type":"x"}`: 400, "": 400} {
		if reply, _ := s.HandleWebhook(t.Context(), signedPost(keyA, now, body).request()); reply.Status != want || len(reply.Items) != 0 {
			t.Errorf("%q: %d, want %d", body, reply.Status, want)
		}
	}
	p := signedPost(keyA, now, slash)
	p.header.Set("Content-Encoding", "gzip")
	if reply, _ := s.HandleWebhook(t.Context(), p.request()); reply.Status != 415 {
		t.Errorf("compressed: %d, want 415", reply.Status)
	}
	if reply, _ := s.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "GET"}); reply.Status != 405 {
		t.Errorf("GET: %d, want 405", reply.Status)
	}
}

func private(it sdk.Item) *sdk.Item {
	it.ContextJSON = `{"channel":"645027906669510667","command":true}`
	return &it
}

// FuzzDiscordInteraction looks for an id that is not that of the event, for an
// address that is not Discord's, and for what takes long.
func FuzzDiscordInteraction(f *testing.F) {
	for _, seed := range []string{slash, menu, `{"type":1}`, `{"type":2,"data":{"options":[null]}}`, strings.ReplaceAll(menu, `772908445358620702`, `..\/..\/x`), strings.Replace(menu, `"attachments":[]`, `"attachments":[{"url":"https://evil.test/x"}]`, 1),
		`{"id":"867793854505943041","channel_id":"772908445358620702","content":"x","author":{"id":"53908232506183681"}}`} {
		f.Add([]byte(seed))
	}
	s := endpoint(f, keyA)
	f.Fuzz(func(t *testing.T, body []byte) {
		parse := func(body []byte) []*sdk.Item {
			var list []*sdk.Item
			var i interaction
			if json.Unmarshal(body, &i) == nil {
				it, text := s.take(&i)
				if text == "" {
					t.Error("nothing is said")
				}
				list = append(list, it)
			}
			var m message
			if json.Unmarshal(body, &m) == nil {
				list = append(list, item(&m, channel{ID: "200000000000000001", Type: 11}, me))
			}
			return list
		}
		items := parse(body)
		if d := cmp.Diff(items, parse(body)); d != "" {
			t.Errorf("not the same twice: %s", d)
		}
		for _, it := range items {
			if it == nil {
				continue
			}
			if snowflake(it.ExternalID) == 0 || isBlank(it.Content) || len(it.Content) > maxContent || !strings.HasPrefix(it.Permalink, "https://discord.com/channels/") && it.Permalink != "" {
				t.Errorf("item %+v", it)
			}
			for _, a := range it.Attachments {
				if a.URL != "" && !strings.HasPrefix(a.URL, "https://cdn.discordapp.com/") && !strings.HasPrefix(a.URL, "https://media.discordapp.net/") {
					t.Errorf("attachment at %q", a.URL)
				}
			}
		}
		quick(t, body, func(b []byte) { parse(b) })
	})
}

// quick wants four times the bytes to take not much more than four times as
// long. Only fuzzing measures: a busy machine is no bug.
func quick(t *testing.T, body []byte, parse func([]byte)) {
	if flag.Lookup("test.fuzz").Value.String() == "" {
		return
	}
	took := func(n int) time.Duration {
		b := []byte(strings.Repeat(string(body), n))
		began := time.Now()
		parse(b)
		return time.Since(began)
	}
	one, four := took(1), took(4)
	if four > 50*time.Millisecond+time.Duration(4*len(body))*time.Microsecond && four > 12*one {
		t.Errorf("%d bytes took %s, four times as many %s", len(body), one, four)
	}
}
