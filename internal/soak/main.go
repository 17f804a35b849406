// Command soak runs the real joinmarketd against a real ngIRCd, with honest
// makers and takers in conversation and hostile nicks around them, for as long
// as it is told. It samples what the daemon takes (memory, goroutines, files,
// processor) and how fast it is, shows that over time in the terminal and as a
// PNG, and says whether anything grows. It needs Linux, and no network.
//
// Clients are scripted and there is no Bitcoin: the daemon asks its clients for
// every signature and verdict, and these sign with hashes.
//
//	person   answers the daemon's questions
//	market   what all share: the daemon, the server, the honest makers
//	maker, taker, deserter   clients
//	guest    a raw IRC connection: attacks, and the ping that is timed
//	process  joinmarketd from outside
//	series, chart, png   what was seen
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// options say how to soak.
type options struct {
	length  time.Duration
	daemon  string        // joinmarketd's executable
	png     string        // file to write; empty: none
	pace    time.Duration // between two lines of a client of the daemon
	makers  int           // honest ones; at least perFill
	takers  int           // at a time; each does one CoinJoin after the other
	hostile int           // raw nicks
}

func main() {
	o := options{}
	flag.DurationVar(&o.length, "for", 10*time.Minute, "how long")
	flag.StringVar(&o.daemon, "daemon", "bin/joinmarketd", "the daemon's executable")
	flag.StringVar(&o.png, "png", "", "write the plot to this file as well")
	flag.DurationVar(&o.pace, "pace", control.DefaultLineInterval, "of the daemon: the time between two lines. ngIRCd does not like it much shorter for long")
	flag.IntVar(&o.makers, "makers", 12, "honest makers")
	flag.IntVar(&o.takers, "takers", 6, "honest takers at a time")
	flag.IntVar(&o.hostile, "hostile", 60, "hostile nicks at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run soaks and returns the exit status: 0 nothing grows and no conversation
// failed, 1 otherwise, 2 it could not be done. An interrupt ends it early, with
// a verdict.
func run(ctx context.Context, o options, out, errw io.Writer) int {
	r, err := soak(ctx, o, errw)
	if err != nil {
		fmt.Fprintf(errw, "soak: %v\n", err)
		return 2
	}
	r.write(out)
	if o.png != "" {
		if err := r.writePNG(o.png); err != nil {
			fmt.Fprintf(errw, "soak: %v\n", err)
			return 2
		}
	}
	if len(r.faults()) > 0 {
		return 1
	}
	return 0
}

// sampleEvery is how often the daemon is looked at.
const sampleEvery = time.Second

// soak runs everything and tells what was seen.
func soak(ctx context.Context, o options, errw io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m, err := newMarket(o, dir)
	if err != nil {
		return nil, err
	}
	defer m.stop()
	ctx, cancel := context.WithTimeout(ctx, o.length)
	defer cancel()
	m.fill(ctx)
	r := newReport()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		s, err := m.daemon.look()
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, m.daemon.log())
		}
		r.add(s, m.seen.take())
		if n := len(r.at); n%60 == 0 {
			fmt.Fprintln(errw, r.line())
		}
	}
	left := make(chan struct{})
	go func() { m.wait(); close(left) }()
	select {
	case <-left:
	case <-time.After(conversationWait + time.Minute):
		r.ending = append(r.ending, "some who took part did not end")
	}
	r.add(sample{}, m.seen.take())
	if err := m.daemon.end(); err != nil {
		r.ending = append(r.ending, err.Error())
	}
	return r, nil
}
