package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
)

// Neutrino is the Source that is a light client.
const Neutrino = "neutrino"

// maxPeers bounds neutrino_peers.
const maxPeers = 100

// plainHost is a name or an address.
var plainHost = regexp.MustCompile(`^[0-9A-Za-z.:_-]{1,255}$`)

func setPeers(c *Config, v string) error {
	c.Blockchain.Peers = nil
	if v == "" {
		return nil
	}
	peers := strings.Split(v, ",")
	if len(peers) > maxPeers {
		return fmt.Errorf("want at most %d nodes", maxPeers)
	}
	for _, peer := range peers {
		peer = strings.TrimSpace(peer)
		named := plainHost.MatchString(peer) && !strings.Contains(peer, ":")
		if !named && checkHostPort(peer) != nil {
			return errors.New("want host or host:port, several of them separated by commas; of an IPv6 address, [address]:port")
		}
		c.Blockchain.Peers = append(c.Blockchain.Peers, peer)
	}
	return nil
}

func setProxy(c *Config, v string) error {
	c.Blockchain.Proxy = v
	if v == "" {
		return nil
	}
	return checkHostPort(v)
}

// checkHostPort accepts host:port with a number as port.
func checkHostPort(v string) error {
	host, number, err := net.SplitHostPort(v)
	if err == nil && plainHost.MatchString(host) {
		if _, err := integer(number, 1, 65535); err == nil {
			return nil
		}
	}
	return errors.New("want host:port, such as localhost:9050")
}
