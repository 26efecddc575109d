package rss

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	maxTitle = 1000 // bytes
	maxName  = 200  // bytes of an author
	maxID    = 400  // bytes; a longer id becomes its hash
	maxLink  = 2000 // bytes
)

var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:\S+$`)

// item is an entry as a message; false when it says nothing.
func item(u *url.URL, e entry) (sdk.Item, bool) {
	it := sdk.Item{Title: cut(e.title, maxTitle), Content: e.text, Permalink: permalink(u, e), AuthorID: e.author, AuthorHandle: e.author, Created: e.created}
	if it.Content == "" {
		it.Content, it.Title = it.Title, ""
	}
	it.ExternalID = externalID(u, e)
	about := map[string]string{"feed": name(u)}
	for k, v := range e.context {
		about[k] = v
	}
	b, _ := json.Marshal(about) // strings always encode
	it.ContextJSON = string(b)
	return it, it.Content != ""
}

// externalID names an entry: by its id, its link, or what it says. An id that
// is no address of its own is the feed's, so that two feeds may both have a "1".
func externalID(u *url.URL, e entry) string {
	id := e.id
	if id == "" {
		id = e.link
	}
	if id == "" {
		id = hash(e.title + "\x00" + e.text + "\x00" + e.created.Format(time.RFC3339))
	}
	if !absolute.MatchString(id) {
		id = key(u) + ":" + clean(id)
	}
	if len(id) > maxID {
		id = hash(id)
	}
	return id
}

func hash(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// permalink is the entry's own address, absolute, or nothing.
func permalink(u *url.URL, e entry) string {
	for _, text := range []string{e.link, e.id} {
		if text == "" || text == e.id && !absolute.MatchString(text) {
			continue
		}
		at, err := u.Parse(text)
		if err == nil && (at.Scheme == "https" || at.Scheme == "http") && at.Host != "" && at.User == nil && len(at.String()) <= maxLink {
			return at.String()
		}
	}
	return ""
}
