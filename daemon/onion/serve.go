package onion

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

const (
	// maxInbound is how many direct connections may come in at a time.
	maxInbound = 256
	// firstWord is how old a connection must be that makes room for another
	// because nothing of it is proven.
	firstWord = time.Minute
	// publishAgain is the longest wait before a service is published again.
	publishAgain = 10 * time.Minute
	// acceptAgain is the wait after a connection could not be accepted.
	acceptAgain = time.Second
)

// unpublished tells operators that there is no service.
func (c *Channel) unpublished(err error) {
	c.log.Warn("onion service not published: takers reach us through directories only", "err", err)
}

// Serve implements channel.Server. A maker does not dial others. Directories that
// are connected already are told where we are once that is known.
func (c *Channel) Serve() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serving {
		return
	}
	c.serving = true
	c.taskLocked(func(ctx context.Context) { c.listen(ctx) })
}

// listen listens, and publishes where. It returns when directories can be told, or
// when that will take too long for them to wait; false if ctx ended.
func (c *Channel) listen(ctx context.Context) bool {
	c.mu.Lock()
	again := c.listening
	c.listening = true
	c.mu.Unlock()
	if again || c.cfg.Serving == nil {
		return true
	}
	if listener, err := c.open(ctx); err == nil {
		return c.welcome(ctx, listener)
	} else if ctx.Err() != nil {
		return false
	}
	return c.task(c.listenLater)
}

// open opens the port to listen on.
func (c *Channel) open(ctx context.Context) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.cfg.Serving.Listen)
	if err != nil && ctx.Err() == nil {
		c.unpublished(err)
	}
	return listener, err
}

// listenLater listens when that is possible, such as when another program gave the
// port free.
func (c *Channel) listenLater(ctx context.Context) {
	var wait backoff
	for {
		select {
		case <-time.After(wait.next(0, true)):
		case <-ctx.Done():
			return
		}
		if listener, err := c.open(ctx); err == nil {
			c.welcome(ctx, listener)
			return
		}
	}
}

// welcome accepts connections of a listener from now on, and publishes it; false if
// ctx ended.
func (c *Channel) welcome(ctx context.Context, listener net.Listener) bool {
	if !c.task(func(ctx context.Context) { c.accept(ctx, listener) }) {
		listener.Close()
		return false
	}
	return c.publish(ctx, listener.Addr())
}

// publish has the listener's location known. Without a service we take part
// nevertheless: directories pass on what is for us.
func (c *Channel) publish(ctx context.Context, local net.Addr) bool {
	if c.cfg.Serving.Publish == nil {
		c.move(onion.Location(local.String()))
		return true
	}
	var once sync.Once
	ready := make(chan struct{})
	c.task(func(ctx context.Context) {
		c.keepPublished(ctx, local, func() { once.Do(func() { close(ready) }) })
	})
	select {
	case <-ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepPublished publishes the service whenever there is none. tried is called
// after the first attempt.
func (c *Channel) keepPublished(ctx context.Context, local net.Addr, tried func()) {
	var wait backoff
	for {
		service, err := c.cfg.Serving.Publish(ctx, local)
		if err == nil && !onion.IsOnion(service.Address()) {
			service.Close()
			err = fmt.Errorf("%w: %.80q", onion.ErrLocation, service.Address())
		}
		if ctx.Err() != nil {
			if err == nil {
				service.Close()
			}
			return
		}
		lasted := time.Duration(0)
		if err == nil {
			wait = backoff{}
			began := time.Now()
			c.move(onion.Location(fmt.Sprintf("%s:%d", service.Address(), onion.Port)))
			c.log.Info("onion service is published")
			tried()
			select {
			case <-service.Done():
			case <-ctx.Done():
				service.Close()
				return
			}
			service.Close()
			lasted = time.Since(began)
			c.log.Warn("onion service is gone; publishing it again")
		} else {
			c.unpublished(err)
			c.move(onion.NotServing)
		}
		tried()
		select {
		case <-time.After(min(wait.next(0, true), publishAgain) / time.Duration(1+min(lasted/stableAfter, 3))):
		case <-ctx.Done():
			return
		}
	}
}

// move notes where we can be reached, and tells the directories, which is done by
// a hello on another connection.
func (c *Channel) move(at onion.Location) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.location == at {
		return
	}
	c.location = at
	for _, d := range c.upDirectories() {
		d.hurry = true
		d.link.conn.Close()
	}
}

// accept serves connections until ctx ends.
func (c *Channel) accept(ctx context.Context, listener net.Listener) {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil {
			select {
			case <-time.After(acceptAgain):
			case <-ctx.Done():
			}
			continue
		}
		c.admit(conn)
	}
}

// admit serves a connection that came in, or closes it if there are too many.
func (c *Channel) admit(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ctx == nil:
		conn.Close()
		return
	case c.inbound >= maxInbound:
		c.makeRoom()
		conn.Close()
		return
	}
	l := c.newLink(conn)
	l.hello, l.rate = helloTimeout, rate.New(inboundRate)
	c.inbound++
	c.taskLocked(func(ctx context.Context) {
		err := c.talk(ctx, l)
		c.log.Debug("inbound connection ended", "err", err)
	})
}

// makeRoom closes one of the connections of which nothing is proven, at random,
// for the next that comes; mu is held. Who fills all places so keeps none.
func (c *Channel) makeRoom() {
	var idle []*link
	for _, l := range c.links {
		if l.dir == nil && l.want == "" && !l.proven && time.Since(l.last) > firstWord {
			idle = append(idle, l)
		}
	}
	if len(idle) > 0 {
		idle[random.N(len(idle))].conn.Close()
	}
}
