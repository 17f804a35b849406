package sats

import (
	"encoding/json"
)

// amountCase is a case of the reference implementation's known answers. Rates
// may have decimals there.
type amountCase struct {
	Kind      string
	Valid     bool
	Text      string
	Sat       Amount
	Shown     string
	Signed    string
	SatPerKvB json.Number `json:"sat_per_kvb"`
	Unit      string
	Value     string
}
