package inprocess_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// blade cuts connections, once for each mark: when a frame with it goes through.
// The frame arrives, or does not.
type blade struct {
	arrives bool

	mu    sync.Mutex
	marks []mark // that have not been seen
	dials int
}

// mark is a part of a frame.
type mark struct {
	part string
	read bool // it comes from the daemon, else from the client
}

// strikes reports whether this is the moment.
func (b *blade) strikes(read bool, data []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.marks, func(m mark) bool { return m.read == read && strings.Contains(string(data), m.part) })
	if i >= 0 {
		b.marks = slices.Delete(b.marks, i, i+1)
	}
	return i >= 0
}

// over puts the blade over the connections of a Dial.
func (b *blade) over(dial dialFunc) dialFunc {
	return func(ctx context.Context) (net.Conn, control.Secret, error) {
		b.mu.Lock()
		b.dials++
		b.mu.Unlock()
		nc, secret, err := dial(ctx)
		if err != nil {
			return nil, "", err
		}
		return &underBlade{nc, b}, secret, nil
	}
}

type underBlade struct {
	net.Conn
	b *blade
}

var errCut = errors.New("cut")

func (c *underBlade) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.b.strikes(true, p[:n]) {
		c.Conn.Close()
		if !c.b.arrives {
			return 0, errCut
		}
	}
	return n, err
}

func (c *underBlade) Write(p []byte) (int, error) {
	if !c.b.strikes(false, p) {
		return c.Conn.Write(p)
	}
	if !c.b.arrives {
		c.Conn.Close()
		return 0, errCut
	}
	n, err := c.Conn.Write(p)
	c.Conn.(interface{ CloseWrite() error }).CloseWrite() // what was written arrives
	return n, err
}

// TestD2D3CutConnections: wherever in a CoinJoin the connection of the taker or
// of a maker with its daemon breaks, the CoinJoin is made, and nothing in it is
// done twice: one transaction is signed, one set of coins and addresses shown.
func TestD2D3CutConnections(t *testing.T) {
	marks := func(read bool, form string, names ...string) (list []mark) {
		for _, name := range names {
			list = append(list, mark{fmt.Sprintf(form, name), read})
		}
		return list
	}
	const command, event = `"method":"%s"`, `"event":"%s"`
	const question = `"command":"%s"` // to sign and to verify
	for role, list := range map[control.Role][]mark{
		control.RoleTaker: slices.Concat(
			marks(false, command, "refresh", "orderbook", "fill", "auth", "tx"),
			marks(true, event, "pubkey", "ioauth"),
			marks(true, `"result":{"attempt":%s}`, "1"),
			marks(true, question, "fill", "pubkey", "auth", "ioauth", "tx", "sig"),
		),
		control.RoleMaker: slices.Concat(
			marks(false, command, "announce", "ioauth", "sigs"),
			marks(true, event, "auth", "tx"),
			marks(true, question, "sw0absoffer", "fill", "pubkey", "auth", "ioauth", "tx", "sig"),
		),
	} {
		for _, arrives := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, what cuts arrives: %v", role, arrives), func(t *testing.T) {
				t.Parallel()
				cutCoinJoin(t, role, &blade{marks: slices.Clone(list), arrives: arrives})
			})
		}
	}
}

func cutCoinJoin(t *testing.T, role control.Role, b *blade) {
	m := newMarket(t, ircServer(t))
	shared := m.sharedDaemon()
	cutting := b.over(shared)
	m.dialer = func() dialFunc {
		if role == control.RoleMaker {
			return cutting
		}
		return shared
	}
	y := m.maker(makerFee, 8_000_000)
	m.dialer = func() dialFunc {
		if role == control.RoleTaker {
			return cutting
		}
		return shared
	}
	payer := m.wallet(6_000_000, 2_000_000)
	address, err := txbuild.FormatAddress(p2wpkh(77), m.chain.Params())
	if err != nil {
		t.Fatal(err)
	}
	result, err := m.taker(taker.Self, payer).Run(m.ctx, taker.Payment{Amount: amount, Destination: address, Makers: 1, MinMakers: 1},
		func(taker.Quote) error { return nil })
	if err != nil {
		t.Fatalf("%v (left out: %+v)", err, result.Dropped)
	}
	b.mu.Lock()
	if len(b.marks) > 0 || b.dials < 10 {
		t.Errorf("%d connections, nothing was cut at %v", b.dials, b.marks)
	}
	b.mu.Unlock()
	revealed, signed := 0, 0
	for seen := false; !seen; {
		switch e := next(m, y).(type) {
		case maker.Revealed:
			revealed++
		case maker.Signed:
			signed++
			if e.TxID != result.Tx.TxHash() {
				t.Errorf("the maker signed %v", e.TxID)
			}
		case maker.Seen:
			seen = true
		case maker.Lost:
			t.Errorf("the maker lost its session: %v", e.Err)
		case maker.Refused:
			t.Errorf("the maker refused: %v", e.Err)
		}
	}
	if revealed != 1 || signed != 1 {
		t.Errorf("revealed %d times, signed %d times", revealed, signed)
	}
	if len(result.Tx.TxOut) != 4 {
		t.Errorf("%d outputs", len(result.Tx.TxOut))
	}
}

// next takes an event of a maker.
func next(m *market, y *yielder) maker.Event {
	m.t.Helper()
	select {
	case e := <-y.events:
		return e
	case <-time.After(deadline):
		m.t.Fatalf("no event within %v", deadline)
		return nil
	}
}
