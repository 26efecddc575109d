package sdk

import (
	"context"
	"net/http"
	"time"
)

// Source brings feedback in.
type Source interface {
	Plugin

	// HandleWebhook is given one HTTP request as it arrived, and returns the
	// answer and the feedback it held. Verifying the signature is its job. The
	// host stores the items before it gives the answer to the sender. An error
	// means that the plugin could not do its work: the sender gets 503 and sends
	// again. A defect of the request is an answer (400, 401), not an error. The
	// deadline is three seconds.
	HandleWebhook(ctx context.Context, req WebhookRequest) (WebhookReply, error)
}

// WebhookRequest is one HTTP request, as it arrived at the host.
type WebhookRequest struct {
	Method     string
	Path       string      // what follows the instance's own address; usually empty
	RawQuery   string      // without "?"
	Header     http.Header // canonical names, values repeated as received
	Body       []byte      // the raw bytes: signatures are over these
	RemoteAddr string      // the sender's address without a port
}

// WebhookReply is the answer to the sender, and what to store.
type WebhookReply struct {
	Status int         // 200 to 599
	Header http.Header // the host passes on Content-Type, Retry-After, Allow, WWW-Authenticate
	Body   []byte
	Items  []Item // empty when Status is 400 or more
}

// Item is one message from a person.
type Item struct {
	ExternalID   string // names the message at its source; the same id is stored once
	Title        string
	Content      string // verbatim UTF-8, never empty
	Permalink    string // where a person can read it in place
	AuthorID     string
	AuthorHandle string
	ContextJSON  string // a JSON object with whatever else is known, or empty
	Attachments  []Attachment
	Created      time.Time // zero when the source does not say
	InReplyTo    string    // the ExternalID of the message this one answers
}

// Attachment is a file that came with a message.
type Attachment struct {
	Name string
	URL  string // kept for people; the host never fetches it
	Size int64  // bytes; 0 when unknown
	Type string // media type, such as "image/png"
}
