package playground

import (
	"context"
	"net"
	"strings"

	"github.com/joinmarket-go/joinmarket/daemon/directory"
)

// directories is how many there are. With two, the market does not depend on one.
const directories = 2

// startDirectories runs directories on loopback ports.
func (m *Market) startDirectories(run context.Context) error {
	for range directories {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		d, err := directory.New(directory.Config{Network: "regtest", Loopback: true, Logger: m.cfg.Logger})
		if err != nil {
			listener.Close()
			return err
		}
		m.nodes = append(m.nodes, listener)
		m.group.Go(func() error { return d.Run(run) })
		m.group.Go(func() error {
			defer d.Stop(context.WithoutCancel(run), 0)
			defer context.AfterFunc(run, func() { listener.Close() })()
			for {
				nc, err := listener.Accept()
				if run.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				m.group.Go(func() error { d.Handle(nc); return nil })
			}
		})
	}
	return nil
}

// onionPlace are the directories as keys of a message channel.
func (m *Market) onionPlace() string {
	var all []string
	for _, l := range m.nodes {
		all = append(all, l.Addr().String())
	}
	return "type = onion\ndirectory_nodes = " + strings.Join(all, ", ") + "\n# On this machine and without Tor.\nregtest_count = 1,1\n"
}
