package sdk

import (
	"context"
	"net/http"
	"time"
)

// A source brings feedback in. It is a Receiver, a Runner or both, and can be a
// Replier and an Annotator too. The host asks for nothing that the type cannot
// do.

// Receiver is a source that other services send requests to.
type Receiver interface {
	Plugin

	// HandleWebhook is given one HTTP request as it arrived, and returns the
	// answer and the feedback it held. Verifying the signature is its job. The
	// host stores the items before it gives the answer to the sender. An error
	// means that the plugin could not do its work: the sender gets 503 and sends
	// again. A defect of the request is an answer (400, 401), not an error. The
	// deadline is three seconds.
	HandleWebhook(ctx context.Context, req WebhookRequest) (WebhookReply, error)
}

// Runner is a source that goes and gets feedback: it polls, or holds a
// connection open.
type Runner interface {
	Plugin

	// Run brings messages in until ctx ends. It starts after cursor, which is
	// that of the last batch stored, or empty. It hands each batch to store,
	// which returns when the messages are on disk; only then may the plugin tell
	// its service that they are taken. Run may be started again at any time with
	// an earlier cursor: the same external id is stored once. When it returns
	// before ctx ends, the host starts it again with back-off.
	Run(ctx context.Context, cursor string, store Store) error
}

// Store hands a batch to the host and returns when it is stored. While the host
// cannot store, it waits and tries again; its only error is that of ctx or of
// the stream's end. It may be called from several goroutines.
type Store func(ctx context.Context, b Batch) error

// Batch is messages that are stored together, and where to go on after them.
type Batch struct {
	Items  []Item // at most MaxBatch; may be empty: then only the cursor is kept
	Cursor string // the plugin's own, at most 64 KiB; empty leaves the old one
}

// MaxBatch is how many items a batch can have.
const MaxBatch = 100

// Replier is a source that can tell the author of a message something.
type Replier interface {
	// Reply sends req.Text, or edits what an earlier request with the same key or
	// req.PreviousID sent. It asks the service once. The zero ReplyReply means
	// Unknown. An answer of the author comes in as an Item with InReplyTo.
	Reply(ctx context.Context, req ReplyRequest) ReplyReply
}

// Annotator is a source that can show the verdict where the message is.
type Annotator interface {
	// Annotate sets labels and writes one comment, edited when called again.
	Annotate(ctx context.Context, req AnnotateRequest) ReplyReply
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

// Target is the message that a reply or an annotation is about, with what the
// plugin itself told of it.
type Target struct {
	ExternalID   string
	ContextJSON  string
	AuthorID     string
	AuthorHandle string
	Permalink    string
	Title        string
}

// ReplyKind is why a reply is sent.
type ReplyKind string

// The kinds of reply.
const (
	Acknowledge ReplyKind = "acknowledge" // we have it
	Ask         ReplyKind = "ask"         // we need to know more
	Filed       ReplyKind = "filed"       // it is in the tracker
	Fixed       ReplyKind = "fixed"       // it is done
	Declined    ReplyKind = "declined"    // it will not be done
	Text        ReplyKind = "message"     // what a person of the team wrote
)

// ReplyRequest is something to tell the author of a message.
type ReplyRequest struct {
	Key        string // names the reply; [a-z2-7]{1,64}
	Kind       ReplyKind
	Target     Target
	Text       string // plain text; to be escaped so that nobody is mentioned and nothing is markup
	PreviousID string // the id of an earlier reply that this one replaces, or empty
}

// ReplyReply is what became of a reply, an annotation or a mail.
type ReplyReply struct {
	Outcome    Outcome // Created means sent or edited; empty means Unknown
	ID         string  // the service's own id of what was sent
	URL        string
	Message    string        // one sentence for a person, without secrets
	RetryAfter time.Duration // with NotCreated: wait at least this long
	Mail       *Mail         // to be sent by the host through its own mail settings; Outcome is then not looked at
}

// Mail is a message that the host sends.
type Mail struct {
	To         string
	Subject    string
	Text       string
	InReplyTo  string   // a Message-ID with its angle brackets, or empty
	References []string // Message-IDs, oldest first
}

// AnnotateRequest is a verdict to be shown where the message is.
type AnnotateRequest struct {
	Key        string
	Target     Target
	Labels     []SuggestedLabel
	Text       string // the comment, plain text
	PreviousID string
}

// SuggestedLabel is a label with how sure the engine is.
type SuggestedLabel struct {
	Name       string
	Confidence float64 // 0 to 1
	Rationale  string  // one sentence
}
