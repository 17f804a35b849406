package maker

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// shop is a maker in the middle of a session, with a wallet and a record on the
// disk, flushed as always; only the chain is in memory.
type shop struct {
	*Maker
	wallet *wallet.Wallet
	d      *notes
	fill   control.AuthEvent
}

// open opens a shop with as many coins of 2,000,000 sat.
func openShop(t testing.TB, coins int) *shop {
	t.Helper()
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	values := make([]sats.Amount, coins)
	for i := range values {
		values[i] = 2_000_000
	}
	cfg := chain.Config()
	cfg.GapLimit = coins + 1 // so that all are found
	w := wallettest.NewWith(t, chain, cfg, values)
	payer := wallettest.New(t, chain, []sats.Amount{3_000_000})
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	accepted, err := openAccepted(durable.OS, filepath.Join(t.TempDir(), "accepted"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.close() })
	s := &shop{wallet: w, d: &notes{}, fill: opening(t, payer)}
	s.Maker = &Maker{
		cfg: Config{
			Wallet: w, Node: withTaker{w.Chain()}, Terms: bothTerms(), Age: DefaultAge, AmountShare: DefaultAmountShare, Tries: DefaultTries,
			HoldSigned: DefaultHoldSigned, Notify: func(Event) {},
		},
		log: quiet, accepted: accepted, talks: make(map[uint64]*talk),
	}
	s.published = []protocol.Offer{{Type: protocol.SW0AbsOffer, MinSize: 27_300, MaxSize: 1_900_000, CJFee: "500"}}
	s.fill.OfferID, s.fill.Amount = 0, 1_000_000
	return s
}

// auth has a taker open its commitment, as if it were a new one each time.
func (s *shop) auth(t testing.TB, conversation uint64) control.IOAuth {
	t.Helper()
	clear(s.accepted.set)
	s.fill.Conversation, s.fill.Taker = conversation, protocol.Nick(fmt.Sprintf("J5taker%09d", conversation))
	s.event(t.Context(), s.d, s.fill)
	answer, ok := s.d.told[len(s.d.told)-1].(control.IOAuthRequest)
	if !ok || answer.Conversation != conversation {
		t.Fatalf("conversation %d: %+v", conversation, s.d.told[len(s.d.told)-1])
	}
	return answer.IOAuth
}

// tx is the transaction for an answer; the maker earns 500 sat.
func (s *shop) tx(t testing.TB, conversation uint64, answer control.IOAuth) control.TxEvent {
	t.Helper()
	tx := coinjoin(t, answer, 1_000_000, 1_000_500, &chaincfg.RegressionNetParams)
	tx.LockTime = uint32(conversation % 2) // so that no two are the same
	return control.TxEvent{Conversation: conversation, Taker: s.fill.Taker, Tx: serialise(t, tx)}
}

func (s *shop) sign(t testing.TB, e control.TxEvent) {
	t.Helper()
	s.event(t.Context(), s.d, e)
	if sigs, ok := s.d.told[len(s.d.told)-1].(control.SigsRequest); !ok || sigs.Conversation != e.Conversation {
		t.Fatalf("conversation %d: %+v", e.Conversation, s.d.told[len(s.d.told)-1])
	}
}

// TestFiftyTakersInOrder: fifty takers at once are answered in the order in which
// they came, none with the coin of another, and none fails for the others.
func TestFiftyTakersInOrder(t *testing.T) {
	const takers = 50
	s := openShop(t, takers)
	answers, seen := make([]control.IOAuth, takers), make(map[string]bool)
	for i := range answers {
		answers[i] = s.auth(t, uint64(i))
		for _, one := range append(answers[i].UTXOs, answers[i].CJAddress, answers[i].ChangeAddress) {
			if seen[one] {
				t.Fatalf("taker %d: %s was shown before", i, one)
			}
			seen[one] = true
		}
	}
	for i := range answers {
		s.fill.Taker = protocol.Nick(fmt.Sprintf("J5taker%09d", i))
		s.sign(t, s.tx(t, uint64(i), answers[i]))
	}
	for i, told := range s.d.told {
		switch r := told.(type) {
		case control.IOAuthRequest:
			if i >= takers || r.Conversation != uint64(i) {
				t.Errorf("answer %d is for taker %d", i, r.Conversation)
			}
		case control.SigsRequest:
			if i < takers || r.Conversation != uint64(i-takers) {
				t.Errorf("answer %d is for taker %d", i, r.Conversation)
			}
		}
	}
}

// BenchmarkIOAuth: from an opened commitment to the answer. Goal: 20 ms.
func BenchmarkIOAuth(b *testing.B) {
	s := openShop(b, 10)
	for i := range uint64(b.N) {
		s.auth(b, i)
		s.end(i)
	}
}

// BenchmarkSigs: from the transaction to all signatures. Goal: 50 ms.
func BenchmarkSigs(b *testing.B) {
	s := openShop(b, 10)
	var spent time.Duration
	for i := range uint64(b.N) {
		e := s.tx(b, i, s.auth(b, i))
		began := time.Now()
		s.sign(b, e)
		spent += time.Since(began)
		s.talks[i].lease.Release() // as if it had never been broadcast
		s.end(i)
	}
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "ms/sigs")
}

// BenchmarkFiftyTakers: until the last of fifty takers at once has its answer.
func BenchmarkFiftyTakers(b *testing.B) {
	const takers = 50
	s := openShop(b, takers)
	for n := range uint64(b.N) {
		for i := range uint64(takers) {
			s.auth(b, n*takers+i)
		}
		for i := range uint64(takers) {
			s.end(n*takers + i)
		}
	}
}
