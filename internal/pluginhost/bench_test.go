package pluginhost

import (
	"fmt"
	"testing"
)

// BenchmarkWebhook is one request of 2 KiB through a source's process and back.
func BenchmarkWebhook(b *testing.B) {
	h, err := Open(Config{Command: fakeCommand, StateDir: b.TempDir(), Manifests: []Manifest{fakeManifest("source")}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.Set(b.Context(), Instance{ID: "s", Plugin: "source", Enabled: true}); err != nil {
		b.Fatal(err)
	}
	req := WebhookRequest{Method: "POST", Body: make([]byte, 2<<10)}
	for b.Loop() {
		if _, err := h.HandleWebhook(b.Context(), "s", req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart is the start of a process until it has been configured, and
// its end.
func BenchmarkStart(b *testing.B) {
	h, err := Open(Config{Command: fakeCommand, StateDir: b.TempDir(), Manifests: []Manifest{fakeManifest("source")}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		if err := h.Set(b.Context(), Instance{ID: id, Plugin: "source", Enabled: true}); err != nil {
			b.Fatal(err)
		}
		h.Remove(id)
	}
}
