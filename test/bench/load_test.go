package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/test/texts"
)

// bodies are prepared requests, so that writing them costs nothing while the
// server is measured.
func bodies(n int, seed uint64) [][]byte {
	w := texts.New(seed)
	list := make([][]byte, n)
	for i := range list {
		list[i], _ = json.Marshal(map[string]any{"content": w.Report(), "source": "discord", "user_id": fmt.Sprintf("u%d", i%211)})
	}
	return list
}

// pace is how fast requests were answered.
type pace struct {
	N        int
	Rate     float64 // a second
	P50, P99 time.Duration
	Most     time.Duration
}

// send posts bodies with a number of clients until they or the time run out.
func send(t testing.TB, url string, list [][]byte, clients int, limit time.Duration) pace {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next, bad atomic.Int64
	took := make([][]time.Duration, clients)
	begin := time.Now()
	var wait sync.WaitGroup
	for c := range clients {
		wait.Go(func() {
			for time.Since(begin) < limit {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return
				}
				start := time.Now()
				res, err := client.Post(url, "application/json", bytes.NewReader(list[i]))
				if err != nil {
					bad.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != 200 {
					bad.Add(1)
					continue
				}
				took[c] = append(took[c], time.Since(start))
			}
		})
	}
	wait.Wait()
	total := time.Since(begin)
	if n := bad.Load(); n > 0 {
		t.Errorf("%d requests to %s were not answered with 200", n, url)
	}
	all := slices.Concat(took...)
	if len(all) == 0 {
		t.Fatalf("nothing was answered by %s", url)
	}
	slices.Sort(all)
	return pace{N: len(all), Rate: float64(len(all)) / total.Seconds(), P50: all[len(all)/2], P99: all[len(all)*99/100], Most: all[len(all)-1]}
}
