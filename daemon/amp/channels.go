package amp

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// channelElement is an element of chan_configs, as far as it is used. One
// without a type, or with a type other than onion, is IRC.
type channelElement struct {
	Type       string `json:"type"`
	Host       string `json:"host"`
	Port       port   `json:"port"`
	Channel    string `json:"channel"`
	UseSSL     string `json:"usessl"`
	SOCKS5     string `json:"socks5"`
	SOCKS5Host string `json:"socks5_host"`
	SOCKS5Port port   `json:"socks5_port"`

	Directories    string `json:"directory_nodes"`
	RegtestCount   string `json:"regtest_count"`
	TorControlHost string `json:"tor_control_host"`
	TorControlPort port   `json:"tor_control_port"`
}

// onion makes of an onion element a channel of ours. A maker listens on any free
// port: with the one that all are configured for there could be only one of them.
// The key of a directory's service is no affair of a client.
func (e channelElement) onion(name, network string) (control.ChannelConfig, error) {
	cfg, err := config.OnionChannel(name, func(key string) string {
		switch key {
		case "directory_nodes":
			return e.Directories
		case "regtest_count":
			return e.RegtestCount
		case "socks5_host":
			return e.SOCKS5Host
		case "socks5_port":
			return e.SOCKS5Port.text()
		case "tor_control_host":
			return e.TorControlHost
		case "tor_control_port":
			return e.TorControlPort.text()
		}
		return ""
	})
	if err == nil && cfg.Loopback && (network == "mainnet" || network == "signet") {
		err = errors.New("regtest_count: the mode without Tor is for tests")
	}
	return cfg, err
}

// port is a port as number or as text: the reference takes both from its
// configuration.
type port uint16

// text is the port as a setting; empty for none.
func (p port) text() string {
	if p == 0 {
		return ""
	}
	return strconv.Itoa(int(p))
}

// UnmarshalJSON reads a number or a text that is one.
func (p *port) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 16)
	*p = port(n)
	return err
}

// channels makes of the client's channels those of our daemon; none means the
// daemon's own. An onion channel that cannot work is passed over if there are
// others.
func (c *client) channels(elements []channelElement, network string) ([]control.ChannelConfig, error) {
	if len(elements) > control.MaxChannels {
		return nil, fmt.Errorf("%w: %d message channels, limit %d", errRefused, len(elements), control.MaxChannels)
	}
	var configs []control.ChannelConfig
	for i, e := range elements {
		if e.Type == "onion" {
			cfg, err := e.onion(strconv.Itoa(i+1)+" onion", network)
			switch {
			case err != nil && len(elements) == 1:
				return nil, fmt.Errorf("%w: message channel %d: %w", errRefused, i+1, err)
			case err != nil:
				c.log.Warn("a client's onion channel is passed over", "err", err)
			default:
				configs = append(configs, cfg)
			}
			continue
		}
		cfg := control.ChannelConfig{
			Name: strconv.Itoa(i+1) + " " + e.Host, Type: "irc",
			Host: e.Host, Port: uint16(e.Port), Room: e.Channel, TLS: isTrue(e.UseSSL),
		}
		cfg.Name = cfg.Name[:min(len(cfg.Name), 64)]
		if isTrue(e.SOCKS5) {
			cfg.SOCKS5 = net.JoinHostPort(e.SOCKS5Host, strconv.Itoa(int(e.SOCKS5Port)))
		}
		if err := cfg.Validate(); err != nil {
			return nil, fmt.Errorf("%w: message channel %d: %w", errRefused, i+1, err)
		}
		configs = append(configs, cfg)
	}
	return configs, nil
}

// isTrue reads the reference's texts of truth.
func isTrue(text string) bool { return strings.EqualFold(text, "true") }
