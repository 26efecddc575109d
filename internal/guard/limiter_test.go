package guard

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var standard = Limit{} // a caller without a limit of its own

func TestLimiterGivesTheBurstAndThenOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limit{}, 0)
		for i := range DefaultBurst {
			ok, wait, used := l.Allow("a", standard)
			if !ok || wait != 0 || used != i+1 {
				t.Fatalf("call %d: ok %v, wait %v, used %d, want true, 0, %d", i+1, ok, wait, used, i+1)
			}
		}
		ok, wait, used := l.Allow("a", standard)
		if ok || wait != DefaultEvery || used != DefaultBurst {
			t.Fatalf("call past the burst: ok %v, wait %v, used %d, want false, %v, %d", ok, wait, used, DefaultEvery, DefaultBurst)
		}
		if ok, _, _ := l.Allow("b", standard); !ok {
			t.Error("another key has to wait too")
		}
		time.Sleep(wait - time.Millisecond)
		if ok, wait, _ := l.Allow("a", standard); ok || wait != time.Millisecond {
			t.Errorf("1 ms early: ok %v, wait %v, want false, 1ms", ok, wait)
		}
		time.Sleep(time.Millisecond)
		if ok, _, _ := l.Allow("a", standard); !ok {
			t.Error("after the wait it still refuses")
		}
		if ok, wait, _ := l.Allow("a", standard); ok || wait != DefaultEvery {
			t.Errorf("a second one passed after the wait: ok %v, wait %v", ok, wait)
		}
		time.Sleep(DefaultBurst * DefaultEvery)
		if used := l.Used("a"); used != 0 {
			t.Errorf("Used = %d after all came back, want 0", used)
		}
	})
}

func TestWaitingForRetryAfterLetsExactlyOneThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			limit := Limit{Burst: 1 + r.IntN(50), Every: time.Duration(1 + r.Int64N(int64(10*time.Second)))}
			if limit.Every < 10*time.Microsecond {
				continue // retryAfter is exact to a microsecond
			}
			l := NewLimiter(limit, 0)
			for range 20 {
				for {
					ok, wait, _ := l.Allow("a", standard)
					if ok {
						continue
					}
					if wait <= 0 || wait > limit.Every+time.Microsecond {
						t.Fatalf("%+v: wait %v is not in (0, %v]", limit, wait, limit.Every)
					}
					time.Sleep(wait)
					break
				}
				if ok, wait, _ := l.Allow("a", standard); !ok {
					t.Fatalf("%+v: refused after the wait, another %v", limit, wait)
				}
				if ok, _, _ := l.Allow("a", standard); ok {
					t.Fatalf("%+v: two passed after one wait", limit)
				}
				time.Sleep(time.Duration(r.Int64N(int64(3 * limit.Every))))
			}
		}
	})
}

func TestAKeyCanHaveItsOwnLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limit{Burst: 2, Every: time.Second}, 0)
		own := Limit{Burst: 100, Every: 10 * time.Millisecond}
		for range 100 {
			if ok, _, _ := l.Allow("key", own); !ok {
				t.Fatal("refused inside its own limit")
			}
		}
		if ok, wait, used := l.Allow("key", own); ok || wait != 10*time.Millisecond || used != 100 {
			t.Errorf("ok %v, wait %v, used %d, want false, 10ms, 100", ok, wait, used)
		}
		time.Sleep(500 * time.Millisecond) // 50 back
		if used := l.Used("key"); used != 50 {
			t.Errorf("Used = %d, want 50", used)
		}
		own.Burst = 60 // somebody makes it smaller: what is used stays used
		if ok, _, used := l.Allow("key", own); !ok || used != 51 {
			t.Errorf("after the change: ok %v, used %d, want true, 51", ok, used)
		}
		own.Burst = 200
		if _, _, used := l.Allow("key", own); used != 52 {
			t.Errorf("after the second change: used %d, want 52", used)
		}
		if got := l.Limit(); got != (Limit{Burst: 2, Every: time.Second}) {
			t.Errorf("Limit = %+v", got)
		}
	})
}

func TestLimiterForgetsIdleKeysAndNeverHoldsMoreThanItsCap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limit{Burst: 2, Every: time.Second}, 100)
		for i := range 100 {
			l.Allow(fmt.Sprint("a", i), standard)
		}
		time.Sleep(2 * time.Second) // every bucket is full again
		for i := range 100 {
			l.Allow(fmt.Sprint("b", i), standard)
		}
		if got := l.Len(); got != 100 {
			t.Errorf("%d keys, want the 100 of the second wave", got)
		}
		if got := l.Used("a0"); got != 0 {
			t.Errorf("an idle key uses %d", got)
		}
		for i := range 10_000 { // a flood of strangers, none idle
			l.Allow("b99", standard) // stays recent, so it is not forgotten
			l.Allow(fmt.Sprint("c", i), standard)
			if got := l.Len(); got > 100 {
				t.Fatalf("%d keys, want 100 at most", got)
			}
		}
		if ok, _, _ := l.Allow("b99", standard); ok {
			t.Error("a caller out of tokens got new ones because strangers came")
		}
	})
}

func TestLimiterMemoryIsBounded(t *testing.T) {
	l := NewLimiter(Limit{}, 0) // not parallel: it measures the heap
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	long := strings.Repeat("x", 10_000)
	for i := range 3 * DefaultKeys {
		l.Allow(fmt.Sprint(long, i), standard)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > 6<<20 {
		t.Errorf("%d keys hold %d bytes, want less than 6 MiB", l.Len(), got)
	}
	t.Logf("%d keys hold %d KiB", l.Len(), (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
	runtime.KeepAlive(l)
}

func TestLimiterCountsRightWhenManyCallAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limit{}, 0)
		var passed [3]int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				if ok, _, _ := l.Allow(fmt.Sprint(i%3), standard); ok {
					mu.Lock()
					passed[i%3]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for i, n := range passed {
			if n != DefaultBurst {
				t.Errorf("key %d: %d passed, want %d", i, n, DefaultBurst)
			}
		}
	})
}

func TestAddrKey(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"192.0.2.7":                "192.0.2.7",
		"192.0.2.7:4711":           "192.0.2.7",
		"::ffff:192.0.2.7":         "192.0.2.7",
		"[::ffff:192.0.2.7]:4711":  "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"[2001:db8:1:2:9::9]:4711": "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"not an address":           "not an address",
		"":                         "",
	}
	for in, want := range cases {
		if got := AddrKey(in); got != want {
			t.Errorf("AddrKey(%q) = %q, want %q", in, got, want)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	l := NewLimiter(Limit{Burst: 1 << 30, Every: time.Nanosecond}, 0)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("10.0.0.", i)
	}
	for i := 0; b.Loop(); i++ {
		l.Allow(keys[i%len(keys)], standard)
	}
}

// What is returned can be taken again, and never more than was taken.
func TestLimiterReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limit{Burst: 2, Every: time.Second}, 0)
		l.Return("nobody")
		for range 5 {
			if ok, _, _ := l.Allow("a", Limit{}); !ok {
				t.Fatal("a returned token is gone")
			}
			l.Return("a")
		}
		l.Return("a")
		l.Return("a")
		for i, want := range []bool{true, true, false} {
			if ok, _, _ := l.Allow("a", Limit{}); ok != want {
				t.Errorf("call %d: %t, want %t", i+1, ok, want)
			}
		}
		l.Return("a")
		if got := l.Used("a"); got != 1 {
			t.Errorf("Used = %d after one of two was returned, want 1", got)
		}
	})
}
