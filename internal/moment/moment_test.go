package moment

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestMoment(t *testing.T) {
	var m Moment
	if !m.Get().IsZero() {
		t.Errorf("at first it is %v", m.Get())
	}
	for _, when := range []time.Time{time.Now(), began, began.Add(-time.Hour), began.Add(time.Hour)} {
		m.Set(when)
		if got := m.Get(); got.IsZero() || got.Sub(when).Abs() > time.Nanosecond {
			t.Errorf("%v became %v", when, got)
		}
	}
	m.Set(time.Time{})
	if !m.Get().IsZero() {
		t.Errorf("never became %v", m.Get())
	}
}

// TestOtherClock: it counts on the clock of whoever sets it, be it a test's.
func TestOtherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Moment
		m.Set(time.Now())
		time.Sleep(time.Minute)
		if got := time.Since(m.Get()); got != time.Minute {
			t.Errorf("a minute is %v", got)
		}
	})
}
