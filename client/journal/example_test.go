package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/joinmarket-go/joinmarket/client/journal"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// A taker that is given the journal writes each attempt when it begins and when
// it is over; afterwards the beginning of an id finds it.
func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var attempts taker.Journal = journal.New(journal.Config{Path: filepath.Join(dir, "attempts.jsonl")})

	r := taker.Record{ID: "9e20deec", Began: time.Now(), Amount: 25_000_000, Wanted: 4}
	if err := attempts.Write(r); err != nil {
		fmt.Println(err)
		return
	}
	r.Ended, r.Reason = time.Now(), protocol.ReasonFewOffers
	if err := attempts.Write(r); err != nil {
		fmt.Println(err)
		return
	}

	found, err := journal.New(journal.Config{Path: filepath.Join(dir, "attempts.jsonl")}).Find("9e2")
	fmt.Println(found.ID, found.Amount, found.Reason, err)
	// Output: 9e20deec 25 000 000 sat few-offers <nil>
}
