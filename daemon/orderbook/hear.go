package orderbook

import (
	"errors"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// Hear takes in a public line, or a private message whose signature was
// verified: "!group!group". Offers count in both, a cancel in public only, a
// bond only in private behind an offer. Of an offer that is refused although it
// names its id, the older one of that id is withdrawn. The groups that are not
// the book's affair are returned in their order.
//
// An error tells of what was left out: the line could not be taken apart, or it
// wraps ErrFull. The rest counts nevertheless.
func (b *Book) Hear(src Source, text string) (others []line.Message, err error) {
	p, err := b.hear(src)
	groups, splitErr := line.Split(text)
	if splitErr != nil {
		return nil, splitErr
	}
	offered := false
	for _, group := range groups {
		m, parseErr := line.Parse(group)
		if parseErr != nil {
			var refused *line.Error
			if !errors.As(parseErr, &refused) {
				continue
			}
			if refused.Offer != nil && p != nil {
				b.remove(p, *refused.Offer)
			}
			if refused.Command == protocol.CmdCancel && !src.Signed {
				break // as every peer does
			}
			continue
		}
		switch m := m.(type) {
		case line.Offer:
			offered = true
			err = errors.Join(err, b.offer(p, src, m.Offer))
		case line.Cancel:
			if p != nil && !src.Signed {
				b.remove(p, m.ID)
			}
		case line.TBond:
			if p != nil && src.Signed && offered {
				err = errors.Join(err, b.setBond(p, m.Proof))
			}
		default:
			others = append(others, m)
		}
	}
	return others, err
}

// Met notes that src is on its channel, when what it said is no affair of the
// book. The error is ErrFull.
func (b *Book) Met(src Source) error {
	_, err := b.hear(src)
	return err
}

// offer takes in an offer of p, who is spoken to where it was heard.
func (b *Book) offer(p *peer, src Source, o protocol.Offer) error {
	if p == nil {
		return nil
	}
	if p.proven == "" {
		p.active = src.Channel
	}
	return b.put(p, src.Signed, o)
}
