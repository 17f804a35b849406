package tor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// probeWait bounds the look at one port.
const probeWait = 3 * time.Second

// Place is where a Tor may be, and what was found there.
type Place struct {
	Name    string `json:"name"`              // what it is known for, such as "Tor Browser"
	SOCKS   Port   `json:"socks"`             // for connections
	Control Port   `json:"control"`           // for onion services
	Version string `json:"version,omitempty"` // of Tor, if its control port tells
	// Bootstrap is how much of its way into the network Tor has gone, in
	// percent; -1 if that is not known.
	Bootstrap int `json:"bootstrap"`
}

// Port is a port of a Tor.
type Port struct {
	Address string `json:"address,omitempty"` // host:port or unix:/path; empty: not looked for
	Usable  bool   `json:"usable"`
	// Problem says why it is not usable, and what to do.
	Problem string `json:"problem,omitempty"`
	err     error
}

// there: something answers or is in our way.
func (p Port) there() bool { return p.Usable || p.err != nil && !errors.Is(p.err, ErrNoTor) }

// running reports whether a Tor seems to run here.
func (p Place) running() bool { return p.SOCKS.there() || p.Control.there() }

// Search says where to look.
type Search struct {
	// SOCKS and Control are what is configured; empty: nothing.
	SOCKS, Control string
	// Password of the control port, where it wants one.
	Password control.Credential
	// Folder of the private Tor; empty: it is not looked for.
	Folder string

	usual []Place // where Tor is on most machines
}

// Find looks where a Tor may be, all places at a time, and tells of each that is
// configured or where something is: first the configured ones, then a private
// Tor of another of our processes, the system's and Tor Browser's.
func Find(ctx context.Context, s Search) []Place {
	if s.usual == nil {
		s.usual = usual
	}
	places := s.places()
	var looking sync.WaitGroup
	for i := range places {
		looking.Go(func() { places[i].look(ctx, s) })
	}
	looking.Wait()
	found := places[:0]
	for _, p := range places {
		if p.Name == configured || p.running() {
			found = append(found, p)
		}
	}
	return found
}

// Names of places.
const (
	configured = "configured"
	private    = "private"
)

// usual are the places where Tor is, as packages and Tor Browser set it up.
var usual = []Place{
	{Name: "system", SOCKS: Port{Address: "127.0.0.1:9050"}, Control: Port{Address: "127.0.0.1:9051"}},
	{Name: "system, by sockets", SOCKS: Port{Address: "unix:/run/tor/socks"}, Control: Port{Address: "unix:/run/tor/control"}},
	{Name: "Tor Browser", SOCKS: Port{Address: "127.0.0.1:9150"}, Control: Port{Address: "127.0.0.1:9151"}},
}

// places to look at, each address once.
func (s Search) places() []Place {
	var all []Place
	if s.SOCKS != "" || s.Control != "" {
		all = append(all, Place{Name: configured, SOCKS: Port{Address: s.SOCKS}, Control: Port{Address: s.Control}})
	}
	if s.Folder != "" {
		if control, err := controlPortOf(s.Folder); err == nil {
			all = append(all, Place{Name: private, Control: Port{Address: control}})
		}
	}
	all = append(all, s.usual...)
	seen := make(map[string]bool)
	for i := range all {
		for _, port := range []*Port{&all[i].SOCKS, &all[i].Control} {
			key := numeric(port.Address)
			if runtime.GOOS == "windows" && strings.HasPrefix(key, unixPrefix) || seen[key] {
				port.Address = ""
			}
			seen[key] = true
		}
	}
	return all
}

// numeric is an address without the name of this machine.
func numeric(address string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		return "127.0.0.1:" + port
	}
	return address
}

// look fills in what is at the place.
func (p *Place) look(ctx context.Context, s Search) {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	p.Bootstrap = -1
	if p.Control.Address != "" {
		p.Control.set(p.lookControl(ctx, s))
	}
	if p.SOCKS.Address != "" {
		p.SOCKS.set(probeSOCKS(ctx, p.SOCKS.Address))
	}
}

func (p *Port) set(err error) {
	if p.err, p.Usable = err, err == nil; err != nil {
		p.Problem = explain(p.Address, err)
	}
}

func (p *Place) lookControl(ctx context.Context, s Search) error {
	c, err := open(ctx, p.Control.Address, nil)
	if err != nil {
		return err
	}
	defer c.close()
	var g greeting
	if p.Name == private {
		g, err = c.loginOwn(ctx, s.Folder)
	} else {
		g, err = c.login(ctx, s.Password, true)
	}
	p.Version = g.version
	if err != nil {
		return err
	}
	if phase, err := c.info(ctx, "status/bootstrap-phase"); err == nil {
		p.Bootstrap = progressOf(phase)
	}
	if p.Name == private {
		p.SOCKS.Address, err = c.socksPort(ctx)
	}
	return err
}

// progressOf reads "NOTICE BOOTSTRAP PROGRESS=85 TAG=... SUMMARY=...".
func progressOf(phase string) int {
	for word := range strings.FieldsSeq(phase) {
		if text, ok := strings.CutPrefix(word, "PROGRESS="); ok {
			if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= 100 {
				return n
			}
		}
	}
	return -1
}

// socksPort asks Tor where it listens for connections.
func (c *conn) socksPort(ctx context.Context) (string, error) {
	text, err := c.info(ctx, "net/listeners/socks")
	if err != nil {
		return "", err
	}
	address, ok := unquote(text)
	if _, _, err := net.SplitHostPort(address); !ok || err != nil {
		return "", fmt.Errorf("%w: its SOCKS port is %.100q", ErrNotTor, text)
	}
	return address, nil
}

func probeSOCKS(ctx context.Context, address string) error {
	nc, err := dialLocal(ctx, address)
	if err != nil {
		return err
	}
	defer nc.Close()
	return within(ctx, nc, func() error {
		_, err := greet(nc)
		return err
	})
}

// explain is what a user makes of an error.
func explain(address string, err error) string {
	path, isUnix := strings.CutPrefix(address, unixPrefix)
	switch {
	case isUnix && errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrAuth):
		return "this user may not open it: " + joinGroup(path)
	case errors.Is(err, ErrNoTor) && (errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)):
		return "nothing listens there"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + probeWait.String()
	}
	return err.Error()
}

// Advice is what to do next, in sentences, for what Find has found: about
// connections, and about onion services. start is that of AccessConfig; program
// tells that Tor's is here. Where all is well it says which Tor is used.
func Advice(found []Place, start string, program bool) (connections, services string) {
	if start == StartAlways {
		found = slices.DeleteFunc(slices.Clone(found), func(p Place) bool { return p.Name != private })
	}
	canStart := program && start != StartNever
	connections = advice(found, canStart, "Connections", func(p Place) Port { return p.SOCKS })
	services = advice(found, canStart, "Onion services", func(p Place) Port { return p.Control })
	return connections, services
}

func advice(found []Place, canStart bool, what string, of func(Place) Port) string {
	barred := "" // the first port that something can be done about
	for _, p := range found {
		switch port := of(p); {
		case port.Usable:
			return fmt.Sprintf("%s use %s (%s).", what, port.Address, p.Name)
		case barred == "" && port.there():
			barred = fmt.Sprintf(" Or for %s: %s.", port.Address, port.Problem)
		}
	}
	if canStart {
		return what + " use a private Tor, which is started when it is needed." + barred
	}
	return what + " have no Tor. Install it (Debian: sudo apt install tor), or start yours." + barred
}
