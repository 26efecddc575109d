package sdk

import (
	"context"
	"net/http"
	"time"
)

// Tracker files issues. It can be an Updater, a Commenter, a Searcher, an
// Offerer, a Watcher, a Listener and a Proposer too.
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

// Updater is a tracker whose issues can be changed.
type Updater interface {
	// Update sets what req names: twice is as good as once.
	Update(ctx context.Context, req UpdateRequest) UpdateReply
}

// Commenter is a tracker whose issues can be commented on.
type Commenter interface {
	// Comment writes under an issue, or edits the comment that req.PreviousID
	// names or that carries the marker of req.Key.
	Comment(ctx context.Context, req CommentRequest) UpdateReply
}

// Searcher is a tracker that can be searched.
type Searcher interface {
	// Search lists at most limit issues by words, best first.
	Search(ctx context.Context, query string, limit int) ([]Found, error)
}

// Offerer is a tracker that knows what an issue can be given.
type Offerer interface {
	Options(ctx context.Context) (Options, error)
}

// Watcher is a tracker that can be asked what has changed.
type Watcher interface {
	// Changes lists issues with our marker whose state changed after cursor, or
	// after since when there is no cursor yet, oldest first, and returns the
	// cursor to go on with. It may name a change twice.
	Changes(ctx context.Context, cursor string, since time.Time) ([]Change, string, error)
}

// Listener is a tracker that sends requests when an issue changes.
type Listener interface {
	// HandleChange verifies the signature of one HTTP request and says what
	// changed. As with HandleWebhook, a defect of the request is an answer.
	HandleChange(ctx context.Context, req WebhookRequest) (ChangeReply, error)
}

// Proposer is a tracker beside a repository.
type Proposer interface {
	// Propose commits files to a new branch and opens a draft pull request. The
	// branch carries the key, so that twice makes one.
	Propose(ctx context.Context, req ProposeRequest) CreateReply
}

// CreateRequest is one issue to file.
type CreateRequest struct {
	Key       string // names the delivery; [A-Za-z0-9]{1,64}
	Title     string // one line
	Body      string // harmless Markdown whose first line is Marker(Key); to be sent unchanged
	Labels    []string
	Reference string   // the issue's own id in IterateSwarm
	RequestID string   // to be sent on as X-Request-ID
	Assignees []string // ids that Options gave
	Type      string   // one of Options.Types, or empty
	Class     string   // bug, feature, question or noise
	Severity  string   // critical, high, medium or low
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
	Name       string // what people call it when that is not its number: "APP-12"
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

// Found is one issue that carries our marker, or that a search has found.
type Found struct {
	Key     string // empty from a search, when there is no marker
	Number  int64
	Name    string
	NodeID  string
	URL     string
	Title   string
	State   string // "open" or "closed"
	Created time.Time
}

// IssueRef names an issue that exists.
type IssueRef struct {
	Key    string
	Number int64
	NodeID string
	Name   string
	URL    string
}

// UpdateRequest says what to set. Nil leaves as is.
type UpdateRequest struct {
	Issue        IssueRef
	Title        *string
	Body         *string
	State        *string // "open" or "closed"
	Reason       string  // with closed: "completed" or "not_planned"
	AddLabels    []string
	RemoveLabels []string
	AddAssignees []string
	RequestID    string
}

// UpdateReply is what became of an update or a comment.
type UpdateReply struct {
	Outcome    Outcome // Created means done
	ID         string  // the comment's
	URL        string
	Message    string
	HTTPStatus int
	RetryAfter time.Duration
}

// CommentRequest is a comment to write or to edit.
type CommentRequest struct {
	Issue      IssueRef
	Key        string // names the comment
	Body       string // harmless Markdown whose first line is Marker(Key)
	PreviousID string // the comment to edit, or empty
	RequestID  string
}

// Options is what an issue can be given.
type Options struct {
	Labels    []Label
	Assignees []Assignee
	Types     []string
}

// Label is one that exists in the tracker.
type Label struct {
	Name        string
	Description string
	Color       string // six hexadecimal digits, or empty
}

// Assignee is a person who can be given an issue.
type Assignee struct {
	ID   string
	Name string
}

// Change is the state of one issue with our marker.
type Change struct {
	Issue       IssueRef
	State       string // "open" or "closed"
	Reason      string // with closed: "completed", "not_planned", "duplicate" or empty
	At          time.Time
	Assignees   []string
	Labels      []string
	PullRequest string // the address of a linked one, or empty
}

// ChangeReply is the answer to the sender of a webhook, and what changed.
type ChangeReply struct {
	Status  int
	Header  http.Header
	Body    []byte
	Changes []Change
}

// ProposeRequest is a change to a repository.
type ProposeRequest struct {
	Key     string
	Issue   IssueRef
	Title   string
	Body    string
	Files   []File
	Message string // the commit's
	Base    string // the branch to start from; empty means the repository's default
}

// File is one file of a proposal.
type File struct {
	Path    string
	Content []byte
}
