package tor

import "context"

// Info asks the control port of a private Tor.
func (p *Private) Info(ctx context.Context, key string) (string, error) {
	r, err := p.owner.do(ctx, "GETINFO "+key)
	text := ""
	for _, l := range r.lines {
		text += l.text + "\n"
		for _, d := range l.data {
			text += d + "\n"
		}
	}
	return text, err
}

// Abandon drops the connection by which we own a Tor, as a crash does.
func (p *Private) Abandon() { p.owner.close() }
