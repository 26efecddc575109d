package pluginhost

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// taker is a pipeline that remembers what it was given.
type taker struct {
	mu     sync.Mutex
	ids    []string
	seen   map[string]int
	cursor string
	fail   int // so many batches cannot be stored
}

func (s *taker) take(_ context.Context, _ string, b Batch) ([]Refusal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return nil, errors.New("disk full")
	}
	for _, it := range b.Items {
		if s.seen[it.ExternalID]++; s.seen[it.ExternalID] == 1 {
			s.ids = append(s.ids, it.ExternalID)
		}
	}
	if b.Cursor != "" {
		s.cursor = b.Cursor
	}
	return nil, nil
}

func (s *taker) at(context.Context, string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor, nil
}

func (s *taker) taken() (n int, cursor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids), s.cursor
}

// running starts a source that brings messages as how says.
func running(t *testing.T, how string, s *taker, change func(*Config)) *Host {
	t.Helper()
	s.seen = map[string]int{}
	h := newHost(t, func(c *Config) {
		c.OnBatch, c.Cursor = s.take, s.at
		if change != nil {
			change(c)
		}
	})
	if err := set(t, h, "s", "source", `,"run":"`+how+`"`); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestMessagesOfAStreamAreTakenInOrder(t *testing.T) {
	t.Parallel()
	s := &taker{fail: 1} // the first batch comes again
	h := running(t, "steady", s, nil)
	eventually(t, 20*time.Second, "six messages", func() bool { n, at := s.taken(); return n == 6 && at == "6" })
	if got := strings.Join(s.ids, ""); got != "123456" {
		t.Errorf("messages %s, want 123456", got)
	}
	if st := status(t, h, "s"); st.State != Running || st.Detail != "" {
		t.Errorf("status %+v, want running", st)
	}
}

func TestAStreamThatEndsGoesOnAtItsCursor(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"ends", "dies"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := &taker{}
			running(t, how, s, func(c *Config) { c.Timing.CrashLimit = 100 })
			eventually(t, 30*time.Second, "five messages", func() bool { n, _ := s.taken(); return n >= 5 })
			s.mu.Lock()
			defer s.mu.Unlock()
			for id, n := range s.seen {
				if n > 1 {
					t.Errorf("message %s came %d times, although it was stored", id, n)
				}
			}
		})
	}
}

func TestAStreamThatFailsIsVisibleAndTheProcessStays(t *testing.T) {
	t.Parallel()
	h := running(t, "fails", &taker{}, nil)
	pid := status(t, h, "s").PID
	eventually(t, 20*time.Second, "the reason in the status", func() bool {
		return strings.Contains(status(t, h, "s").Detail, "the mailbox is locked for [secret]")
	})
	eventually(t, 20*time.Second, "more attempts", func() bool { return h.Counts("s").Errors >= 3 })
	if st := status(t, h, "s"); st.PID != pid || st.Restarts != 0 || st.State != Running {
		t.Errorf("status %+v, want the same process", st)
	}
	if _, err := h.HandleWebhook(t.Context(), "s", WebhookRequest{Method: "POST"}); err != nil {
		t.Errorf("webhook beside it: %v", err)
	}
}

func TestWhatMakesNoSenseIsRefusedAndTheRestStored(t *testing.T) {
	t.Parallel()
	s := &taker{}
	h := running(t, "bad", s, nil)
	eventually(t, 20*time.Second, "the cursor", func() bool { _, at := s.taken(); return at == "3" })
	eventually(t, 20*time.Second, "the counts", func() bool { c := h.Counts("s"); return c.Items == 1 && c.Refused == 2 })
	if len(s.ids) != 1 || s.ids[0] != "2" {
		t.Errorf("stored %v, want only 2", s.ids)
	}
}

func TestABatchThatBreaksTheProtocolEndsTheStream(t *testing.T) {
	t.Parallel()
	h := running(t, "cursor", &taker{}, nil)
	eventually(t, 20*time.Second, "the reason", func() bool { return strings.Contains(status(t, h, "s").Detail, "a cursor of 65537 bytes") })
}

func TestAFloodIsSlowedAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := &taker{}
	began := time.Now()
	h := running(t, "flood", s, func(c *Config) { c.Timing.ItemBurst, c.Timing.ItemEvery = 200, time.Millisecond })
	mustSet(t, h, "t", "tracker")
	eventually(t, 30*time.Second, "1,000 messages", func() bool { n, _ := s.taken(); return n >= 1000 })
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("1,000 messages in %v: the bucket of 200 and one a millisecond did not hold them back", took)
	}
	if got := h.Create(t.Context(), "t", CreateRequest{Key: "k"}); got.Outcome != Created {
		t.Errorf("another plugin meanwhile: %+v", got)
	}
	h.Remove("s")
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.ids {
		if s.seen[s.ids[i]] != 1 {
			t.Fatalf("message %s came %d times", s.ids[i], s.seen[s.ids[i]])
		}
	}
}
