package ledger

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// Format says how Write shows rows.
type Format struct {
	CSV  bool           // commas instead of blanks between the columns
	TxID bool           // a last column with the transaction
	Zone *time.Location // of the times; nil: UTC
}

// columns are the names of the columns, the last being optional.
var columns = []string{"tx#", "timestamp", "type", "amount/btc", "balance-change/btc", "balance/btc",
	"coinjoin-n", "total-fees", "utxo-count", "mixdepth-from", "mixdepth-to", "txid"}

// missing stands where a column says nothing.
const missing = " #"

// Write writes a line with the names of the columns, then a line for each row,
// whose fields are quoted. The names are those of the fields in every format;
// the reference leaves one out.
func Write(w io.Writer, rows []Row, f Format) error {
	between, names := " ", columns
	if f.CSV {
		between = ","
	}
	if !f.TxID {
		names = columns[:len(columns)-1]
	}
	if f.Zone == nil {
		f.Zone = time.UTC
	}
	buffered := bufio.NewWriter(w)
	buffered.WriteString(strings.Join(names, between) + "\n")
	for _, r := range rows {
		fields := r.fields(f.Zone)[:len(names)]
		buffered.WriteString(`"` + strings.Join(fields, `"`+between+`"`) + `"` + "\n")
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing the history: %w", err)
	}
	return nil
}

// fields are the texts of all columns.
func (r Row) fields(zone *time.Location) []string {
	number, participants, fee, txid := fmt.Sprintf("%4d", r.Number), missing, fmt.Sprintf("%-10s", "N/A"), r.TxID.String()
	if r.Kind == CJBatch {
		number, txid = fmt.Sprintf("N=%2d", r.Joined), missing
	}
	if r.Participants > 0 {
		participants = fmt.Sprintf("%2d", r.Participants)
	}
	if r.Fee > 0 {
		fee = r.Fee.BTC()
	}
	return []string{
		number, r.Time.In(zone).Format("2006-01-02 15:04"), fmt.Sprintf("%-11s", r.Kind),
		r.Amount.BTC(), r.Change.SignedBTC(), r.Balance.BTC(),
		participants, fee, fmt.Sprintf("%3d", r.Coins), mixdepthText(r.From), mixdepthText(r.To), txid,
	}
}

func mixdepthText(list []int) string {
	if len(list) == 0 {
		return missing
	}
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = fmt.Sprintf("%2d", m)
	}
	return strings.Join(texts, " ")
}
