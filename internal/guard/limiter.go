package guard

import (
	"container/list"
	"crypto/sha256"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The bucket of a caller that has no limit of its own, as the original had it.
const (
	DefaultBurst = 20              // calls that may come at once
	DefaultEvery = 3 * time.Second // time in which one call comes back
)

// DefaultKeys is how many callers a Limiter remembers: 2.6 MiB
// (TestLimiterMemoryIsBounded).
const DefaultKeys = 10_000

// longestKey bounds what one key can hold in memory; a longer one is hashed.
const longestKey = 64

// Limit is the size of a token bucket. A field that is not positive takes the
// limiter's own value.
type Limit struct {
	Burst int           // tokens in a full bucket
	Every time.Duration // time in which one token comes back
}

// full is how long an empty bucket takes to fill; after that long without a
// call there is nothing left to remember.
func (l Limit) full() time.Duration { return time.Duration(l.Burst) * l.Every }

// Limiter keeps one token bucket per key. It forgets a key when its bucket is
// full again, and the one that was quiet for the longest time when it has too
// many. It may be used by several goroutines at once.
type Limiter struct {
	limit Limit
	keys  int

	mu      sync.Mutex
	buckets map[string]*list.Element // of *bucket
	recent  *list.List               // the key that called last is at the front
}

type bucket struct {
	key   string
	limit Limit
	rate  *rate.Limiter
	last  time.Time // of the last call
}

// NewLimiter returns a Limiter with the given limit for keys that have none of
// their own. It remembers at most keys of them; 0 means DefaultKeys.
func NewLimiter(limit Limit, keys int) *Limiter {
	if keys <= 0 {
		keys = DefaultKeys
	}
	return &Limiter{
		limit:   limit.or(Limit{Burst: DefaultBurst, Every: DefaultEvery}),
		keys:    keys,
		buckets: map[string]*list.Element{},
		recent:  list.New(),
	}
}

func (l Limit) or(other Limit) Limit {
	if l.Burst <= 0 {
		l.Burst = other.Burst
	}
	if l.Every <= 0 {
		l.Every = other.Every
	}
	return l
}

// Limit returns the limit of keys that have none of their own.
func (l *Limiter) Limit() Limit { return l.limit }

// Allow takes one token of key's bucket. When there is none, ok is false and
// waiting for retryAfter lets exactly one call through. Used says how many
// tokens of the bucket are taken now. The zero Limit is the limiter's own.
func (l *Limiter) Allow(key string, limit Limit) (ok bool, retryAfter time.Duration, used int) {
	limit = limit.or(l.limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	b := l.bucket(shorten(key), limit, now)
	b.last = now
	if b.rate.AllowN(now, 1) {
		return true, 0, b.used(now)
	}
	missing := 1 - b.rate.TokensAt(now)
	return false, roundUp(missing * float64(limit.Every)), b.used(now)
}

// Return puts back one token that Allow has taken: the call did not count after
// all. Without a token taken it does nothing.
func (l *Limiter) Return(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.buckets[shorten(key)]
	if !ok {
		return
	}
	b, now := e.Value.(*bucket), time.Now()
	if used := b.used(now); used > 0 {
		b.rate = newRate(b.limit)
		b.rate.AllowN(now, used-1)
	}
}

// Used says how many tokens of key's bucket are taken now.
func (l *Limiter) Used(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.buckets[shorten(key)]
	if !ok {
		return 0
	}
	return e.Value.(*bucket).used(time.Now())
}

// Len says how many keys the limiter remembers.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent.Len()
}

func (l *Limiter) bucket(key string, limit Limit, now time.Time) *bucket {
	e, ok := l.buckets[key]
	if !ok {
		l.forget(now)
		e = l.recent.PushFront(&bucket{key: key, limit: limit, rate: newRate(limit)})
		l.buckets[key] = e
		return e.Value.(*bucket)
	}
	l.recent.MoveToFront(e)
	b := e.Value.(*bucket)
	if b.limit != limit { // somebody changed it: what is used stays used
		used := min(b.used(now), limit.Burst)
		b.limit, b.rate = limit, newRate(limit)
		b.rate.AllowN(now, used)
	}
	return b
}

// forget makes room for one more key and drops what is full again. Two at a
// time are enough to catch up, since every call adds one at most.
func (l *Limiter) forget(now time.Time) {
	for range 2 {
		oldest := l.recent.Back()
		if oldest == nil {
			return
		}
		b := oldest.Value.(*bucket)
		idle := now.Sub(b.last) >= b.limit.full()
		if !idle && l.recent.Len() < l.keys {
			return
		}
		l.recent.Remove(oldest)
		delete(l.buckets, b.key)
	}
}

func newRate(l Limit) *rate.Limiter { return rate.NewLimiter(rate.Every(l.Every), l.Burst) }

func (b *bucket) used(now time.Time) int {
	// A token that is back but for a rounding error counts as back.
	const almost = 1e-6
	return b.limit.Burst - max(0, int(b.rate.TokensAt(now)+almost))
}

// roundUp hides the rounding of the float that rate counts tokens in.
func roundUp(nanoseconds float64) time.Duration {
	return time.Duration(math.Ceil(nanoseconds/float64(time.Microsecond))) * time.Microsecond
}

func shorten(key string) string {
	if len(key) <= longestKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

// AddrKey is the key of a caller who is known by address only: the address
// without its port, and of IPv6 the /64, which one household or server owns
// whole. What is no address is a key as it is.
func AddrKey(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return remote
		}
		addr = withPort.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
