package sdk

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Manifest is a plugin's description of itself.
type Manifest struct {
	Name        string // lower-case letters, digits and dashes; configuration refers to it
	Kind        Kind
	Version     string // "1.2.3"
	Description string // one sentence for the person who chooses
	Icon        string // an SVG document of at most 4 KiB, or empty

	// ConfigSchema is a JSON Schema of type "object". The host uses type,
	// properties, required, enum, items, minLength, maxLength, minimum, maximum,
	// title, description and default, and refuses keys that are not in
	// properties. "secret": true keeps a property encrypted at rest and out of
	// every answer.
	ConfigSchema string

	Capabilities  []string // what the plugin serves beside what it must; Describe fills it in
	Documentation string   // a web address that tells how to set the plugin up

	// The rest concerns trackers.

	IdempotentCreate  bool          // Create with the same key twice makes one issue
	MinCreateInterval time.Duration // least time between two creates of one instance
	Settle            time.Duration // how long a fresh issue may stay invisible to Find
}

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// ValidName reports whether a plugin can be called so: 1 to 31 lower-case
// letters, digits and dashes, beginning with a letter.
func ValidName(name string) bool { return pluginName.MatchString(name) }

// Check reports the first thing that makes the manifest unusable, or nil.
func (m Manifest) Check() error {
	switch {
	case !ValidName(m.Name):
		return fmt.Errorf("plugin name %q is not lower-case letters, digits and dashes", m.Name)
	case m.Kind != KindSource && m.Kind != KindTracker:
		return fmt.Errorf("plugin %s: kind %q is neither source nor tracker", m.Name, m.Kind)
	case m.Version == "":
		return fmt.Errorf("plugin %s: no version", m.Name)
	case m.ConfigSchema == "":
		return fmt.Errorf("plugin %s: no config schema", m.Name)
	case len(m.Icon) > 4<<10:
		return fmt.Errorf("plugin %s: icon of %d bytes, want at most 4096", m.Name, len(m.Icon))
	case m.MinCreateInterval < 0 || m.Settle < 0:
		return fmt.Errorf("plugin %s: negative duration", m.Name)
	}
	return nil
}

// The capabilities: each is a call that the host makes only when it is named.
const (
	CanReceive  = "webhook"  // Receiver, Listener
	CanRun      = "run"      // Runner
	CanReply    = "reply"    // Replier
	CanAnnotate = "annotate" // Annotator
	CanUpdate   = "update"   // Updater
	CanComment  = "comment"  // Commenter
	CanSearch   = "search"   // Searcher
	CanOffer    = "options"  // Offerer
	CanWatch    = "changes"  // Watcher
	CanPropose  = "propose"  // Proposer
)

// Can says whether the plugin serves a call.
func (m Manifest) Can(capability string) bool { return slices.Contains(m.Capabilities, capability) }

// Describe is p's manifest with the capabilities that its type has.
func Describe(p Plugin) Manifest {
	m := p.Manifest()
	m.Capabilities = nil
	add := func(has bool, capability string) {
		if has {
			m.Capabilities = append(m.Capabilities, capability)
		}
	}
	if m.Kind == KindSource {
		add(is[Receiver](p), CanReceive)
		add(is[Runner](p), CanRun)
		add(is[Replier](p), CanReply)
		add(is[Annotator](p), CanAnnotate)
		return m
	}
	add(is[Listener](p), CanReceive)
	add(is[Updater](p), CanUpdate)
	add(is[Commenter](p), CanComment)
	add(is[Searcher](p), CanSearch)
	add(is[Offerer](p), CanOffer)
	add(is[Watcher](p), CanWatch)
	add(is[Proposer](p), CanPropose)
	return m
}

func is[T any](p Plugin) bool {
	_, ok := p.(T)
	return ok
}
