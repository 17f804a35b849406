package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// onionKeys are the keys of an onion channel and their defaults. That of the last
// is ours.
var onionKeys = map[string]string{
	"type":               "",
	"socks5_host":        "localhost",
	"socks5_port":        "9050",
	"tor_control_host":   "localhost",
	"tor_control_port":   "9051",
	"onion_serving_host": "127.0.0.1",
	"onion_serving_port": "0", // of the reference: 8080, where one maker only finds room
	"hidden_service_dir": "",
	"directory_nodes":    "",
	"regtest_count":      "0,0",
	"onion_key_file":     "",
}

// addOnion reads a [MESSAGING:name] section with type = onion.
func (c *Config) addOnion(name string, section *ini.Section) error {
	for _, other := range c.Channels {
		if other.Type == control.TypeOnion {
			return fmt.Errorf("%w: [%s%s] type: [%s%s] is an onion channel too, and there can be only one; name all directories in it",
				ErrConfig, channelPrefix, name, channelPrefix, other.Name)
		}
	}
	get := func(key string) string {
		if !section.HasKey(key) {
			return ""
		}
		return value(section.Key(key))
	}
	for _, key := range section.Keys() {
		if _, known := onionKeys[key.Name()]; !known {
			c.warn("[%s%s] %s is unknown and ignored; is it misspelt?", channelPrefix, name, key.Name())
		}
	}
	ch, err := OnionChannel(name, get)
	if err != nil {
		return fmt.Errorf("%w: [%s%s] %w", ErrConfig, channelPrefix, name, err)
	}
	c.OnionKeyFile, c.OnionServiceDir = inDir(c, get("onion_key_file")), inDir(c, get("hidden_service_dir"))
	if c.OnionServiceDir != "" && (c.OnionKeyFile != "" || strings.HasSuffix(ch.Serving, ":0")) {
		return fmt.Errorf("%w: [%s%s] hidden_service_dir: set onion_serving_port to the port that Tor's HiddenServicePort leads to, and no onion_key_file",
			ErrConfig, channelPrefix, name)
	}
	c.Channels = append(c.Channels, ch)
	return nil
}

// OnionChannel is the onion channel that the keys of a section describe, as get
// has them; empty ones have their defaults. The error names the key.
func OnionChannel(name string, get func(key string) string) (ch control.ChannelConfig, err error) {
	or := func(key string) string { return cmp.Or(get(key), onionKeys[key]) }
	ch = control.ChannelConfig{Name: name, Type: control.TypeOnion}
	if ch.Loopback, err = withoutTor(or("regtest_count")); err != nil {
		return ch, fmt.Errorf("regtest_count: %w", err)
	}
	if ch.Directories, err = directories(or("directory_nodes"), ch.Loopback); err != nil {
		return ch, fmt.Errorf("directory_nodes: %w", err)
	}
	if !ch.Loopback {
		if ch.SOCKS5, err = address(or("socks5_host"), or("socks5_port")); err != nil {
			return ch, fmt.Errorf("socks5_host and socks5_port: %w", err)
		}
		if ch.TorControl, err = address(or("tor_control_host"), or("tor_control_port")); err != nil {
			return ch, fmt.Errorf("tor_control_host and tor_control_port: %w", err)
		}
	}
	if ch.Serving, err = servingAddress(or("onion_serving_host"), or("onion_serving_port")); err != nil {
		return ch, fmt.Errorf("onion_serving_host and onion_serving_port: %w", err)
	}
	return ch, ch.Validate()
}

// checkOnion refuses the testing mode where there is something to lose.
func (c *Config) checkOnion() error {
	for _, ch := range c.Channels {
		if ch.Loopback && (c.Blockchain.Network == "mainnet" || c.Blockchain.Network == "signet") && c.Blockchain.Source != "regtest" {
			return fmt.Errorf("%w: [%s%s] regtest_count: without Tor, for tests on one machine, network must be regtest or testnet, not %s; write 0,0 to use Tor",
				ErrConfig, channelPrefix, ch.Name, c.Blockchain.Network)
		}
	}
	return nil
}

// withoutTor reads regtest_count: two numbers, of which one that is not 0 asks for
// the testing mode without Tor.
func withoutTor(v string) (bool, error) {
	a, b, ok := strings.Cut(v, ",")
	first, errA := strconv.ParseUint(strings.TrimSpace(a), 10, 16)
	second, errB := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
	if !ok || errA != nil || errB != nil {
		return false, fmt.Errorf("%.40q: want two numbers; 0,0 to use Tor", v)
	}
	return first != 0 || second != 0, nil
}

// directories reads a comma list of locations.
func directories(v string, loopback bool) (all []string, err error) {
	for text := range strings.SplitSeq(v, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		at, err := onion.ParseLocation(text, loopback)
		if err != nil || !at.Serving() {
			return nil, fmt.Errorf("%.80q is no directory: want an onion service of version 3 and its port, 56 characters and .onion:5222", text)
		}
		all = append(all, text)
	}
	switch {
	case len(all) == 0:
		return nil, errors.New("none is named: want a comma list of host:port")
	case len(all) > control.MaxDirectories:
		return nil, fmt.Errorf("%d of them; at most %d", len(all), control.MaxDirectories)
	}
	return all, nil
}

// address is host:port, or unix:/path, of which the port is ignored.
func address(host, port string) (string, error) {
	if strings.HasPrefix(host, "unix:") {
		return host, nil
	}
	if _, err := integer(port, 1, 65535); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

// servingAddress is where a maker listens; Tor connects to it from this machine.
func servingAddress(host, port string) (string, error) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("%.60q: want an address of this machine alone, such as 127.0.0.1, to which Tor connects", host)
	}
	if _, err := integer(port, 0, 65535); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}
