package daemontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
)

const alice, bob, carol protocol.Nick = "J5ENesYLEgVVH8Ls", "J561YhaSF6trHuTS", "J57DSUm6NfScN3T6"

// on runs a member and collects what it sees as text.
func on(ctx context.Context, p *Pit, nick protocol.Nick) (*Member, *[]string) {
	m, seen := p.Join(nick), &[]string{}
	go m.Run(ctx, func(ev channel.Event) { *seen = append(*seen, fmt.Sprintf("%T%v", ev, ev)) })
	synctest.Wait()
	return m, seen
}

func TestPit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPit("pit", "Net")
		a, seenA := on(t.Context(), p, alice)
		ctx, leave := context.WithCancel(t.Context())
		b, seenB := on(ctx, p, bob)
		_, seenC := on(t.Context(), p, carol)
		if err := p.Join(bob).Run(t.Context(), nil); err == nil {
			t.Error("two of one nick")
		}
		if err := a.SendPublic([]string{"!cancel 0", "!cancel 1"}); err != nil {
			t.Error(err)
		}
		if err := b.SendPrivate(alice, "pubkey", "x y z"); err != nil {
			t.Error(err)
		}
		p.Lose(func(l Line) bool { return strings.HasPrefix(l.Text, "!lost") })
		p.Say(Line{From: bob, Text: "!lost"})
		p.Break()
		if err := a.SendPublic([]string{"!x"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("sent on a broken pit: %v", err)
		}
		p.Mend()
		synctest.Wait()
		leave()
		synctest.Wait()
		if err := b.SendPublic([]string{"!x"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("sent after leaving: %v", err)
		}
		if err := a.SendPrivate(bob, "tx", strings.Repeat("x", protocol.MaxMessage)); !errors.Is(err, channel.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		if err := a.SendPrivate(bob, "tx", "\n"); !errors.Is(err, channel.ErrText) {
			t.Errorf("not printable: %v", err)
		}
		up, lost := "channel.State{up Net  }", "channel.State{lost  the pit broke }"
		said, left := "channel.Public{"+string(alice)+" !cancel 0!cancel 1}", "channel.Left{"+string(bob)+"}"
		for name, c := range map[string]struct {
			seen *[]string
			want []string
		}{
			"alice": {seenA, []string{up, "channel.Private{" + string(bob) + " !pubkey x y z 0}", lost, up, left}},
			"bob":   {seenB, []string{up, said, lost, up}},
			"carol": {seenC, []string{up, said, lost, up, left}},
		} {
			if !slices.Equal(*c.seen, c.want) {
				t.Errorf("%s saw %q, want %q", name, *c.seen, c.want)
			}
		}
		if got := p.Nicks(); !slices.Equal(got, []protocol.Nick{carol, alice}) {
			t.Errorf("on the pit: %v", got)
		}
		if n := len(p.Lines()); n != 3 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPit("pit", "Net")
		go func() {
			synctest.Wait()
			p.Say(Line{From: alice, Text: "!a"})
			p.Say(Line{From: alice, Text: "!b"})
		}()
		l, next, err := p.Await(t.Context(), 0, func(l Line) bool { return l.Text == "!b" })
		if err != nil || l.Text != "!b" || next != 2 {
			t.Errorf("%+v, %d, %v", l, next, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := p.Await(ctx, next, func(Line) bool { return true }); !errors.Is(err, context.Canceled) {
			t.Errorf("nothing more is said: %v", err)
		}
	})
}
