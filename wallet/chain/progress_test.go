package chain

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Meter
		if p, on := m.Progress(); on {
			t.Errorf("%+v before it began", p)
		}
		m.Begin("looking", 100, 300, 1100)
		want := func(w Progress) {
			t.Helper()
			if p, on := m.Progress(); !on || p != w {
				t.Errorf("%+v, %v, want %+v", p, on, w)
			}
		}
		want(Progress{What: "looking", Permille: 200}) // of what was done before, too; the speed is not known
		time.Sleep(time.Minute)
		m.At(500)
		want(Progress{What: "looking", Permille: 400, Left: 3 * time.Minute})
		m.At(400)
		want(Progress{What: "looking", Permille: 400, Left: 3 * time.Minute})
		m.At(5000)
		want(Progress{What: "looking", Permille: 1000})
		m.Begin("nothing", 7, 7, 7)
		want(Progress{What: "nothing"})
		m.End()
		if p, on := m.Progress(); on {
			t.Errorf("%+v after its end", p)
		}
	})
}
