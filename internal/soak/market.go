package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"sync"
	"time"

	client "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// errNoServer: what soaks needs is not there.
var errNoServer = errors.New("ngircd not found: install the package ngircd")

// market is what all who take part share.
type market struct {
	o       options
	server  string // host:port
	daemon  *process
	stopIRC func()
	seen    *seen

	takers, others sync.WaitGroup
	endMakers      context.CancelFunc

	mu     sync.Mutex
	makers []protocol.Nick // honest and in the market
}

// newMarket starts the server and the daemon, which keep their files in dir.
func newMarket(o options, dir string) (*market, error) {
	if o.makers < perFill {
		return nil, fmt.Errorf("at least %d makers", perFill)
	}
	s, err := ircserver.StartNgIRCd(dir, ircserver.Options{})
	if errors.Is(err, exec.ErrNotFound) {
		err = errNoServer
	}
	if err != nil {
		return nil, err
	}
	m := &market{o: o, server: s.Address, stopIRC: s.Stop, seen: new(seen)}
	if m.daemon, err = startDaemon(o, dir, s.Address); err != nil {
		s.Stop()
		return nil, err
	}
	return m, nil
}

// fill sends everybody to the market, until ctx ends.
func (m *market) fill(ctx context.Context) {
	again := func(ctx context.Context, wg *sync.WaitGroup, who string, live func(context.Context) error) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := live(ctx); err != nil && ctx.Err() == nil {
					m.seen.trouble(who, err)
					pause(ctx, time.Second)
				}
			}
		})
	}
	for range m.o.takers {
		again(ctx, &m.takers, "taker", m.taker)
	}
	for _, a := range hostile(m.o.hostile) {
		again(ctx, &m.others, a.name, func(ctx context.Context) error { return a.visit(ctx, m) })
	}
	again(ctx, &m.others, "ping", m.ping)
	again(ctx, &m.others, "deserter", m.deserter)
	again(ctx, &m.others, "noise", m.noise)
	m.others.Go(func() { m.daemon.reload(ctx) })
	// Makers serve to the end the takers that are under way when the soak ends.
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	m.endMakers = end
	for range m.o.makers {
		again(serving, &m.others, "maker", m.maker)
	}
}

// wait waits until all have left.
func (m *market) wait() {
	m.takers.Wait()
	m.endMakers()
	m.others.Wait()
}

// stop ends daemon and server. Both may have ended.
func (m *market) stop() {
	m.daemon.cmd.Process.Kill()
	<-m.daemon.ended
	m.stopIRC()
}

// came and went keep the list of honest makers.
func (m *market) came(n protocol.Nick) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.makers = append(m.makers, n)
}

func (m *market) went(n protocol.Nick) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.makers = slices.DeleteFunc(m.makers, func(x protocol.Nick) bool { return x == n })
}

// honest are the makers that hold what they promise, in random order.
func (m *market) honest() []protocol.Nick {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.makers)
	random.Shuffle(list)
	return list
}

// connection is a client's way to the daemon, which can be cut.
type connection struct {
	m  *market
	mu sync.Mutex
	nc net.Conn
}

func (c *connection) dial(ctx context.Context) (net.Conn, control.Secret, error) {
	nc, secret, err := client.Dial(ctx, client.Config{Address: c.m.daemon.socket})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc = nc
	return nc, secret, err
}

// cut breaks it, as a network would; a client comes back.
func (c *connection) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc != nil {
		c.nc.Close()
	}
}

// enter brings a client to the market. leave must be called.
func (m *market) enter(ctx context.Context, role control.Role) (p person, d *client.Daemon, c *connection, leave func(), err error) {
	p, c = newPerson(), &connection{m: m}
	d, err = client.Open(ctx, c.dial, control.Config{Software: "soak"}, p)
	if err != nil {
		return p, nil, nil, nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(context.WithoutCancel(ctx))
	}()
	leave = func() {
		d.Close()
		for range d.Events() {
		}
		<-ended
	}
	_, err = d.Start(ctx, control.StartRequest{Role: role, Nick: p.nick, Network: network})
	for err == nil {
		var ready bool
		select {
		case ev, open := <-d.Events():
			if _, ready = ev.(control.ReadyEvent); ready {
				return p, d, c, leave, nil
			}
			if !open {
				err = d.Err()
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	leave()
	return p, nil, nil, nil, err
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
