package pluginhost

import "github.com/iterateswarm/iterateswarm/sdk"

// The words of package sdk, so that callers import one package.
type (
	Manifest       = sdk.Manifest
	Kind           = sdk.Kind
	Diagnostic     = sdk.Diagnostic
	Health         = sdk.Health
	WebhookRequest = sdk.WebhookRequest
	WebhookReply   = sdk.WebhookReply
	Item           = sdk.Item
	Attachment     = sdk.Attachment
	CreateRequest  = sdk.CreateRequest
	CreateReply    = sdk.CreateReply
	Outcome        = sdk.Outcome
	FindRequest    = sdk.FindRequest
	Found          = sdk.Found

	Batch           = sdk.Batch
	Target          = sdk.Target
	ReplyKind       = sdk.ReplyKind
	ReplyRequest    = sdk.ReplyRequest
	ReplyReply      = sdk.ReplyReply
	Mail            = sdk.Mail
	AnnotateRequest = sdk.AnnotateRequest
	SuggestedLabel  = sdk.SuggestedLabel

	IssueRef       = sdk.IssueRef
	UpdateRequest  = sdk.UpdateRequest
	UpdateReply    = sdk.UpdateReply
	CommentRequest = sdk.CommentRequest
	Options        = sdk.Options
	Label          = sdk.Label
	Assignee       = sdk.Assignee
	Change         = sdk.Change
	ChangeReply    = sdk.ChangeReply
	ProposeRequest = sdk.ProposeRequest
	File           = sdk.File
)

// The constants of package sdk.
const (
	KindSource  = sdk.KindSource
	KindTracker = sdk.KindTracker

	Unknown    = sdk.Unknown
	Created    = sdk.Created
	Rejected   = sdk.Rejected
	NotCreated = sdk.NotCreated

	Acknowledge = sdk.Acknowledge
	Ask         = sdk.Ask
	Filed       = sdk.Filed
	Fixed       = sdk.Fixed
	Declined    = sdk.Declined
	Text        = sdk.Text
)

// Marker is the first line of an issue's body: sdk.Marker.
func Marker(key string) string { return sdk.Marker(key) }

// ValidName reports whether a plugin can be called so: sdk.ValidName.
func ValidName(name string) bool { return sdk.ValidName(name) }
