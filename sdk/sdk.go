// Package sdk is what the author of a plugin imports. A plugin is a program
// that IterateSwarm starts and supervises: a source brings feedback in, a
// tracker files issues. Implement Receiver or Runner for a source, Tracker for
// a tracker, and hand it to Serve:
//
//	func main() { sdk.Serve(&mailbox{}) }
//
// The protocol is gRPC over a private socket and is written down in
// sdk/proto/plugin.proto for authors who use another language.
//
// The host may call any method from several goroutines at once, except that
// Configure returns before anything else begins. A method ends when its context
// does. The process may be killed at any moment.
package sdk

import "context"

// Plugin is what a source and a tracker have in common.
type Plugin interface {
	// Manifest says what the plugin is. It is the same value on every call and
	// needs no configuration.
	Manifest() Manifest

	// Configure takes the configuration over, and says what is wrong with it.
	// It checks what can be checked without a network. A diagnostic of severity
	// Error stops the plugin until the configuration changes.
	Configure(ctx context.Context, config Config) []Diagnostic

	// Check asks the service behind the plugin whether it accepts our
	// configuration, over the network. It is the "Test connection" button, and
	// never a reason to restart the plugin.
	Check(ctx context.Context) Health
}

// Health is the answer to a check.
type Health struct {
	OK     bool
	Detail string // one sentence for a person, without secrets: what works, or how to mend it
}

// Kind is what a plugin does.
type Kind string

// The two kinds.
const (
	KindSource  Kind = "source"  // brings feedback in; implements Receiver, Runner or both
	KindTracker Kind = "tracker" // files issues; implements Tracker
)
