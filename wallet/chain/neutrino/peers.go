package neutrino

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	light "github.com/lightninglabs/neutrino"
	"github.com/lightninglabs/neutrino/banman"
	"github.com/lightninglabs/neutrino/query"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

const (
	// lookEvery is how often the progress of the download is looked at.
	lookEvery = time.Second
	// forgiveEvery is how often configured peers are given another chance.
	forgiveEvery = time.Minute
	// medianSpan is how many blocks the median time is of (BIP 113).
	medianSpan = 11
)

// stallTime is how long a peer may promise blocks and give none. Tests shorten
// it.
var stallTime = time.Minute

// peers is what is known about those that are connected.
type peers struct {
	mu        sync.Mutex // protects the fields below
	connected map[*light.ServerPeer]bool
	seen      map[string]bool // addresses of configured ones that were connected
	// moved is when the chain was complete last, or grew; alive also counts that
	// a peer came.
	moved, alive time.Time
	news         chan struct{} // closed and replaced when any of this changes
}

// startFollowing begins to watch the peers and the chain.
func (b *Backend) startFollowing() error {
	b.peers = peers{
		connected: make(map[*light.ServerPeer]bool), seen: make(map[string]bool),
		alive: time.Now(), news: make(chan struct{}),
	}
	blocks, err := (&light.RescanChainSource{ChainService: b.service}).Subscribe(0)
	if err != nil {
		return err
	}
	arriving, unsubscribe, err := b.service.ConnectedPeers()
	if err != nil {
		return err
	}
	go func() {
		defer close(b.followed)
		defer blocks.Cancel()
		defer unsubscribe()
		var waits sync.WaitGroup // for peers to go
		defer waits.Wait()
		left := make(chan *light.ServerPeer)
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		p := progress{grown: time.Now()}
		var resent time.Time
		for {
			select {
			case <-b.ctx.Done():
				return
			case arrived := <-arriving:
				if peer, ok := arrived.(*light.ServerPeer); ok {
					b.peers.arrive(peer)
					waits.Go(func() { waitFor(b.ctx, arrived, left) })
				}
			case peer := <-left:
				b.peers.leave(peer)
			case <-blocks.Notifications:
			case <-look.C:
				b.look(&p)
				if time.Since(resent) >= resendEvery && b.state().complete() {
					resent = time.Now()
					waits.Go(b.resend)
				}
				continue
			}
			b.peers.tell()
			b.changed()
		}
	}()
	return nil
}

// waitFor passes a peer on when it has gone.
func waitFor(ctx context.Context, peer query.Peer, left chan<- *light.ServerPeer) {
	select {
	case <-peer.OnDisconnect():
	case <-ctx.Done():
		return
	}
	select {
	case left <- peer.(*light.ServerPeer):
	case <-ctx.Done():
	}
}

func (p *peers) arrive(peer *light.ServerPeer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected[peer] = true
	p.alive = time.Now()
}

func (p *peers) leave(peer *light.ServerPeer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.connected, peer)
	p.seen[peer.Addr()] = true
}

func (p *peers) list() []*light.ServerPeer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.connected))
}

// tell wakes those that wait in ready.
func (p *peers) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.news)
	p.news = make(chan struct{})
}

// state is how far the download of the chain is.
type state struct {
	peers   int
	claimed int32 // height that most peers have, as they say
	headers int32 // height of the last header
	filters int32 // height of the last filter header
	last    *wire.BlockHeader
	current bool // the library thinks that this is all
	err     error
}

// complete reports whether the chain is as long as the peers say. One peer that
// claims too much does not count.
func (s state) complete() bool {
	return s.err == nil && s.peers > 0 && s.current && s.filters == s.headers && s.headers >= s.claimed
}

// state looks at the peers and the store.
func (b *Backend) state() state {
	var s state
	var claims []int32
	for _, peer := range b.peers.list() {
		claims = append(claims, peer.LastBlock())
	}
	if s.peers = len(claims); s.peers > 0 {
		slices.Sort(claims)
		s.claimed = claims[(len(claims)-1)/2]
	}
	s.current = b.service.IsCurrent()
	last, height, err := b.service.BlockHeaders.ChainTip()
	if err != nil {
		return state{err: err}
	}
	_, filters, err := b.service.RegFilterHeaders.ChainTip()
	if err != nil {
		return state{err: err}
	}
	s.last, s.headers, s.filters = last, int32(height), int32(filters)
	return s
}

// ready waits until the chain is complete, and returns its end. It gives up when
// nothing has been well for the time of patience, or did not become so since it
// was called, whoever comes and goes.
func (b *Backend) ready(ctx context.Context) (chain.Tip, error) {
	for began := time.Now(); ; {
		b.peers.mu.Lock()
		news, moved, alive := b.peers.news, b.peers.moved, b.peers.alive
		b.peers.mu.Unlock()
		if err := context.Cause(ctx); err != nil {
			return chain.Tip{}, err
		}
		if b.ctx.Err() != nil {
			return chain.Tip{}, errClosed
		}
		s := b.state()
		if s.complete() {
			return b.tip()
		}
		if moved.Before(began) {
			moved = began
		}
		left := b.cfg.Patience - max(time.Since(alive), time.Since(moved))
		if left <= 0 {
			return chain.Tip{}, b.unreachable(s)
		}
		timer := time.NewTimer(min(left, lookEvery))
		select {
		case <-news:
		case <-timer.C:
		case <-ctx.Done():
		case <-b.ctx.Done():
		}
		timer.Stop()
	}
}

// unreachable says what is missing.
func (b *Backend) unreachable(s state) error {
	why := ""
	if err := b.network.failure(); err != nil {
		why = fmt.Sprintf(" (%v)", err)
	}
	switch {
	case s.err != nil:
		return fmt.Errorf("the light client's database in %s: %w", b.cfg.Dir, s.err)
	case s.peers == 0 && len(b.cfg.Peers) > 0:
		return fmt.Errorf("%w: the light client has no connection to %s%s: check that it runs on %s and serves compact filters "+
			"(Bitcoin Core: blockfilterindex=1 and peerblockfilters=1)", chain.ErrUnreachable, strings.Join(b.cfg.Peers, ", "), why, b.cfg.Params.Name)
	case s.peers == 0:
		return fmt.Errorf("%w: the light client found no peer that serves compact filters%s: check the network connection and the proxy, "+
			"or configure a peer", chain.ErrUnreachable, why)
	}
	return fmt.Errorf("%w: the peers of the light client do not give the chain after block %d of %s (filters after %d): wait, or configure other peers",
		chain.ErrUnreachable, s.headers, s.last.Timestamp.UTC().Format(time.DateOnly), s.filters)
}

// progress is what look remembers.
type progress struct {
	headers, filters int32
	goal             int32     // height that is measured to; 0: nothing is downloaded
	grown            time.Time // when one of these grew last, or a peer was dropped
	forgiven         time.Time
}

// look notes how the download goes on, and acts when it does not.
func (b *Backend) look(p *progress) {
	s, now := b.state(), time.Now()
	if s.err != nil {
		b.log.Error("the light client cannot read its database", "err", s.err)
		return
	}
	grown := s.headers != p.headers || s.filters != p.filters
	if grown || s.complete() || s.peers == 0 {
		p.grown = now
	}
	if s.complete() || grown {
		b.peers.mu.Lock()
		b.peers.moved, b.peers.alive = now, now
		b.peers.mu.Unlock()
	}
	p.headers, p.filters = s.headers, s.filters
	p.goal = b.measure(s, p.goal)
	switch {
	case s.peers == 0:
		if now.Sub(p.forgiven) >= forgiveEvery {
			p.forgiven = now
			if err := b.forgive(); err != nil {
				b.log.Warn("the light client cannot give its peers another chance", "err", err)
			}
		}
	case s.complete():
	case now.Sub(p.grown) >= stallTime:
		p.grown = now
		b.dropBoaster(s.headers)
	}
}

// dropBoaster disconnects the peer that claims the most blocks beyond a height,
// if there are others. The library downloads from that one, however long it
// gives nothing.
func (b *Backend) dropBoaster(height int32) {
	peers := b.peers.list()
	if len(peers) < 2 {
		return
	}
	var boaster *light.ServerPeer
	for _, peer := range peers {
		if claim := peer.LastBlock(); claim > height {
			boaster, height = peer, claim
		}
	}
	if boaster == nil {
		return
	}
	b.log.Warn("a peer claims blocks that it does not give: disconnecting it", "peer", boaster.Addr(), "claims", height)
	if len(b.cfg.Peers) == 0 {
		b.service.BanPeer(boaster.Addr(), banman.ExceededBanThreshold)
	}
	boaster.Disconnect()
}

// forgive lifts the bans of configured peers, of which there are no others: the
// library bans for a day, also for what happens in a reorganisation.
func (b *Backend) forgive() error {
	if len(b.cfg.Peers) == 0 {
		return nil
	}
	bans, err := banman.NewStore(b.db)
	if err != nil {
		return err
	}
	b.peers.mu.Lock()
	addrs := slices.Clone(b.cfg.Peers)
	for addr := range b.peers.seen {
		addrs = append(addrs, addr)
	}
	b.peers.mu.Unlock()
	for _, addr := range addrs {
		network, err := banman.ParseIPNet(addr, nil)
		if err != nil {
			continue // a name; its address is among those seen
		}
		if err := bans.UnbanIPNet(network); err != nil {
			return err
		}
	}
	return nil
}
