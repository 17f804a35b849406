package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// statementHeader is the first line of the statement; all of its form is that of
// the reference (spec: taker-maker.md 13.7), so that tables go on.
const statementHeader = "timestamp,cj amount/satoshi,my input count,my input value/satoshi,cjfee/satoshi,earned/satoshi,confirm time/min,notes\n"

// statementTime is in the time zone of the machine.
const statementTime = "2006/01/02 15:04:05"

// statementFile is where makers write what they earned.
func (a *app) statementFile() string { return filepath.Join(a.cfg.Dir, "logs", "yigen-statement.csv") }

// connectedRow is what each start of a maker writes.
func connectedRow(now time.Time) string { return now.Format(statementTime) + ",,,,,,,Connected\n" }

// earnedRow is a CoinJoin that is in a block.
func earnedRow(now time.Time, e maker.Earned) string {
	return fmt.Sprintf("%s,%d,%d,%d,%d,%d,%s,\n", now.Format(statementTime), e.Amount, e.Coins, e.Value, e.Fee, e.Earning, minutes(e.Waited))
}

// minutes writes a time as the reference writes such a number: rounded to
// hundredths, at least one decimal.
func minutes(d time.Duration) string {
	hundredths := int64((d + 300*time.Millisecond) / (600 * time.Millisecond))
	text := strconv.FormatFloat(float64(hundredths)/100, 'f', -1, 64)
	if hundredths%100 == 0 {
		text += ".0"
	}
	return text
}

// state adds a row to the statement, durably.
func (a *app) state(row string) (err error) {
	path := a.statementFile()
	if info, errStat := os.Stat(path); errors.Is(errStat, fs.ErrNotExist) || errStat == nil && info.Size() == 0 {
		row = statementHeader + row
	}
	f, err := a.files.Append(path, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return durable.Append(f, []byte(row))
}
