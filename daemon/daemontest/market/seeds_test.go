package market

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"
)

var (
	seeds   = flag.String("seeds", "1..100", "seeds to run: first..last, or one")
	long    = flag.Duration("for", 0, "begin no further seed after this time; 0 is no bound")
	bigSeed = flag.Uint64("big", 6, "seed of the market of hundreds")
	story   = flag.Bool("story", false, "tell all that daemons say and clients are told")
)

func TestMain(m *testing.M) {
	// A crash of a goroutine tells the seed.
	os.Setenv("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",tracebacklabels=1", ","))
	os.Exit(m.Run())
}

// TestSeeds runs a small market for each seed.
func TestSeeds(t *testing.T) {
	var first, last uint64
	if n, _ := fmt.Sscanf(*seeds, "%d..%d", &first, &last); n == 1 {
		last = first
	} else if n != 2 {
		t.Fatalf("-seeds %q: want first..last", *seeds)
	}
	began, all := time.Now(), make(map[outcome]int)
	passed := func() time.Duration { return time.Since(began).Round(time.Second) }
	var bad []uint64
	seed, next := first, progress
	for ; seed <= last && (*long == 0 || time.Since(began) < *long); seed++ {
		if !simulate(t, "^TestSeeds$' -seeds", seed, small, all) {
			bad = append(bad, seed)
		}
		if *long > 0 && passed() >= next {
			fmt.Printf("%v: %d seeds, the last is %d, failed: %v\n", passed(), seed-first+1, seed, bad)
			next += progress
		}
	}
	if testing.Verbose() {
		fmt.Printf("%d seeds from %d to %d in %v, failed: %v\n%s", seed-first, first, seed-1, passed(), bad, table(all))
	}
	if all[outcome{"honest, alone", "signed"}] == 0 && seed-first >= 50 {
		t.Error("nothing was ever signed")
	}
}

// progress is how often it is shown.
const progress = 10 * time.Second

// TestBigMarket is one run of hundreds.
func TestBigMarket(t *testing.T) {
	all := make(map[outcome]int)
	simulate(t, "^TestBigMarket$' -big", *bigSeed, big, all)
	if testing.Verbose() {
		fmt.Print(table(all))
	}
}

// simulate runs a market and reports whether all invariants held. which is the
// end of the command that replays it.
func simulate(t *testing.T, which string, seed uint64, of size, all map[outcome]int) bool {
	cryptotest.SetGlobalRandom(t, seed)
	m := live(t, seed, of)
	for o, n := range m.ledger.outcomes {
		all[o] += n
	}
	if len(m.ledger.breaches) == 0 {
		return true
	}
	t.Errorf("seed %d, with %s:\n\t%s\nto replay: go test ./daemon/daemontest/market -run '%s %d -story -v",
		seed, m.describe(), strings.Join(m.ledger.breaches, "\n\t"), which, seed)
	return false
}

// live runs a market in a bubble of its own.
func live(t *testing.T, seed uint64, of size) (m *market) {
	defer func() {
		if r := recover(); r != nil && m == nil {
			panic(r)
		} else if r != nil { // a goroutine that never ends
			m.ledger.breaches = append(m.ledger.breaches, fmt.Sprint(r))
		}
	}()
	// What starts here bears the seed in the stacks that a crash shows.
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("seed", fmt.Sprint(seed))))
	defer pprof.SetGoroutineLabels(context.Background())
	synctest.Test(t, func(t *testing.T) {
		var loud func(string, ...any)
		if *story {
			loud = t.Logf
		}
		m = newMarket(t, seed, of, loud)
		if *story {
			t.Log(m.describe())
		}
		m.run()
	})
	return m
}

// table shows how conversations of honest takers ended, by what there was to
// disturb them.
func table(all map[outcome]int) string {
	var rows, columns []string
	sum := make(map[string]int)
	for o, n := range all {
		if !slices.Contains(rows, o.row) {
			rows = append(rows, o.row)
		}
		if !slices.Contains(columns, o.column) {
			columns = append(columns, o.column)
		}
		sum[o.row] += n
		sum[o.column] += n
	}
	slices.Sort(rows)
	slices.SortFunc(columns, func(a, b string) int { return cmp.Compare(sum[b], sum[a]) })
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-28s%10s", "conversation with", "in all")
	for _, c := range columns {
		fmt.Fprintf(&b, "%*s", len(c)+2, c)
	}
	b.WriteByte('\n')
	for _, r := range rows {
		fmt.Fprintf(&b, "%-28s%10d", r, sum[r])
		for _, c := range columns {
			fmt.Fprintf(&b, "%*d", len(c)+2, all[outcome{r, c}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
