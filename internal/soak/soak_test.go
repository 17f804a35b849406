package main

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"math"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSoak is a short soak, so that the program does not rot: honest
// conversations are done among hostile nicks, and all is shown.
func TestSoak(t *testing.T) {
	dir := t.TempDir()
	o := options{length: 10 * time.Second, daemon: filepath.Join(dir, "joinmarketd"), png: filepath.Join(dir, "soak.png"), pace: 250 * time.Millisecond, makers: 3, takers: 2, hostile: 12}
	if out, err := exec.Command("go", "build", "-o", o.daemon, "../../cmd/joinmarketd").CombinedOutput(); err != nil {
		t.Fatalf("building joinmarketd: %v\n%s", err, out)
	}
	r, err := soak(context.Background(), o, os.Stderr)
	if errors.Is(err, errNoServer) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if list := r.faults(); len(list) > 0 {
		t.Error(list)
	}
	if len(r.at) < 5 || r.series[0].v[0] == 0 || r.series[1].v[0] == 0 {
		t.Errorf("%d samples, the first of %v MiB resident", len(r.at), r.series[0].v)
	}
	var out bytes.Buffer
	r.write(&out)
	for _, s := range r.series {
		if !strings.Contains(out.String(), s.name) {
			t.Errorf("%s is not shown", s.name)
		}
	}
	if err := r.writePNG(o.png); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(o.png)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() != panelWidth {
		t.Errorf("the picture: %v", err)
	}
}

// TestVerdict: what grows is seen, and noise and warming up are not taken for it.
func TestVerdict(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for name, c := range map[string]struct {
		floor float64
		at    func(i int) float64
		grows bool
	}{
		"flat":        {2, func(int) float64 { return 40 }, false},
		"noise":       {2, func(int) float64 { return 40 + 20*r.Float64() }, false},
		"warms up":    {2, func(i int) float64 { return 40 * math.Tanh(float64(i)/50) }, false},
		"leaks":       {2, func(i int) float64 { return 40 + 0.02*float64(i) + 3*r.Float64() }, true},
		"a little":    {2, func(i int) float64 { return 10 + 0.003*float64(i) }, false},
		"not judged":  {-1, func(i int) float64 { return float64(i) }, false},
		"shrinks":     {2, func(i int) float64 { return 1000 - float64(i) }, false},
		"leaks, gaps": {0, func(i int) float64 { return []float64{math.NaN(), 1 + float64(i)}[i%2] }, true},
		"never seen":  {0, func(int) float64 { return math.NaN() }, false},
	} {
		s := series{floor: c.floor}
		var at []float64
		for i := range 600 {
			at = append(at, float64(i))
			s.v = append(s.v, c.at(i))
		}
		if s.grows(at) != c.grows {
			t.Errorf("%s: %+v", name, s.second(at))
		}
	}
}

// TestFaults: each reason for which the daemon did not hold is told.
func TestFaults(t *testing.T) {
	r := newReport()
	for i := range 600 {
		r.add(sample{rss: 40 + float64(i)/10, faults: 1}, window{failures: []string{"silence"}})
		r.at[i] = float64(i)
	}
	list := strings.Join(r.faults(), ";")
	for _, want := range []string{"resident grows", "600 honest conversations failed, the first so: silence", "no honest", "1 faults"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q lacks %q", list, want)
		}
	}
	if r.at[599] = 10; strings.Contains(strings.Join(r.faults(), ";"), "grows") {
		t.Error("a short soak is judged")
	}
}

// TestChart: a rise looks like one.
func TestChart(t *testing.T) {
	got := strings.Join(chart(series{name: "x", unit: "MiB", v: []float64{0, 1, 2, math.NaN(), 4}}), "\n")
	want := "x MiB\n     4.0 |    █\n         |    █\n         |  █ █\n       0 | ██ █"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
