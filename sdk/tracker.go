package sdk

import (
	"context"
	"time"
)

// Tracker files issues.
type Tracker interface {
	Plugin

	// Create files one issue. It asks the tracker once and never retries: the
	// host decides from the outcome whether another attempt is safe. The zero
	// CreateReply means Unknown, which is always a safe answer.
	Create(ctx context.Context, req CreateRequest) CreateReply

	// Find lists issues that carry our marker and were created at or after
	// req.Since, newest first. An error means "could not look"; an empty list
	// means "looked, and saw none".
	Find(ctx context.Context, req FindRequest) ([]Found, error)
}

// CreateRequest is one issue to file.
type CreateRequest struct {
	Key       string // names the delivery; [A-Za-z0-9]{1,64}
	Title     string // one line
	Body      string // harmless Markdown whose first line is Marker(Key); to be sent unchanged
	Labels    []string
	Reference string // the issue's own id in IterateSwarm
	RequestID string // to be sent on as X-Request-ID
}

// Outcome says what is known after an attempt to create.
type Outcome string

// The four outcomes. When in doubt it is Unknown: the host then looks before it
// sends again.
const (
	Unknown    Outcome = "unknown"     // may or may not exist: 5xx, timeout, reset, unreadable answer
	Created    Outcome = "created"     // confirmed by the tracker
	Rejected   Outcome = "rejected"    // does not exist, asking again will not help: 400 401 403 404 410 413 422
	NotCreated Outcome = "not_created" // does not exist, asking again may help: rate limit, 408, never written
)

// CreateReply is what became of an attempt to create.
type CreateReply struct {
	Outcome    Outcome // empty means Unknown
	Number     int64
	NodeID     string // the tracker's own id of the issue, if it has one
	URL        string
	Message    string        // one sentence for a person, without secrets
	HTTPStatus int           // what the tracker answered; 0 when it did not
	RetryAfter time.Duration // with NotCreated: wait at least this long; 0 when the tracker did not say
}

// FindRequest says which issues to look for.
type FindRequest struct {
	Key   string    // empty asks for every issue with a marker
	Since time.Time // issues created before may be left out
}

// Found is one issue that carries our marker.
type Found struct {
	Key     string
	Number  int64
	NodeID  string
	URL     string
	State   string // "open" or "closed"
	Created time.Time
}
