package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// report is all that was seen.
type report struct {
	began    time.Time
	at       []float64 // seconds
	series   []series
	done     int               // honest conversations
	failures []string          // the others
	troubles map[string]string // the last of each kind of participant
	ending   []string          // what went wrong at the end
	panics   float64           // and other faults that the daemon counts
}

func newReport() *report {
	return &report{began: time.Now(), troubles: make(map[string]string), series: []series{
		{name: "resident", unit: "MiB", floor: 2},
		{name: "Go's memory", unit: "MiB", floor: 2},
		{name: "goroutines", floor: 10},
		{name: "open files", floor: 4},
		{name: "processor", unit: "% of a core", floor: -1},
		{name: "messages heard", unit: "a second", floor: -1},
		{name: "message in to event out", unit: "ms", floor: 20},
		{name: "conversation", unit: "s", floor: 2},
	}}
}

// add takes a sample and what was seen since the one before. An empty sample is
// none.
func (r *report) add(s sample, w window) {
	r.done += len(w.conversations)
	r.failures = append(r.failures, w.failures...)
	maps.Copy(r.troubles, w.troubles)
	if s == (sample{}) {
		return
	}
	r.at = append(r.at, time.Since(r.began).Seconds())
	r.panics = s.faults
	for i, y := range []float64{s.rss, s.heap, s.goroutines, s.files, s.cpu, s.heard, median(w.relays), median(w.conversations)} {
		r.series[i].v = append(r.series[i].v, y)
	}
}

// leastJudged is how long a soak must be for its trends to mean something: what
// is kept for a time, such as sessions without a client, is then given back.
const leastJudged = 5 * time.Minute

// faults are the reasons why the daemon did not hold; empty if it did.
func (r *report) faults() (list []string) {
	if n := len(r.at); n > 0 && r.at[n-1] >= leastJudged.Seconds()*0.95 {
		for _, s := range r.series {
			if s.grows(r.at) {
				list = append(list, s.name+" grows")
			}
		}
	}
	if len(r.failures) > 0 {
		list = append(list, fmt.Sprintf("%d honest conversations failed, the first so: %s", len(r.failures), r.failures[0]))
	}
	if r.done == 0 {
		list = append(list, "no honest conversation was done")
	}
	if r.panics > 0 {
		list = append(list, fmt.Sprintf("the daemon counts %v faults of its own", r.panics))
	}
	return append(list, r.ending...)
}

// line is where things stand, in short.
func (r *report) line() string {
	text := time.Since(r.began).Round(time.Second).String()
	for _, s := range r.series {
		text += fmt.Sprintf("  %s %.4g%s", s.name, median(known(s.v[max(0, len(s.v)-60):])), s.unit)
	}
	return text + fmt.Sprintf("  %d done, %d failed", r.done, len(r.failures))
}

func known(v []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(v), math.IsNaN)
}

// write shows all in a terminal, and the verdict.
func (r *report) write(w io.Writer) {
	for _, s := range r.series {
		fmt.Fprintf(w, "%s\n\n", strings.Join(chart(s), "\n"))
	}
	fmt.Fprintf(w, "%-24s %10s %10s %10s %10s  second half\n", "", "least", "median", "most", "mean")
	for _, s := range r.series {
		least, most := s.bounds()
		t := s.second(r.at)
		word := "flat"
		switch {
		case s.floor < 0:
			word = "not judged"
		case s.grows(r.at):
			word = "GROWS"
		}
		fmt.Fprintf(w, "%-24s %10.1f %10.1f %10.1f %10.1f  %+.2f ±%.2f %s: %s\n", s.name, least, median(known(s.v)), most, t.mean, t.rise, t.doubt, s.unit, word)
	}
	for _, who := range slices.Sorted(maps.Keys(r.troubles)) {
		fmt.Fprintf(w, "note: %s: %s\n", who, r.troubles[who])
	}
	fmt.Fprintf(w, "%d honest conversations done, %d failed\n", r.done, len(r.failures))
	verdict := "FLAT"
	if list := r.faults(); len(list) > 0 {
		verdict = "NOT WELL: " + strings.Join(list, "; ")
	} else if len(r.at) == 0 || r.at[len(r.at)-1] < leastJudged.Seconds()*0.95 {
		verdict = fmt.Sprintf("conversations are well; too short to tell whether anything grows, which takes %v", leastJudged)
	}
	fmt.Fprintln(w, verdict)
}
