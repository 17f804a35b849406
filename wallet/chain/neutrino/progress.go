package neutrino

import "github.com/joinmarket-go/joinmarket/wallet/chain"

var _ chain.Progresser = (*Backend)(nil)

// What Progress calls the work.
const (
	downloading = "downloading the headers of the chain"
	searching   = "searching the chain for the wallet's history"
)

// Progress implements chain.Progresser. The search needs the headers first.
func (b *Backend) Progress() (chain.Progress, bool) {
	if p, on := b.searching.Progress(); on {
		return p, true
	}
	return b.download.Progress()
}

// measure keeps the measure of the download: of block headers and filter headers
// up to the height that the peers claim. It takes and returns the height that is
// measured to, 0 while there is nothing to download or nobody to ask.
func (b *Backend) measure(s state, goal int32) int32 {
	done := int64(s.headers) + int64(s.filters)
	switch {
	case s.complete() || s.claimed == 0:
		b.download.End()
		return 0
	case s.claimed != goal:
		b.download.Begin(downloading, 0, done, 2*int64(s.claimed))
	default:
		b.download.At(done)
	}
	return s.claimed
}
