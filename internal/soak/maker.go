package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// What is said about money; nobody here looks at it.
var (
	offer  = protocol.Offer{Type: protocol.SW0RelOffer, MinSize: 100_000, MaxSize: 5_000_000, CJFee: "0.00002"}
	coins  = control.IOAuth{UTXOs: []string{strings.Repeat("ab", 32) + ":0", strings.Repeat("cd", 32) + ":1"}, AuthPubKey: "02" + strings.Repeat("55", 32), CJAddress: "bcrt1qcj", ChangeAddress: "bcrt1qchange", Signature: base64.StdEncoding.EncodeToString(make([]byte, 70))}
	tx     = bytes.Repeat([]byte{7}, 400)
	sig    = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 107))
	reveal = strings.Repeat("ab", 32) + ":1|02" + strings.Repeat("11", 32) + "|03" + strings.Repeat("22", 32) + "|" + strings.Repeat("33", 32) + "|" + strings.Repeat("44", 32)
)

// A maker stays for minutes, and its connection breaks now and then.
const (
	makerStay  = 5 * time.Minute
	makerBreak = 20 * time.Second
)

// maker is an honest maker's life. It stops taking part a while before it
// leaves, so that no conversation fails by that.
func (m *market) maker(ctx context.Context) error {
	p, d, c, leave, err := m.enter(ctx, control.RoleMaker)
	if err != nil {
		return err
	}
	defer leave()
	if err := d.Announce(ctx, control.AnnounceRequest{Offers: []protocol.Offer{offer}}); err != nil {
		return err
	}
	m.came(p.nick)
	defer m.went(p.nick)
	retire := time.After(makerStay/2 + random.N(makerStay))
	broken := time.NewTicker(makerBreak/2 + random.N(makerBreak))
	defer broken.Stop()
	var leaving <-chan time.Time
	for {
		select {
		case ev, open := <-d.Events():
			if !open {
				return d.Err()
			}
			switch ev := ev.(type) {
			case control.AuthEvent:
				err = d.IOAuth(ctx, control.IOAuthRequest{Conversation: ev.Conversation, IOAuth: coins})
			case control.TxEvent:
				err = d.Sigs(ctx, control.SigsRequest{Conversation: ev.Conversation, Sigs: []string{sig, sig}})
			}
			if err != nil && ctx.Err() == nil {
				m.seen.trouble("maker", fmt.Errorf("after %T: %w", ev, err))
			}
		case <-broken.C:
			c.cut()
		case <-retire:
			m.went(p.nick)
			leaving = time.After(conversationWait)
		case <-leaving:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
