package amp

import (
	"fmt"
	"net"
	"strconv"
	"strings"

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
}

// port is a port as number or as text: the reference takes both from its
// configuration.
type port uint16

// UnmarshalJSON reads a number or a text that is one.
func (p *port) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 16)
	*p = port(n)
	return err
}

// channels makes of the client's channels those of our daemon; none means the
// daemon's own.
func (c *client) channels(elements []channelElement) ([]control.ChannelConfig, error) {
	if len(elements) > control.MaxChannels {
		return nil, fmt.Errorf("%w: %d message channels, limit %d", errRefused, len(elements), control.MaxChannels)
	}
	var configs []control.ChannelConfig
	for i, e := range elements {
		if e.Type == "onion" {
			c.log.Warn("a client's onion channel is passed over: this daemon has none")
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
	if len(elements) > 0 && len(configs) == 0 {
		return nil, fmt.Errorf("%w: onion channels only; this daemon needs one on IRC", errRefused)
	}
	return configs, nil
}

// isTrue reads the reference's texts of truth.
func isTrue(text string) bool { return strings.EqualFold(text, "true") }
