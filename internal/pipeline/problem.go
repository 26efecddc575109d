package pipeline

import (
	"fmt"
	"time"
)

// Problem is an error that a person or a program outside reads: a stable
// number, a plain sentence, and the field it is about. Its first three digits
// are the HTTP status. docs/errors.md explains each number.
type Problem struct {
	Code       int
	Message    string
	Field      string
	RetryAfter time.Duration // zero: asking again does not help by itself
}

// Error returns the sentence with its number.
func (p *Problem) Error() string { return fmt.Sprintf("%s (%d)", p.Message, p.Code) }

// Status is the HTTP status of the problem.
func (p *Problem) Status() int { return p.Code / 100 }

// Fault makes a problem of a number and a sentence.
func Fault(code int, format string, args ...any) *Problem {
	return &Problem{Code: code, Message: fmt.Sprintf(format, args...)}
}

// At names the field that the problem is about.
func (p *Problem) At(field string) *Problem {
	p.Field = field
	return p
}

// The numbers of all problems. docs/errors.md has a heading for each.
const (
	BadJSON       = 40001 // malformed JSON, with the position
	BadText       = 40002 // not valid UTF-8, a lone surrogate, a NUL where none may be
	BadType       = 40003 // a field has the wrong JSON type
	BadValue      = 40004 // a field has a value that is not allowed
	EmptyContent  = 40005 // nothing to judge
	NoCredentials = 40101
	BadKey        = 40102 // unknown or disabled ingest key
	WrongRole     = 40301
	IngestClosed  = 40302 // anonymous feedback is switched off
	BadSetupCode  = 40303
	WrongOrigin   = 40304 // a public key is used by a page it is not for
	NoFeedback    = 40401
	NoIssue       = 40402
	NoProject     = 40403
	NoSource      = 40404
	NoRoute       = 40400 // no such address
	NoDecision    = 40405
	NoDelivery    = 40406
	NoPlugin      = 40420
	NoInstance    = 40421 // a source or tracker
	NoAlert       = 40407
	NoReporter    = 40408
	NoRun         = 40409
	NoReply       = 40411
	OnlyPost      = 40501
	StaleVersion  = 40901
	IllegalMove   = 40902
	NotLatest     = 40903 // undo: something newer happened
	AlreadySent   = 40904 // undo: the tracker has it, or may have it
	AlreadySetUp  = 40905
	TrackerBusy   = 40906 // a tracker cannot be changed while deliveries to it are in doubt
	IsMember      = 40908 // an invitation of somebody who is a member
	LastAdmin     = 40909 // a project keeps an admin
	OtherMessage  = 40907 // the external id stands for a message with another text
	NoWayBack     = 40910 // the message's channel takes no replies
	OtherFile     = 40920 // a plugin's file is not the one that was seen
	BodyTooLarge  = 41301
	TextTooLong   = 41302
	BadMediaType  = 41501
	BadConfig     = 42201 // a plugin's configuration does not fit its schema
	RefusedPlugin = 42220 // a program that cannot run as a plugin
	TooFast       = 42901
	Broken        = 50001 // our mistake; the log has the details
	NotStored     = 50301 // the item could not be stored; send it again
	TooBusy       = 50302 // more requests at once than the server takes
	NoModel       = 42202 // no model is configured, or not for this source
	ModelDown     = 50304 // the model does not answer now
	PluginDown    = 50303 // the plugin that should answer does not
	ReadOnly      = 50305 // a superuser has switched changes off
)
