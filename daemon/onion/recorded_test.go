package onion

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN19RecordedDirectory: what a directory of joinmarket-ng 0.37 said to a taker
// of ours while it made a CoinJoin, with a maker of joinmarket-ng that cannot be
// dialled among others, comes through whole. What we say on our own is what was
// said then, byte for byte, and the same lines leave for that maker, through the
// directory.
func TestN19RecordedDirectory(t *testing.T) {
	text, err := os.ReadFile("testdata/joinmarket-ng.txt")
	if err != nil {
		t.Fatal(err)
	}
	const (
		at    = "127.0.0.1:8072"
		taker = protocol.Nick("J55mHMmmJJotwNJC")
		maker = protocol.Nick("J5BUVHYpTexKX4FG")
	)
	inWorld(t, Config{Nick: taker, Network: "regtest", Loopback: true}, []string{at}, func(t *testing.T, w *world) {
		d := w.accept(at)
		var said, heard []string
		for row := range strings.Lines(string(text)) {
			way, line, _ := strings.Cut(strings.TrimSuffix(row, "\n"), " ")
			m, err := onion.ParseMessage([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case way == "<":
				if d.raw(line + "\r\n"); m.Type == onion.Public || m.Type == onion.Private {
					heard = append(heard, m.Text)
				}
				synctest.Wait()
				continue
			case m.Type == onion.Public:
				err = w.c.SendPublic([]string{"!" + strings.SplitN(m.Text, "!", 3)[2]})
			case m.Type == onion.Private:
				command, body, _ := strings.Cut(strings.SplitN(m.Text, "!", 3)[2], " ")
				err = w.c.SendPrivate(maker, command, body)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.next().Append(nil)
			if said = append(said, line); err != nil || string(got) != line+"\r\n" {
				t.Errorf("said\n%swant\n%s", got, line)
			}
		}
		if len(said) < 6 || len(heard) < 7 {
			t.Fatalf("%d lines of us and %d for us", len(said), len(heard))
		}
		var got []string
		for _, ev := range w.heard() {
			switch ev := ev.(type) {
			case channel.Private:
				got = append(got, string(ev.From)+"!"+string(taker)+ev.Text)
			case channel.Public:
				got = append(got, string(ev.From)+"!PUBLIC"+ev.Text)
			}
		}
		if !slices.Equal(got, heard) {
			t.Errorf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(heard, "\n"))
		}
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		if n := len(w.c.directories[0].listed); n != 2 {
			t.Errorf("%d makers can be dialled", n)
		}
	})
}
