package pluginhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// What a plugin answers is a stranger's text. The functions here let through
// what makes sense.

const (
	maxID          = 512 // bytes of an external id, an author's id or handle
	maxAttachments = 100 // per item
	maxRetryAfter  = time.Hour
)

// answerHeaders are those of a plugin's answer that the sender gets to see.
var answerHeaders = [...]string{"Content-Type", "Retry-After", "Allow", "Www-Authenticate"}

func checkWebhookReply(r *WebhookReply, now time.Time) error {
	if r.Status < 200 || r.Status > 599 {
		return fmt.Errorf("%w: HTTP status %d", ErrBadReply, r.Status)
	}
	if r.Status >= 400 && len(r.Items) > 0 {
		return fmt.Errorf("%w: %d items with HTTP status %d", ErrBadReply, len(r.Items), r.Status)
	}
	kept := make(http.Header)
	for _, name := range answerHeaders {
		if v := r.Header.Values(name); len(v) > 0 {
			kept[name] = v
		}
	}
	r.Header = kept
	for i := range r.Items {
		if err := checkItem(&r.Items[i], now); err != nil {
			return fmt.Errorf("%w: item %d: %w", ErrBadReply, i, err)
		}
	}
	return nil
}

func checkItem(it *Item, now time.Time) error {
	switch {
	case it.ExternalID == "":
		return errors.New("no external id")
	case it.Content == "":
		return errors.New("no content")
	case len(it.ExternalID) > maxID || len(it.AuthorID) > maxID || len(it.AuthorHandle) > maxID || len(it.InReplyTo) > maxID:
		return fmt.Errorf("an id of more than %d bytes", maxID)
	case len(it.Attachments) > maxAttachments:
		return fmt.Errorf("%d attachments, at most %d are taken", len(it.Attachments), maxAttachments)
	}
	if it.ContextJSON != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(it.ContextJSON), &object); err != nil {
			return fmt.Errorf("context is not a JSON object: %w", err)
		}
		if object == nil {
			return errors.New("context is null, want a JSON object")
		}
	}
	it.Permalink = webURL(it.Permalink)
	for i := range it.Attachments {
		a := &it.Attachments[i]
		a.URL, a.Size = webURL(a.URL), max(0, a.Size)
	}
	// A time that cannot be true is no time.
	if it.Created.Year() < 2000 || it.Created.After(now.Add(24*time.Hour)) {
		it.Created = time.Time{}
	}
	return nil
}

// webURL returns s if it is an http or https address, and nothing otherwise: a
// link of another kind could run a script in the reader's browser.
func webURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return ""
	}
	return s
}

// issueURL is webURL that also takes the address of a local file.
func issueURL(s string) string {
	if u, err := url.Parse(s); err == nil && u.Scheme == "file" && u.Host == "" {
		return s
	}
	return webURL(s)
}

func checkCreateReply(r *CreateReply, scrub scrubber) {
	r.Message = scrub.line(r.Message)
	r.URL = issueURL(r.URL)
	r.RetryAfter = min(max(r.RetryAfter, 0), maxRetryAfter)
	if r.Outcome == Created && r.Number <= 0 && r.NodeID == "" {
		r.Outcome = Unknown
		r.Message = "the plugin says created and names no issue"
	}
}

// checkFound keeps what has a valid key, or the key asked for.
func checkFound(list []Found, key string) []Found {
	return slices.DeleteFunc(list, func(f Found) bool {
		return !sdk.ValidKey(f.Key) || (key != "" && f.Key != key) || (f.Number <= 0 && f.NodeID == "")
	})
}
