package pluginhost

import (
	"slices"
	"strings"
	"time"
)

// Report is all that is known of an instance at one moment.
type Report struct {
	Status
	Counts
	Version string    `json:"version"`
	SHA256  string    `json:"sha256,omitempty"` // of an operator's program
	RSS     int64     `json:"rss"`              // bytes in memory; 0 when nothing runs
	Started time.Time `json:"started,omitzero"` // when the process began to answer
}

// Report returns the report of one instance; ok is false when it was never Set.
func (h *Host) Report(id string) (r Report, ok bool) {
	h.mu.Lock()
	k := h.keepers[id]
	h.mu.Unlock()
	if k == nil {
		return Report{}, false
	}
	return h.report(k), true
}

// Reports lists the reports of every instance, by id.
func (h *Host) Reports() []Report {
	h.mu.Lock()
	keepers := make([]*keeper, 0, len(h.keepers))
	for _, k := range h.keepers {
		keepers = append(keepers, k)
	}
	h.mu.Unlock()
	slices.SortFunc(keepers, func(a, b *keeper) int { return strings.Compare(a.instance.ID, b.instance.ID) })
	list := make([]Report, 0, len(keepers))
	for _, k := range keepers {
		list = append(list, h.report(k))
	}
	return list
}

func (h *Host) report(k *keeper) Report {
	r := Report{Status: k.snapshot(), Counts: k.history.snapshot(), Version: k.manifest.Version}
	if pin, ok := h.Pinned(k.instance.Plugin); ok {
		r.SHA256 = pin.SHA256
	}
	if r.State == Running {
		r.RSS, r.Started = residentBytes(r.PID), r.Since
	}
	return r
}
