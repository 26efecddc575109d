package slack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// message is what is read of a message, wherever it comes from.
type message struct {
	Type     string `json:"type"`
	Subtype  string `json:"subtype"`
	User     string `json:"user"`
	BotID    string `json:"bot_id"`
	Channel  string `json:"channel"`
	Text     string `json:"text"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts"`
	Hidden   bool   `json:"hidden"`
	Files    []file `json:"files"`
}

type file struct {
	Name      string `json:"name"`
	Permalink string `json:"permalink"`
	Mimetype  string `json:"mimetype"`
	Size      int64  `json:"size"`
}

// place is what the plugin keeps of a message to answer it.
type place struct {
	Team     string `json:"team,omitempty"`
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts,omitempty"`
}

const (
	maxContent     = 60 << 10 // bytes; Slack allows 40,000 characters
	maxName        = 500      // bytes
	maxAttachments = 20
)

// The subtypes of messages that a person writes.
var bySomebody = map[string]bool{"": true, "file_share": true, "thread_broadcast": true, "me_message": true}

// item makes feedback of a message, or returns nil when it is not by a person or
// empty. Slack names a message by its channel and time.
func (s *Source) item(team string, m *message) *sdk.Item {
	s.mu.Lock()
	workspace, me, name := s.workspace, s.me, s.names[m.User]
	s.mu.Unlock()
	if !isID(m.Channel) || !isTS(m.TS) || m.User == "" || m.User == me || m.BotID != "" || m.Hidden || !bySomebody[m.Subtype] || m.User == "USLACKBOT" {
		return nil
	}
	if !isID(team) {
		team = ""
	}
	where := place{Team: team, Channel: m.Channel, TS: m.TS}
	it := &sdk.Item{ExternalID: m.Channel + ":" + m.TS, Content: cut(readable(m.Text), maxContent), AuthorID: cut(m.User, maxName), AuthorHandle: name, Created: timeOf(m.TS)}
	if isTS(m.ThreadTS) {
		where.ThreadTS = m.ThreadTS
		if m.ThreadTS != m.TS {
			it.InReplyTo = m.Channel + ":" + m.ThreadTS
		}
	}
	for _, f := range m.Files[:min(len(m.Files), maxAttachments)] {
		it.Attachments = append(it.Attachments, sdk.Attachment{Name: cut(f.Name, maxName), URL: slackLink(f.Permalink), Size: max(0, f.Size), Type: cut(f.Mimetype, maxName)})
	}
	if strings.TrimSpace(it.Content) == "" {
		if it.Content = fileNames(it.Attachments); it.Content == "" {
			return nil
		}
	}
	it.Permalink = permalink(workspace, where)
	b, _ := json.Marshal(where) // strings always encode
	it.ContextJSON = string(b)
	return it
}

// permalink is where people read a message. Without the workspace's name, which
// only Slack's API tells, it is the channel.
func permalink(workspace string, p place) string {
	if workspace == "" {
		if p.Team == "" {
			return ""
		}
		return "https://app.slack.com/client/" + p.Team + "/" + p.Channel
	}
	u := workspace + "archives/" + p.Channel + "/p" + strings.Replace(p.TS, ".", "", 1)
	if p.ThreadTS != "" && p.ThreadTS != p.TS {
		u += "?thread_ts=" + p.ThreadTS + "&cid=" + p.Channel
	}
	return u
}

// slackLink keeps a link into Slack and drops every other. It is for people;
// nothing here follows it.
func slackLink(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || !strings.HasSuffix(u.Host, ".slack.com") {
		return ""
	}
	return u.String()
}

// fileNames stands for the text of a message that has only files.
func fileNames(list []sdk.Attachment) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "[file: %s]\n", a.Name)
	}
	return strings.TrimSpace(b.String())
}

var (
	idForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,19}$`)
	tsForm = regexp.MustCompile(`^[0-9]{9,12}\.[0-9]{6}$`)
)

func isID(s string) bool { return idForm.MatchString(s) }
func isTS(s string) bool { return tsForm.MatchString(s) }

func timeOf(ts string) time.Time {
	whole, part, _ := strings.Cut(ts, ".")
	seconds, err1 := strconv.ParseInt(whole, 10, 64)
	micros, err2 := strconv.ParseInt(part, 10, 64)
	if err1 != nil || err2 != nil {
		return time.Time{}
	}
	return time.Unix(seconds, micros*1000).UTC()
}

// readable is a text as its author sees it. Slack sends <, > and & as entities,
// and writes people, channels and links as <…|label>.
func readable(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		before, rest, found := strings.Cut(s, "<")
		b.WriteString(before)
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, ">")
		if !closed {
			b.WriteString("<" + rest)
			break
		}
		b.WriteString(shown(inside))
		s = after
	}
	return unescape.Replace(b.String())
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// shown is what stands for one <…>.
func shown(inside string) string {
	target, label, _ := strings.Cut(inside, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		if label != "" {
			return "@" + label
		}
		return target
	case strings.HasPrefix(target, "#"):
		if label != "" {
			return "#" + label
		}
		return target
	case strings.HasPrefix(target, "!"):
		if label != "" {
			return label
		}
		return "@" + strings.TrimPrefix(target, "!")
	case label == "" || label == target || target == "mailto:"+label || strings.TrimPrefix(strings.TrimPrefix(target, "https://"), "http://") == label:
		return strings.TrimPrefix(target, "mailto:")
	}
	return label + " (" + target + ")"
}

// cut keeps whole characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
