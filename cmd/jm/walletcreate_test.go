package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// pen is a person who is asked for words.
type pen struct {
	bytes.Buffer // what was shown
	written      []string
	asked        []int
	slips        int // so many answers are wrong
	silent       bool
}

// Read answers the last question.
func (p *pen) Read(b []byte) (int, error) {
	shown := p.String()
	var at, of int
	if _, err := fmt.Sscanf(shown[strings.LastIndex(shown, "Word "):], "Word %d of %d", &at, &of); err != nil {
		return 0, err
	}
	switch {
	case p.silent:
		return copy(b, "\n"), nil
	case p.slips > 0:
		p.slips--
		return copy(b, "zoo\n"), nil
	}
	p.asked = append(p.asked, at)
	return copy(b, " "+strings.ToUpper(p.written[at-1])+"\n"), nil
}

// TestW6SeedIsCheckedOnPaper: three words of a new wallet are asked for, each
// until it is right, and no word is told.
func TestW6SeedIsCheckedOnPaper(t *testing.T) {
	words := strings.Fields("legal winner thank year wave sausage worth useful legal winner thank yellow")
	check := func(p *pen) string {
		t.Helper()
		p.written = words
		a := &app{term: &terminal{err: p, lines: bufio.NewReader(p), canAsk: true}}
		if err := a.checkWritten(words, "savings"); err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if strings.Contains(p.String(), w) {
				t.Errorf("D9: %s is told:\n%s", w, p.String())
			}
		}
		return p.String()
	}
	good := &pen{}
	if said := check(good); len(good.asked) != checkedWords || good.asked[0] == good.asked[1] || !strings.Contains(said, "These are right") {
		t.Errorf("asked for %v:\n%s", good.asked, said)
	}
	hasty := &pen{slips: 2}
	if said := check(hasty); len(hasty.asked) != checkedWords || strings.Count(said, "Look again") != 2 {
		t.Errorf("asked for %v:\n%s", hasty.asked, said)
	}
	later := &pen{silent: true}
	if said := check(later); len(later.asked) != 0 || strings.Contains(said, "right") || !strings.Contains(said, "jm wallet seed savings") {
		t.Errorf("asked for %v:\n%s", later.asked, said)
	}
}
