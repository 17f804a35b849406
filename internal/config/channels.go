package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// channelPrefix begins the name of the section of a message channel.
const channelPrefix = "MESSAGING:"

// channelKeys are the keys of a channel and what each sets. Those of the
// reference come first; the others are ours.
var channelKeys = map[string]func(c *Config, ch *control.ChannelConfig, value string) error{
	"type": func(*Config, *control.ChannelConfig, string) error { return nil }, // looked at before
	"host": func(_ *Config, ch *control.ChannelConfig, v string) error { ch.Host = v; return nil },
	"port": setChannelPort,
	"channel": func(_ *Config, ch *control.ChannelConfig, v string) error {
		ch.Room = strings.TrimPrefix(v, "#")
		return nil
	},
	"usessl":      func(_ *Config, ch *control.ChannelConfig, v string) error { ch.TLS = isTrue(v); return nil },
	"socks5":      func(*Config, *control.ChannelConfig, string) error { return nil }, // with the next two
	"socks5_host": func(*Config, *control.ChannelConfig, string) error { return nil },
	"socks5_port": func(*Config, *control.ChannelConfig, string) error { return nil },

	"alternates":           setAlternates,
	"tls_insecure":         func(_ *Config, ch *control.ChannelConfig, v string) error { ch.Insecure = isTrue(v); return nil },
	"tls_ca_file":          setTLSCA,
	"tls_client_cert_file": setClientCert,
	"server_password": func(_ *Config, ch *control.ChannelConfig, v string) error {
		ch.Password = control.Credential(v)
		return nil
	},
	"sasl":      setSASL,
	"sasl_user": func(_ *Config, ch *control.ChannelConfig, v string) error { ch.SASLUser = v; return nil },
	"sasl_password": func(_ *Config, ch *control.ChannelConfig, v string) error {
		ch.SASLPassword = control.Credential(v)
		return nil
	},
	"line_interval_ms": setLineInterval,
}

// addChannel reads one [MESSAGING:name] section.
func (c *Config) addChannel(name string, section *ini.Section) error {
	fail := func(key, text string) error {
		return fmt.Errorf("%w: [%s%s] %s: %s", ErrConfig, channelPrefix, name, key, text)
	}
	get := func(key string) string {
		if !section.HasKey(key) {
			return ""
		}
		return value(section.Key(key))
	}
	switch get("type") {
	case "", "irc":
	case "onion":
		return c.addOnion(name, section)
	default:
		return fail("type", fmt.Sprintf("%.40q is none of irc, onion", get("type")))
	}
	channel := control.ChannelConfig{Name: name, Type: "irc"}
	for _, key := range section.Keys() {
		set, known := channelKeys[key.Name()]
		if !known {
			c.warn("[%s%s] %s is unknown and ignored; is it misspelt?", channelPrefix, name, key.Name())
			continue
		}
		if value(key) == "" {
			continue // as if it were not there
		}
		if err := set(c, &channel, value(key)); err != nil {
			return badValue(channelPrefix+name, key, err)
		}
	}
	if channel.Host == "" || channel.Room == "" || channel.Port == 0 {
		return fail("host, port and channel", "all three must be set")
	}
	if isTrue(get("socks5")) {
		if _, err := integer(get("socks5_port"), 1, 65535); err != nil || get("socks5_host") == "" {
			return fail("socks5_host and socks5_port", "both must be set when socks5 = true")
		}
		channel.SOCKS5 = net.JoinHostPort(get("socks5_host"), get("socks5_port"))
	}
	if err := channel.Validate(); err != nil {
		return fail("section", err.Error())
	}
	if other := c.sharesServer(channel); other != "" {
		return fail("host, port and alternates", "a server stands in ["+channelPrefix+other+"] too; a nick can be there only once")
	}
	c.Channels = append(c.Channels, channel)
	return nil
}

// TorControls are the control ports of Tor that channels name.
func (c *Config) TorControls() (all []string) {
	for _, ch := range c.Channels {
		if ch.TorControl != "" {
			all = append(all, ch.TorControl)
		}
	}
	return all
}

// sharesServer names a channel that has a server in common with ch.
func (c *Config) sharesServer(ch control.ChannelConfig) string {
	for _, other := range c.Channels {
		for _, a := range other.Servers() {
			for _, b := range ch.Servers() {
				if strings.EqualFold(a, b) {
					return other.Name
				}
			}
		}
	}
	return ""
}

func isTrue(v string) bool { return strings.EqualFold(v, "true") }

func setChannelPort(_ *Config, ch *control.ChannelConfig, v string) error {
	n, err := integer(v, 1, 65535)
	ch.Port = uint16(n)
	return err
}

// setAlternates reads a comma list of host:port.
func setAlternates(_ *Config, ch *control.ChannelConfig, v string) error {
	for address := range strings.SplitSeq(v, ",") {
		address = strings.TrimSpace(address)
		host, port, err := net.SplitHostPort(address)
		if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || n == 0 || host == "" {
			return fmt.Errorf("%.60q is no host:port; want a comma list of them, at most %d", address, control.MaxAlternates)
		}
		ch.Alternates = append(ch.Alternates, address)
	}
	return nil
}

func setSASL(_ *Config, ch *control.ChannelConfig, v string) error {
	if v != control.SASLPlain && v != control.SASLExternal {
		return errors.New("want plain or external, or leave it empty")
	}
	ch.SASL = v
	return nil
}

func setLineInterval(_ *Config, ch *control.ChannelConfig, v string) error {
	ms, err := integer(v, -1, 60_000)
	ch.LineInterval = time.Duration(ms) * time.Millisecond
	return err
}

func setTLSCA(c *Config, ch *control.ChannelConfig, v string) error {
	text, _, err := readPEM(inDir(c, v))
	ch.TLSCA = text
	return err
}

func setClientCert(c *Config, ch *control.ChannelConfig, v string) error {
	text, mode, err := readPEM(inDir(c, v))
	ch.ClientCert = control.Credential(text)
	if err == nil && mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" { // where the bits say nothing
		c.warn("%s holds a key and can be read by others; chmod 600 it.", inDir(c, v))
	}
	return err
}

// readPEM reads a small file. The daemon gets its text, not its path: it may run
// elsewhere, and reads no files for its clients.
func readPEM(path string) (text string, mode fs.FileMode, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() || info.Size() > control.MaxPEM {
		return "", 0, fmt.Errorf("want a file of at most %d bytes with certificates in PEM form", control.MaxPEM)
	}
	data, err := os.ReadFile(path)
	return string(data), info.Mode(), err
}
