package labels

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds of a file.
const (
	maxFile = 32 << 20 // bytes
	maxLine = 64 << 10 // bytes; other programs add fields of their own
)

// ErrFile: a file is not as BIP-329 has it. The text says which line, and why.
var ErrFile = errors.New("not a file of labels (BIP-329)")

// Spend says whether a coin may be spent.
type Spend int8

// The values of Spend.
const (
	Unsaid    Spend = iota // nothing is to be changed
	Spendable              // the coin may be spent
	Frozen                 // it may not
)

// Record is a line of a file.
type Record struct {
	Ref
	Label string // empty: nothing is to be changed
	Spend Spend  // of an Output
}

// Report says what Read did not take as it was.
type Report struct {
	Skipped int // lines about what a wallet keeps no labels for, such as keys
	Altered int // labels that were cut, or had control characters
}

// line is a Record as JSON.
type line struct {
	Type      Type   `json:"type"`
	Ref       string `json:"ref"`
	Label     string `json:"label,omitempty"`
	Spendable *bool  `json:"spendable,omitempty"`
}

// Write writes records, each a line of JSON.
func Write(w io.Writer, records []Record) error {
	buffered := bufio.NewWriter(w)
	enc := json.NewEncoder(buffered)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		l := line{Type: r.Type, Ref: r.Text, Label: r.Label}
		if r.Spend != Unsaid {
			spendable := r.Spend == Spendable
			l.Spendable = &spendable
		}
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("writing labels: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing labels: %w", err)
	}
	return nil
}

// Read reads a file that any wallet may have written: at most 32 MiB in lines
// of at most 64 KiB. It takes all of it or, with ErrFile, nothing. As BIP-329
// wants, it passes over types of records and fields that it does not know.
func Read(r io.Reader) ([]Record, Report, error) {
	var (
		records []Record
		report  Report
	)
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	number := 0
	for lines.Scan() {
		number++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		record, known, err := parse(text)
		if err != nil {
			return nil, Report{}, fmt.Errorf("%w: line %d: %w", ErrFile, number, err)
		}
		if !known {
			report.Skipped++
			continue
		}
		if clean := Clean(record.Label); clean != record.Label {
			record.Label = clean
			report.Altered++
		}
		records = append(records, record)
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, Report{}, fmt.Errorf("%w: line %d: longer than %d bytes", ErrFile, number+1, maxLine)
	case err != nil:
		return nil, Report{}, fmt.Errorf("reading labels: %w", err)
	case limited.N == 0:
		return nil, Report{}, fmt.Errorf("%w: larger than %d MiB", ErrFile, maxFile>>20)
	}
	return records, report, nil
}

// parse reads one line. known is false for records of other types. A field that
// comes twice would be read differently by different programs, so it is
// refused; and a name counts only as it is written, in small letters.
func parse(text []byte) (r Record, known bool, err error) {
	if !utf8.Valid(text) {
		return Record{}, false, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return Record{}, false, errors.New("not a JSON object")
	}
	var kind, ref, label *string
	var spendable *bool
	into := map[string]any{"type": &kind, "ref": &ref, "label": &label, "spendable": &spendable}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return Record{}, false, errors.New("not a JSON object")
		}
		name, _ := token.(string) // what More announces in an object is a name
		if seen[name] {
			return Record{}, false, fmt.Errorf("%.40q comes twice", name)
		}
		seen[name] = true
		field, ok := into[name]
		if !ok {
			field = new(json.RawMessage)
		}
		if err := dec.Decode(field); err != nil {
			return Record{}, false, fmt.Errorf("the value of %.40q is of the wrong kind", name)
		}
	}
	if _, err := dec.Token(); err != nil { // the brace that ends it
		return Record{}, false, errors.New("not a JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return Record{}, false, errors.New("something follows the JSON object")
	}
	if kind == nil || ref == nil {
		return Record{}, false, errors.New("type and ref must be there")
	}
	switch Type(*kind) {
	case Address, Output, Tx:
	default:
		return Record{}, false, nil
	}
	if r.Ref, err = parseRef(Type(*kind), *ref); err != nil {
		return Record{}, false, err
	}
	if label != nil {
		r.Label = *label
	}
	if spendable != nil && r.Type == Output {
		r.Spend = Frozen
		if *spendable {
			r.Spend = Spendable
		}
	}
	return r, true, nil
}
