package directory

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN19RecordedCoinJoin: what three makers and a taker of the reference said to
// the directory of the reference during a CoinJoin is said to ours, line by line,
// and each hears from it what they heard then, but that it repeats no locations
// and does not take part itself.
func TestN19RecordedCoinJoin(t *testing.T) {
	text, err := os.ReadFile("../../protocol/onion/testdata/onion.txt")
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, Config{Loopback: true, Location: "127.0.0.1:8081"}, func(t *testing.T, w *world) {
		bots, want := map[string]*bot{}, map[string][]string{}
		said := 0
		for row := range strings.Lines(string(text)) {
			f := strings.Fields(row)
			_, line, ok := strings.Cut(strings.TrimSuffix(row, "\n"), " | ")
			if !ok || f[3] != ":8081" || !strings.HasPrefix(f[1], "J5") {
				continue
			}
			nick, out := f[1], f[2] == "->"
			switch {
			case line == "# connection opened" && out:
				bots[nick] = w.connect()
			case strings.HasPrefix(line, "# closed") && bots[nick] != nil:
				bots[nick].nc.Close()
			case strings.HasPrefix(line, "#") || bots[nick] == nil:
			case out:
				bots[nick].raw(line + "\r\n")
				said++
				time.Sleep(time.Second)
			default:
				want[nick] = append(want[nick], line)
			}
		}
		if said < 20 || len(bots) != 4 {
			t.Fatalf("only %d lines of %d bots", said, len(bots))
		}
		time.Sleep(time.Minute)
		for nick, b := range bots {
			heard, places := sorted(t, b.takeLines())
			before, known := sorted(t, want[nick])
			if !slices.Equal(heard, before) {
				t.Errorf("%s heard\n%s\nfrom the reference\n%s", nick, strings.Join(heard, "\n"), strings.Join(before, "\n"))
			}
			if !maps.Equal(places, known) {
				t.Errorf("%s is told %v, by the reference %v", nick, places, known)
			}
		}
	})
}

// sorted tells lines of the market from the entries of peer lists, but that of a
// directory, which is the first.
func sorted(t *testing.T, lines []string) (market []string, entries map[string]bool) {
	entries = make(map[string]bool)
	for _, line := range lines {
		m, err := onion.ParseMessage([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		switch m.Type {
		case onion.Private, onion.Public:
			market = append(market, line)
		case onion.PeerList:
			for _, entry := range strings.Split(m.Text, ",")[1:] {
				entries[entry] = true
			}
		}
	}
	return market, entries
}
