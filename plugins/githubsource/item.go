package githubsource

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	issueKind      = "issues"
	discussionKind = "discussions"

	maxContent = 60 << 10 // bytes; the host takes 64 KiB, GitHub allows 65,536 characters
	maxTitle   = 1000     // bytes
)

// about says what a post is: an issue or a discussion, or a comment under one.
type about struct {
	kind  string
	under *post
}

// place is what the plugin keeps of a message to find it again.
type place struct {
	Kind        string `json:"kind"` // issues or discussions
	Number      int    `json:"number"`
	Issue       int    `json:"issue,omitempty"` // the number again when the message is an issue: the host then files none of its own
	Comment     int64  `json:"comment,omitempty"`
	Association string `json:"association,omitempty"` // what GitHub says of the author; a hint for people and no more
}

// item makes a message of a post, or returns nil when it is not for us: a pull
// request, written by a bot or by us, filed by us, or under one of these. Its
// external id is the address inside the repository.
func (s *Source) item(a about, p *post) *sdk.Item {
	top := p
	if a.under != nil {
		top = a.under
	}
	if top.Number <= 0 || p.ID <= 0 && a.under != nil || top.PullRequest != nil || hasMarker(top.Body) || hasMarker(p.Body) ||
		p.User == nil || s.isOurs(p.User) || top.User != nil && s.isOurs(top.User) {
		return nil
	}
	where := place{Kind: a.kind, Number: top.Number, Association: p.Association}
	if a.kind == issueKind && a.under == nil {
		where.Issue = top.Number
	}
	id := fmt.Sprintf("%s/%d", a.kind, top.Number)
	item := &sdk.Item{ExternalID: id, Title: cut(top.Title, maxTitle), Content: p.Body, Permalink: p.HTMLURL,
		AuthorID: strconv.FormatInt(p.User.ID, 10), AuthorHandle: p.User.Login, Created: p.Created}
	if a.under != nil {
		where.Comment = p.ID
		item.ExternalID, item.InReplyTo, item.Title = fmt.Sprintf("%s/comments/%d", a.kind, p.ID), id, ""
	}
	if strings.TrimSpace(item.Content) == "" {
		item.Content = item.Title // an issue may have nothing but a title
	}
	if strings.TrimSpace(item.Content) == "" {
		return nil
	}
	item.Content = shorten(item.Content)
	b, _ := json.Marshal(where) // strings and numbers always encode
	item.ContextJSON = string(b)
	return item
}

// isOurs says whether an account is a bot or one of ours.
func (s *Source) isOurs(u *user) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := func(login string) bool { return strings.EqualFold(login, u.Login) }
	return u.Type == "Bot" || strings.HasSuffix(u.Login, "[bot]") || slices.ContainsFunc(s.config.OwnLogins, own)
}

// hasMarker says whether a text begins with our marker.
func hasMarker(body string) bool {
	_, ok := sdk.MarkerOf(body)
	return ok
}

// shorten keeps a text within what the host takes, and says so where it ends.
func shorten(s string) string {
	if len(s) <= maxContent {
		return s
	}
	const note = "\n\n[the rest is left out here; it is in GitHub]"
	return cut(s, maxContent-len(note)) + note
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
