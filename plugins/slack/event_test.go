package slack

import (
	"flag"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// event wraps an inner event as Slack does.
func event(inner string) string {
	return `{"token":"x","team_id":"T024BE7LD","api_app_id":"A1","event":` + inner + `,"type":"event_callback","event_id":"Ev08","event_time":1355517523,"authorizations":[{"team_id":"T024BE7LD","user_id":"U0BOT","is_bot":true}]}`
}

// shortcut is the use of the message shortcut, after Slack's documentation.
const shortcut = `{"token":"Nj2rfC2hU8mAfgaJLemZgO7H","callback_id":"send_to_triage","type":"message_action","trigger_id":"13345224609.8534564800.6f8ab1f53e13d0cd15f96106292d5536",` +
	`"response_url":"https://hooks.slack.com/app-actions/T0MJR11A4/21974584944/yk1S9ndf35Q1flupVG5JbpM6","team":{"id":"T0MJRM1A7","domain":"pandamonium"},"channel":{"id":"D0LFFBKLZ","name":"cats"},` +
	`"user":{"id":"U0D15K92L","name":"dr_maomao"},"message":{"type":"message","user":"U0MJRG1AL","ts":"1516229207.000133","text":"World's smallest big cat! <https://youtube.com/watch?v=W86cTIoMv2U>"}}`

func TestEvents(t *testing.T) {
	t.Parallel()
	plainMessage := sdk.Item{ExternalID: "C2147483705:1355517523.000005", Content: "Hello world", AuthorID: "U2147483697", Created: time.Unix(1355517523, 5000).UTC(),
		Permalink: "https://app.slack.com/client/T024BE7LD/C2147483705", ContextJSON: `{"team":"T024BE7LD","channel":"C2147483705","ts":"1355517523.000005"}`}
	inThread := plainMessage
	inThread.InReplyTo = "C2147483705:1355517000.000001"
	inThread.ContextJSON = `{"team":"T024BE7LD","channel":"C2147483705","ts":"1355517523.000005","thread_ts":"1355517000.000001"}`
	parent := plainMessage
	parent.ContextJSON = `{"team":"T024BE7LD","channel":"C2147483705","ts":"1355517523.000005","thread_ts":"1355517523.000005"}`
	file := plainMessage
	file.Content = "[file: log.txt]"
	file.Attachments = []sdk.Attachment{{Name: "log.txt", URL: "https://acme.slack.com/files/U1/F1/log.txt", Size: 12, Type: "text/plain"}}
	evil := plainMessage
	evil.Attachments = []sdk.Attachment{{Name: "x"}}
	sent := sdk.Item{ExternalID: "D0LFFBKLZ:1516229207.000133", Content: "World's smallest big cat! https://youtube.com/watch?v=W86cTIoMv2U", AuthorID: "U0MJRG1AL", Created: time.Unix(1516229207, 133000).UTC(),
		Permalink: "https://app.slack.com/client/T0MJRM1A7/D0LFFBKLZ", ContextJSON: `{"team":"T0MJRM1A7","channel":"D0LFFBKLZ","ts":"1516229207.000133"}`}
	message := `{"type":"message","channel":"C2147483705","user":"U2147483697","text":"Hello world","ts":"1355517523.000005"}`
	with := func(more string) string {
		return event(strings.Replace(message, `"type":"message"`, `"type":"message",`+more, 1))
	}
	change := func(old, new string) string { return event(strings.Replace(message, old, new, 1)) }
	for name, c := range map[string]struct {
		body string
		want *sdk.Item
	}{
		"a message":              {event(message), &plainMessage},
		"in a thread":            {with(`"thread_ts":"1355517000.000001"`), &inThread},
		"that began a thread":    {with(`"thread_ts":"1355517523.000005"`), &parent},
		"a thread's broadcast":   {with(`"subtype":"thread_broadcast","thread_ts":"1355517000.000001"`), &inThread},
		"with a file alone":      {event(strings.Replace(message, `"text":"Hello world"`, `"subtype":"file_share","text":"","files":[{"name":"log.txt","permalink":"https://acme.slack.com/files/U1/F1/log.txt","size":12,"mimetype":"text/plain"}]`, 1)), &file},
		"with a file elsewhere":  {with(`"files":[{"name":"x","permalink":"https://evil.test/slack.com"}]`), &evil},
		"a file behind a user":   {with(`"files":[{"name":"x","permalink":"https://a.slack.com@evil.test/"}]`), &evil},
		"the shortcut":           {shortcut, &sent},
		"another shortcut":       {strings.Replace(shortcut, "send_to_triage", "other", 1), nil},
		"shortcut on a bot":      {strings.Replace(shortcut, `"user":"U0MJRG1AL"`, `"bot_id":"B1"`, 1), nil},
		"edited":                 {event(`{"type":"message","subtype":"message_changed","channel":"C2147483705","ts":"1358878755.000001","message":{"type":"message","user":"U2147483697","text":"Hello, world!","ts":"1355517523.000005"}}`), nil},
		"deleted":                {event(`{"type":"message","subtype":"message_deleted","channel":"C2147483705","ts":"1358878755.000001","deleted_ts":"1358878749.000002"}`), nil},
		"by a bot":               {with(`"subtype":"bot_message","bot_id":"BB12033"`), nil},
		"by a bot without words": {with(`"bot_id":"BB12033"`), nil},
		"joined":                 {with(`"subtype":"channel_join"`), nil},
		"by nobody":              {change("U2147483697", ""), nil},
		"by Slack":               {change("U2147483697", "USLACKBOT"), nil},
		"hidden":                 {with(`"hidden":true`), nil},
		"empty":                  {change("Hello world", " "), nil},
		"no channel":             {change("C2147483705", "../x"), nil},
		"no time":                {change("1355517523.000005", "now"), nil},
		"another event":          {change(`"type":"message"`, `"type":"channel_created"`), nil},
		"a mark of others":       {event(reaction("thumbsup")), nil},
		"rate limited":           {`{"type":"app_rate_limited","team_id":"T1"}`, nil},
	} {
		s := receiver(t, `,"emoji":":bug:"`)
		reply, err := s.HandleWebhook(t.Context(), signedPost(secretA, now, c.body).request())
		if err != nil || reply.Status != 200 || len(reply.Body) != 0 {
			t.Errorf("%s: %d %q, %v", name, reply.Status, reply.Body, err)
		}
		var got *sdk.Item
		if len(reply.Items) == 1 {
			got = &reply.Items[0]
		}
		if d := cmp.Diff(c.want, got); d != "" || len(reply.Items) > 1 {
			t.Errorf("%s: %d items (-want +got):\n%s", name, len(reply.Items), d)
		}
	}
	s := receiver(t, `,"channels":["C1"]`)
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, event(message)).request()); reply.Status != 200 || len(reply.Items) != 0 {
		t.Errorf("a channel that is not chosen: %+v", reply)
	}
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, "payload="+url.QueryEscape(shortcut)).request()); reply.Status != 200 || len(reply.Items) != 1 {
		t.Errorf("shortcut as a form: %+v", reply)
	}
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, `{"token":"x","challenge":"3eZbrw1a\"B","type":"url_verification"}`).request()); reply.Status != 200 || string(reply.Body) != `{"challenge":"3eZbrw1a\"B"}` {
		t.Errorf("challenge: %+v", reply)
	}
	for body, want := range map[string]int{"": 400, "{": 400, "{}": 400, "[]": 400, "a=b": 400, "payload=": 400, "payload={": 400, "%zz": 400, `{"type":"event_callback"}`: 400, `{"type":"event_callback","event":[]}`: 400, `{"type":7}`: 400} {
		if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, body).request()); reply.Status != want || len(reply.Items) != 0 {
			t.Errorf("%q: %d, want %d", body, reply.Status, want)
		}
	}
	p := signedPost(secretA, now, said)
	p.header.Set("Content-Encoding", "gzip")
	if reply, _ := s.HandleWebhook(t.Context(), p.request()); reply.Status != 415 {
		t.Errorf("compressed: %d, want 415", reply.Status)
	}
	if reply, _ := s.HandleWebhook(t.Context(), sdk.WebhookRequest{Method: "GET"}); reply.Status != 405 {
		t.Errorf("GET: %d, want 405", reply.Status)
	}
	// Nobody is there to fetch a marked message: Slack is to send it again.
	s = receiver(t, `,"emoji":"bug"`)
	if reply, _ := s.HandleWebhook(t.Context(), signedPost(secretA, now, event(reaction("bug"))).request()); reply.Status != 503 || reply.Header.Get("Retry-After") == "" {
		t.Errorf("a mark without a Run: %+v", reply)
	}
}

func reaction(name string) string {
	return `{"type":"reaction_added","user":"U024BE7LH","reaction":"` + name + `","item_user":"U0G9QF9C6","item":{"type":"message","channel":"C0G9QF9GZ","ts":"1360782400.498405"},"event_ts":"1360782804.083113"}`
}

func TestReadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a &lt;b&gt; &amp;amp; c":               "a <b> &amp; c",
		"<@U1> <@U1|ann> <#C1|general> <#C1>":   "@U1 @ann #general #C1",
		"<!here> <!channel|@channel>":           "@here @channel",
		"<!subteam^S1|@devs>":                   "@devs",
		"see <https://a.test/x|the page>":       "see the page (https://a.test/x)",
		"<https://a.test|a.test> <http://b.de>": "https://a.test http://b.de",
		"<mailto:a@b.de|a@b.de>":                "a@b.de",
		"1 < 2 and <unclosed":                   "1 < 2 and <unclosed",
		"<>":                                    "",
	} {
		if got := readable(text); got != want {
			t.Errorf("readable(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzSlackEvent looks for an id that is not that of the event, for an address
// that is not Slack's, and for what takes long.
func FuzzSlackEvent(f *testing.F) {
	for _, seed := range []string{said, shortcut, event(reaction("bug")), `{"type":"url_verification","challenge":"x"}`, event(`{"type":"message","user":"U1","channel":"C1","ts":"1700000001.000200","text":"<<<<a|b>&lt;","files":[{"permalink":"https://evil.test"}]}`)} {
		f.Add([]byte(seed))
	}
	s := receiver(f, `,"emoji":"bug"`)
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := s.read(body)
		again, err2 := s.read(body)
		if d := cmp.Diff(n.item, again.item); d != "" || (err == nil) != (err2 == nil) {
			t.Errorf("not the same twice: %s", d)
		}
		if n.mark != nil && (n.item != nil || !isID(n.mark.Channel) || !isTS(n.mark.TS)) {
			t.Errorf("mark %+v", n.mark)
		}
		if it := n.item; it != nil {
			channel, ts, _ := strings.Cut(it.ExternalID, ":")
			if !isID(channel) || !isTS(ts) || strings.TrimSpace(it.Content) == "" || len(it.Content) > maxContent || it.Permalink != "" && !strings.HasPrefix(it.Permalink, "https://app.slack.com/client/") {
				t.Errorf("item %+v", it)
			}
			for _, a := range it.Attachments {
				if a.URL != "" && slackLink(a.URL) != a.URL {
					t.Errorf("attachment at %q", a.URL)
				}
			}
		}
		quick(t, body, func(b []byte) { _ = readable(string(b)); _, _ = s.read(b) })
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
