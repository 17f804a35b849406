package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/migrate"
)

// migration is what was found in an old wallet: the document of `jm wallet
// migrate --json`. It has no secrets.
type migration struct {
	Old          string        `json:"old"` // file
	Type         string        `json:"type"`
	Network      jmdat.Network `json:"network"`
	Encrypted    bool          `json:"encrypted"`
	Created      string        `json:"created,omitempty"` // by the clock of its maker
	ID           string        `json:"id"`
	Fingerprint  string        `json:"fingerprint,omitempty"`
	Extension    bool          `json:"extension"`
	FirstAddress string        `json:"first_address"`
	Next         [][2]uint32   `json:"next"` // external, internal; by mixdepth
	Imported     []string      `json:"imported"`
	Frozen       []string      `json:"frozen"`
	Labels       int           `json:"labels"`
	BondMonths   []string      `json:"bond_months"` // of those seen last
	// Coins and Balance are what the old program saw last, not what there is.
	Coins   int         `json:"coins_seen_last"`
	Balance sats.Amount `json:"balance_seen_last"` // sat
	Notes   []string    `json:"notes"`
	// Wallet and File are the new wallet, absent if none was made.
	Wallet string `json:"wallet,omitempty"`
	File   string `json:"file,omitempty"`
}

func newMigration(from string, old *jmdat.Wallet, p *migrate.Plan) *migration {
	m := &migration{
		Old: from, Type: old.Type.String(), Network: old.Network, Encrypted: old.Encrypted,
		ID: p.ID, Fingerprint: p.Fingerprint, Extension: !old.Extension.Empty(), FirstAddress: p.First,
		Next: p.Next, Imported: []string{}, Frozen: []string{}, Labels: p.Labels.Len(), BondMonths: []string{},
		Coins: len(old.Coins), Notes: append([]string{}, p.Notes...),
	}
	if !old.Created.IsZero() {
		m.Created = old.Created.Format(time.DateTime)
	}
	for _, k := range p.Imported {
		m.Imported = append(m.Imported, k.Address)
	}
	for _, out := range p.Frozen {
		m.Frozen = append(m.Frozen, out.String())
	}
	for _, month := range p.BondMonths {
		m.BondMonths = append(m.BondMonths, time.Unix(month, 0).UTC().Format("2006-01"))
	}
	for _, c := range old.Coins {
		m.Balance += c.Value
		if !m.Balance.Valid() { // the file is not trusted
			m.Coins, m.Balance = 0, 0
			m.Notes = append(m.Notes, "the coins that the file remembers are worth more than there are")
			break
		}
	}
	return m
}

// maxListed bounds the entries of a list on the screen; --json has all.
const maxListed = 20

func (m *migration) text() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s "+format+"\n", append([]any{name}, args...)...)
	}
	list := func(name string, entries []string) {
		row(name, "%d", len(entries))
		for i, e := range entries {
			if i == maxListed {
				row("", "... and %d more", len(entries)-maxListed)
				break
			}
			row("", "%s", e)
		}
	}
	row("old file", "%s", m.Old)
	row("type", "%s", m.Type)
	row("network", "%s", m.Network)
	if m.Created != "" {
		row("made", "%s", m.Created)
	}
	if !m.Encrypted {
		row("password", "none: whoever has the file has the coins")
	}
	row("id", "%s", m.ID)
	if m.Fingerprint != "" {
		row("fingerprint", "%s", m.Fingerprint)
	}
	row("extension", "%s", map[bool]string{true: "yes", false: "no"}[m.Extension])
	row("first address", "%s", m.FirstAddress)
	for i, next := range m.Next {
		row(fmt.Sprintf("mixdepth %d", i), "next index %d, internal %d", next[0], next[1])
	}
	list("imported keys", m.Imported)
	list("frozen coins", m.Frozen)
	row("labels", "%d", m.Labels)
	list("bonds seen", m.BondMonths)
	row("coins seen", "%d of %s BTC, when JoinMarket looked last", m.Coins, m.Balance.BTC())
	for _, note := range m.Notes {
		row("note", "%s", note)
	}
	return b.String()
}
