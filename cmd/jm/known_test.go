package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// asked is a node that calls a function before its first answer.
type asked struct {
	*wallettest.Backend
	before func() error
}

func (n asked) Watch(ctx context.Context, branches []chain.Branch) error {
	if err := n.before(); err != nil {
		return err
	}
	return n.Backend.Watch(ctx, branches)
}

func (n asked) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := n.before(); err != nil {
		return chain.Update{}, err
	}
	return n.Backend.Sync(ctx, since)
}

// TestStoredStateFirst: who watches sees the stored state before the node
// answers, and then what has changed; scripts get one answer, the fresh one.
func TestStoredStateFirst(t *testing.T) {
	s := newScene(t, writing{})
	w := s.open("default")
	later, err := w.NextAddress(0, keys.External)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()

	const old, fresh = "total       0.10000000", "total       0.13000000"
	const newest = "Total balance:\t0.10000000 (0.13000000)"
	paid := false
	for _, c := range []struct {
		args    []string
		watched bool
		offline bool
		first   []string // out at the time when the node is asked
		last    []string // out at the end
	}{
		{args: []string{"show"}, watched: true, first: []string{old}, last: []string{old, fresh}},
		{args: []string{"display"}, watched: true, first: []string{newest}, last: []string{newest}},
		{args: []string{"show"}, last: []string{fresh}},
		{args: []string{"show", "--json"}, watched: true, last: []string{"13000000"}},
		{args: []string{"show", "--offline"}, watched: true, offline: true, last: []string{fresh}},
	} {
		var out, talk bytes.Buffer
		said := "" // when the node was asked first
		before := func() error {
			if said == "" {
				said = "asked\n" + out.String()
			}
			if !paid {
				paid = true
				s.chain.Pay(later.Script, 3_000_000)
			}
			return nil
		}
		none, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer none.Close()
		jm := &app{
			term: &terminal{in: none, lines: bufio.NewReader(none), out: &out, err: &talk, watched: c.watched},
			node: func() (chain.Backend, error) { return asked{s.chain.Backend(), before}, nil },
		}
		args := append([]string{"--datadir", s.dir, "--password-file", filepath.Join(s.dir, "password"), "wallet"}, c.args...)
		if code := jm.run(t.Context(), args); code != exitOK {
			t.Fatalf("%v: exit status %d\n%s", c.args, code, talk.String())
		}
		if c.offline != (said == "") {
			t.Errorf("%v: the node was asked: %v", c.args, said != "")
		}
		check := func(when, text string, totals []string) {
			t.Helper()
			at := 0
			for _, total := range totals {
				i := strings.Index(text[at:], total)
				if i < 0 {
					t.Errorf("%v, %s: no %s in\n%s", c.args, when, total, text[at:])
					return
				}
				at += i + len(total)
			}
		}
		check("before the node answers", said, c.first)
		if len(c.first) == 0 && len(said) > len("asked\n") {
			t.Errorf("%v: %q before the node answers", c.args, said)
		}
		check("in the end", out.String(), c.last)
		if c.watched && len(c.first) > 0 != strings.Contains(talk.String(), "syncing:") {
			t.Errorf("%v: said %q", c.args, talk.String())
		}
		if n := strings.Count(out.String(), "JM wallet"); n > 1 {
			t.Errorf("%v: the same is shown %d times", c.args, n)
		}
	}
}
