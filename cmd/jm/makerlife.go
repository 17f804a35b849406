package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// maxRequests is how many requests of takers a maker's life has.
const maxRequests = 50

// makerLife is how a maker fares, in a file beside its wallet from which other
// programs learn it. Times are Unix seconds, amounts whole satoshis.
type makerLife struct {
	Version int   `json:"version"`
	Since   int64 `json:"since"`           // when it was started
	Ended   int64 `json:"ended,omitempty"` // when it was stopped; 0 if it runs, or was killed
	// Nick is the one of the session with the daemon, empty while there is none,
	// for the reason in Lost.
	Nick     protocol.Nick    `json:"nick,omitempty"`
	Lost     string           `json:"lost,omitempty"`
	Offers   []protocol.Offer `json:"offers"`
	Bond     *shownBond       `json:"bond"`
	Requests []takerRequest   `json:"requests"` // the newest maxRequests, oldest first
	// Since the start: how often coins were shown, of these not used, signed for
	// and earned with; how many requests were refused.
	Shown   int         `json:"shown"`
	Unused  int         `json:"unused"`
	Signed  int         `json:"signed"`
	Refused int         `json:"refused"`
	Joins   int         `json:"confirmed"`
	Earned  sats.Amount `json:"earned"`

	path string
}

// takerRequest is one request of a taker, and what came of it.
type takerRequest struct {
	Time   int64         `json:"time"`
	Taker  protocol.Nick `json:"taker"`
	Amount sats.Amount   `json:"amount,omitempty"`
	// Outcome is shown (coins were), unused (and then nothing came), signed or
	// refused; Reason is one of docs/reasons.md.
	Outcome string          `json:"outcome"`
	Reason  protocol.Reason `json:"reason,omitempty"`
}

// shownBond is the fidelity bond that takers are shown.
type shownBond struct {
	OutPoint string  `json:"outpoint"`
	Value    float64 `json:"bond_value"`        // satoshis to the power of 1.3
	Until    int64   `json:"certificate_until"` // block
}

const lifeVersion = 1

// lifeFile is where the maker of a wallet tells of its life.
func lifeFile(walletPath string) string {
	return filepath.Join(filepath.Dir(walletPath), filepath.Base(walletPath)+".maker")
}

// readLife reads the life of the maker of a wallet; the zero life if there was
// none.
func readLife(walletPath string) (life makerLife, err error) {
	data, err := os.ReadFile(lifeFile(walletPath))
	if errors.Is(err, fs.ErrNotExist) {
		return makerLife{path: walletPath}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &life)
	}
	if err == nil && life.Version != lifeVersion {
		err = fmt.Errorf("it is of version %d", life.Version)
	}
	if err != nil {
		return life, fmt.Errorf("reading %s: %w; jm yieldgenerator writes it anew", lifeFile(walletPath), err)
	}
	life.path = walletPath
	return life, nil
}

// running reports whether the maker runs: one that was killed has not said that
// it ended, but no longer holds its wallet.
func (l *makerLife) running() bool {
	return l.Since != 0 && l.Ended == 0 && store.InUse(l.path)
}

// saw notes what the maker told.
func (l *makerLife) saw(e maker.Event, now time.Time) {
	switch e := e.(type) {
	case maker.Announced:
		l.Offers, l.Bond = e.Offers, nil
		if e.Bond != nil {
			l.Bond = &shownBond{e.Bond.OutPoint.String(), e.Bond.Worth, e.Bond.Until}
		}
	case maker.Revealed:
		l.Shown++
		l.request(takerRequest{Time: now.Unix(), Taker: e.Taker, Amount: e.Amount, Outcome: "shown"})
	case maker.Unused:
		l.Unused++
		l.outcome(e.Taker, "unused", e.Reason)
	case maker.Signed:
		l.Signed++
		l.outcome(e.Taker, "signed", "")
	case maker.Refused:
		l.Refused++
		if !l.outcome(e.Taker, "refused", e.Reason) {
			l.request(takerRequest{Time: now.Unix(), Taker: e.Taker, Outcome: "refused", Reason: e.Reason})
		}
	case maker.Earned:
		l.Joins++
		l.Earned += e.Earning
	case maker.Lost:
		l.Nick, l.Offers, l.Lost = "", nil, fmt.Sprint(e.Err)
	}
}

func (l *makerLife) request(r takerRequest) {
	l.Requests = append(l.Requests, r)
	l.Requests = l.Requests[max(0, len(l.Requests)-maxRequests):]
}

// outcome says what came of coins that a taker was shown.
func (l *makerLife) outcome(taker protocol.Nick, what string, reason protocol.Reason) bool {
	for i := len(l.Requests) - 1; i >= 0; i-- {
		if r := &l.Requests[i]; r.Taker == taker && r.Outcome == "shown" {
			r.Outcome, r.Reason = what, reason
			return true
		}
	}
	return false
}

// lifeWriter writes the life of a maker whenever it changes, beside the maker's
// own work: what is overtaken by something newer is left out.
type lifeWriter struct {
	life    makerLife
	newest  chan []byte // at most one, not written yet
	written sync.WaitGroup
}

func newLifeWriter(files durable.System, walletPath string, log *slog.Logger) *lifeWriter {
	w := &lifeWriter{newest: make(chan []byte, 1)}
	w.life = makerLife{Version: lifeVersion, Since: time.Now().Unix(), Offers: []protocol.Offer{}, Requests: []takerRequest{}}
	w.written.Go(func() {
		for data := range w.newest {
			if err := durable.WriteFileOn(files, lifeFile(walletPath), data, 0o600); err != nil {
				log.Warn("could not write down how the maker fares, for jm yieldgenerator status", "err", err)
			}
		}
	})
	w.save()
	return w
}

// save has the life written.
func (w *lifeWriter) save() {
	data, err := json.MarshalIndent(&w.life, "", "  ")
	if err != nil {
		return // it has nothing that cannot be written
	}
	select {
	case <-w.newest:
	default:
	}
	w.newest <- data
}

// end writes that the maker ended and returns when all is written.
func (w *lifeWriter) end() {
	w.life.Ended, w.life.Nick = time.Now().Unix(), ""
	w.save()
	close(w.newest)
	w.written.Wait()
}
