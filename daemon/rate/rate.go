// Package rate bounds how often something may happen, in all or for each nick.
// Time is given by the caller. The types are owned by one goroutine.
package rate

import "time"

// Rate is one event in Every on average, and up to Burst at once.
type Rate struct {
	Every time.Duration
	Burst int
}

// Bucket bounds one kind of event. The zero value bounds nothing; see New.
type Bucket struct {
	rate Rate
	// full is when the bucket has its whole burst again.
	full time.Time
}

// New returns a bucket that has its whole burst.
func New(r Rate) Bucket { return Bucket{rate: r} }

// Allow reports whether one more event may happen at now, and counts it if so.
func (b *Bucket) Allow(now time.Time) bool {
	if b.full.Before(now) {
		b.full = now
	}
	next := b.full.Add(b.rate.Every)
	if next.Sub(now) > b.rate.Every*time.Duration(b.rate.Burst) {
		return false
	}
	b.full = next
	return true
}

// Delay is how long after now Allow would allow an event; 0 if at once.
func (b *Bucket) Delay(now time.Time) time.Duration {
	full := b.full
	if full.Before(now) {
		full = now
	}
	return max(0, full.Add(b.rate.Every).Sub(now)-b.rate.Every*time.Duration(b.rate.Burst))
}

// Reserve counts n events, whether they may happen at now or not, and returns how
// long after now they may: for those that wait for their turn.
func (b *Bucket) Reserve(n int, now time.Time) time.Duration {
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(b.rate.Every * time.Duration(n))
	return max(0, b.full.Sub(now)-b.rate.Every*time.Duration(b.rate.Burst))
}

// Keyed bounds events for each key. It remembers a bounded number of keys that
// were active lately, and allows nothing to further ones meanwhile: whoever can
// make up keys gains nothing by it.
type Keyed[K comparable] struct {
	rate    Rate
	max     int
	buckets map[K]Bucket
	sweep   time.Time // when idle keys may be looked for again
}

// NewKeyed returns limits of rate r for each of at most max keys at a time.
func NewKeyed[K comparable](r Rate, max int) *Keyed[K] {
	return &Keyed[K]{rate: r, max: max, buckets: make(map[K]Bucket)}
}

// Allow reports whether one more event of key may happen at now, and counts it
// if so.
func (k *Keyed[K]) Allow(key K, now time.Time) bool {
	b, known := k.buckets[key]
	if !known {
		if len(k.buckets) >= k.max && !k.forget(now) {
			return false
		}
		b = New(k.rate)
	}
	ok := b.Allow(now)
	k.buckets[key] = b
	return ok
}

// forget makes room, at most once a second, and reports whether there is any.
func (k *Keyed[K]) forget(now time.Time) bool {
	if now.Before(k.sweep) {
		return false
	}
	k.sweep = now.Add(time.Second)
	k.Sweep(now)
	return len(k.buckets) < k.max
}

// Sweep drops keys whose bucket is full again, which is as if they were never
// seen, and gives back the memory that they took.
func (k *Keyed[K]) Sweep(now time.Time) {
	active := 0
	for _, b := range k.buckets {
		if b.full.After(now) {
			active++
		}
	}
	if active == len(k.buckets) {
		return
	}
	buckets := make(map[K]Bucket, active) // a map does not shrink
	for key, b := range k.buckets {
		if b.full.After(now) {
			buckets[key] = b
		}
	}
	k.buckets = buckets
}
