package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Split takes a public line, or the groups of a private message, apart. It
// drops the '!' of each group and nothing else, so joining the groups with '!'
// gives the line back. The one exception is an empty group in front, as in the
// "!!orderbook" of joinmarket-ng, which is left out.
//
// A line that asks for the order book more than once is refused whole: the
// answer is much larger than the question (protocol: commands). The reader of
// the groups skips those that Parse does not know, and stops at a broken cancel.
func Split(text string) ([]string, error) {
	if !protocol.Printable(text) {
		return nil, &Error{Err: ErrText}
	}
	text, ok := strings.CutPrefix(text, "!")
	if !ok {
		return nil, &Error{Err: ErrPrefix}
	}
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		text = rest
	}
	groups := strings.SplitN(text, "!", protocol.MaxGroups+1)
	if len(groups) > protocol.MaxGroups {
		return nil, &Error{Err: ErrGroups}
	}
	asked := false
	for _, g := range groups {
		name, _, _ := strings.Cut(g, " ")
		if protocol.Command(name) != protocol.CmdOrderbook {
			continue
		}
		if asked {
			return nil, &Error{Err: ErrFlood}
		}
		asked = true
	}
	return groups, nil
}
