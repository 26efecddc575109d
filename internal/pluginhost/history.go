package pluginhost

import (
	"sync"
	"time"
)

// Counts is what an instance has done since the host was opened.
type Counts struct {
	Calls    int64     `json:"calls"`
	Errors   int64     `json:"errors"`  // calls that failed, streams that broke and crashes
	Items    int64     `json:"items"`   // messages stored
	Refused  int64     `json:"refused"` // messages that could not be stored; the log says why
	LastItem time.Time `json:"last_item,omitzero"`
}

// history is what is remembered of an instance, across its processes and its
// configurations.
type history struct {
	lines ring

	mu     sync.Mutex
	counts Counts
}

// called counts a call.
func (h *history) called(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Calls++
	if err != nil {
		h.counts.Errors++
	}
}

// broke counts an error that is no call's.
func (h *history) broke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Errors++
}

// took counts messages.
func (h *history) took(stored, refused int, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Items += int64(stored)
	h.counts.Refused += int64(refused)
	if stored > 0 {
		h.counts.LastItem = now
	}
}

func (h *history) snapshot() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts
}

// Counts is what an instance has done since the host was opened; zero when
// there is none.
func (h *Host) Counts(id string) Counts {
	h.mu.Lock()
	past := h.past[id]
	h.mu.Unlock()
	if past == nil {
		return Counts{}
	}
	return past.snapshot()
}
