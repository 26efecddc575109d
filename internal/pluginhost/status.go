package pluginhost

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is where an instance stands.
type State string

// The states of an instance.
const (
	Starting    State = "starting"    // the process is being started
	Running     State = "running"     // it answers
	Backoff     State = "backoff"     // it crashed and waits for its next start
	Quarantined State = "quarantined" // it crashed too often; Set starts it again
	Disabled    State = "disabled"    // switched off, or its configuration was refused
)

// Status is how one instance is at one moment.
type Status struct {
	ID       string    `json:"id"`
	Plugin   string    `json:"plugin"`
	State    State     `json:"state"`
	Detail   string    `json:"detail,omitempty"` // why, without secrets; with Running, what the plugin warns of
	PID      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts"`          // since Set
	Since    time.Time `json:"since"`             // when this state began
	RetryAt  time.Time `json:"retry_at,omitzero"` // with Backoff: when it starts again
}

// Down says that an instance cannot be called now. The call did not reach a
// process.
type Down struct{ Status Status }

// Error names the instance's state and its reason.
func (d *Down) Error() string {
	s := fmt.Sprintf("plugin %s is %s", d.Status.Plugin, d.Status.State)
	if d.Status.Detail != "" {
		s += ": " + d.Status.Detail
	}
	return s
}

// RetryAfter is how long to wait before another call makes sense.
func (d *Down) RetryAfter() time.Duration {
	if d.Status.State == Backoff {
		return max(time.Second, time.Until(d.Status.RetryAt))
	}
	return time.Minute
}

// Status lists every instance that was Set, by id.
func (h *Host) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Status
	for _, k := range h.keepers {
		list = append(list, k.snapshot())
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.ID, b.ID) })
	return list
}
