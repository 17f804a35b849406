package fair

import (
	"fmt"
	"math/rand"
	"testing"
)

// put wants the line to be taken.
func put(t *testing.T, q *Queue[string], s *Source, who string, age int64, line string) {
	t.Helper()
	if !q.Put(s, who, age, []byte(line)) {
		t.Fatalf("%s of %s is not taken", line, who)
	}
}

// order is what comes out.
func order(q *Queue[string]) (all []string) {
	for {
		who, line, ok := q.Pop()
		if !ok {
			return all
		}
		all = append(all, who+" "+string(line))
	}
}

// TestN1FirstLinesGoFirst: of many that flood, and one that is known for longer
// and comes last, that one is first; and no second line comes before any first.
func TestN1FirstLinesGoFirst(t *testing.T) {
	q := NewQueue[string](4096, 50)
	for nick := range 100 {
		var s Source
		for n := range 10 {
			put(t, q, &s, "flood", 1000+int64(nick), fmt.Sprint(nick, n))
		}
	}
	var honest, late Source
	put(t, q, &honest, "honest", 1, "one")
	put(t, q, &honest, "honest", 1, "two")
	put(t, q, &late, "late", 5000, "one")
	all := order(q)
	if len(all) != 1003 || q.Len() != 0 {
		t.Fatalf("%d lines, %d are left", len(all), q.Len())
	}
	at := map[string]int{}
	for i, line := range all {
		at[line] = i
	}
	if at["honest one"] != 0 || at["late one"] != 101 || at["honest two"] != 102 {
		t.Errorf("honest ones are at %d and %d, a late one at %d", at["honest one"], at["honest two"], at["late one"])
	}
}

// TestSilenceSavesNothing: who was silent goes before who was not, but cannot
// save up turns.
func TestSilenceSavesNothing(t *testing.T) {
	q := NewQueue[string](4096, 50)
	var a, b Source
	for n := range 20 {
		put(t, q, &a, "a", 1, fmt.Sprint(n))
	}
	for range 10 {
		q.Pop()
	}
	for n := range 5 {
		put(t, q, &b, "b", 2, fmt.Sprint(n))
	}
	if got, want := fmt.Sprint(order(q)[:8]), "[b 0 a 10 b 1 a 11 b 2 a 12 b 3 a 13]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestSameLineOnce: what a source has waiting is not said twice.
func TestSameLineOnce(t *testing.T) {
	q := NewQueue[string](4096, 50)
	var s Source
	for _, line := range []string{"x", "x", "y", "x", "y", "z", "x"} {
		put(t, q, &s, "s", 1, line)
	}
	if got := fmt.Sprint(order(q)); got != "[s x s y s x s z]" && got != "[s x s y s z]" {
		t.Errorf("came out as %s", got)
	}
	put(t, q, &s, "s", 1, "x") // it has been said, and may be said again
	if got := fmt.Sprint(order(q)); got != "[s x]" || q.Len() != 0 {
		t.Errorf("then as %s; %d wait", got, q.Len())
	}
}

// TestN1QueueIsBounded: by source and in all; a full queue still takes the first
// line of another, up to twice as many.
func TestN1QueueIsBounded(t *testing.T) {
	q := NewQueue[string](100, 10)
	var first Source
	taken := 0
	for n := range 50 {
		if q.Put(&first, "first", 0, fmt.Append(nil, n)) {
			taken++
		}
	}
	if taken != 10 {
		t.Errorf("%d lines of one source", taken)
	}
	sources := make([]Source, 300)
	for i := range sources {
		if q.Put(&sources[i], "s", int64(i), []byte("one")) {
			taken++
		}
		q.Put(&sources[i], "s", int64(i), fmt.Append(nil, i))
	}
	if q.Len() != 200 || len(order(q)) != 200 || q.Len() != 0 {
		t.Errorf("%d wait", q.Len())
	}
}

// TestDrop: of a source that has left nothing is said, and the count is right.
func TestDrop(t *testing.T) {
	q := NewQueue[string](100, 10)
	var a, b Source
	for n := range 3 {
		put(t, q, &a, "a", 1, fmt.Sprint(n))
		put(t, q, &b, "b", 2, fmt.Sprint(n))
	}
	q.Drop(&a)
	if q.Put(&a, "a", 1, []byte("x")) {
		t.Error("a line of a source that is gone is taken")
	}
	if got := fmt.Sprint(order(q)); got != "[b 0 b 1 b 2]" || q.Len() != 0 {
		t.Errorf("%s, %d wait", got, q.Len())
	}
}

// TestCounts: whatever comes and goes, as many lines come out as wait, each of
// which was put, and the lines of a source in their order.
func TestCounts(t *testing.T) {
	draw := rand.New(rand.NewSource(1))
	q := NewQueue[string](50, 5)
	sources := make([]Source, 20)
	last, gone, n := make([]int, 20), make([]bool, 20), 0
	for range 20_000 {
		i := draw.Intn(len(sources))
		switch draw.Intn(10) {
		case 0:
			if draw.Intn(10) == 0 {
				q.Drop(&sources[i])
				gone[i] = true
			}
		case 1, 2, 3, 4, 5:
			n++
			if q.Put(&sources[i], fmt.Sprint(i), int64(i), fmt.Append(nil, n)) && gone[i] {
				t.Fatal("of a source that is gone")
			}
		default:
			who, line, ok := q.Pop()
			var from, at int
			if fmt.Sscan(who, &from); !ok {
				if q.Len() != 0 {
					t.Fatalf("nothing comes, and %d wait", q.Len())
				}
				continue
			}
			if fmt.Sscan(string(line), &at); gone[from] || at <= last[from] {
				t.Fatalf("%s says %s after %d", who, line, last[from])
			}
			last[from] = at
		}
		if q.Len() < 0 || q.Len() > 100 {
			t.Fatalf("%d wait", q.Len())
		}
		if all := draw.Intn(1000); all == 0 { // others take their place
			clear(gone)
			clear(last)
			sources, q = make([]Source, 20), NewQueue[string](50, 5)
		}
	}
}
