package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const channelPrefix = "MESSAGING:"

// Parse reads the text of a configuration file for a data folder. Errors match
// ErrConfig.
func Parse(dir string, data []byte) (Config, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		InsensitiveKeys:            true,
		IgnoreInlineComment:        true, // a '#' or ';' behind a value belongs to it
		IgnoreContinuation:         true,
		AllowPythonMultilineValues: true,
		PreserveSurroundedQuote:    true,
	}, data)
	if err != nil {
		return Config{}, fmt.Errorf("%w: not in the format of %s: %v", ErrConfig, FileName, err)
	}
	cfg := Default(dir)
	for _, section := range file.Sections() {
		name := section.Name()
		if channel, ok := strings.CutPrefix(name, channelPrefix); ok {
			if err := cfg.addChannel(channel, section); err != nil {
				return Config{}, err
			}
			continue
		}
		for _, key := range section.Keys() {
			set, known := keys[name+" "+key.Name()]
			usual, isIdle := idle[name+" "+key.Name()]
			switch {
			case known:
				if err := set(&cfg, value(key)); err != nil {
					return Config{}, badValue(name, key, err)
				}
			case slices.Contains(idleSections, name):
			case isIdle:
				if value(key) != usual {
					cfg.warn("[%s] %s has no effect in this version.", name, key.Name())
				}
			default:
				cfg.warn("[%s] %s is unknown and ignored; is it misspelt?", name, key.Name())
			}
		}
	}
	return cfg, nil
}

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// value undoes the doubled percent sign of the reference's dialect; its
// interpolation is not imitated, so that any password can be written.
func value(key *ini.Key) string { return strings.ReplaceAll(strings.TrimSpace(key.Value()), "%%", "%") }

func badValue(section string, key *ini.Key, err error) error {
	shown := fmt.Sprintf("%.60q", value(key))
	if strings.Contains(key.Name(), "password") {
		shown = "***"
	}
	return fmt.Errorf("%w: [%s] %s = %s: %w", ErrConfig, section, key.Name(), shown, err)
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
		c.warn("[%s%s]: onion channels have no effect in this version.", channelPrefix, name)
		return nil
	default:
		return fail("type", fmt.Sprintf("%.40q is none of irc, onion", get("type")))
	}
	channel := control.ChannelConfig{Name: name, Type: "irc", Host: get("host"), Room: strings.TrimPrefix(get("channel"), "#")}
	if channel.Host == "" || channel.Room == "" {
		return fail("host and channel", "both must be set")
	}
	n, err := integer(get("port"), 1, 65535)
	if err != nil {
		return fail("port", err.Error())
	}
	channel.Port = uint16(n)
	channel.TLS = strings.EqualFold(get("usessl"), "true")
	channel.Insecure = strings.EqualFold(get("tls_insecure"), "true")
	if strings.EqualFold(get("socks5"), "true") {
		if _, err := integer(get("socks5_port"), 1, 65535); err != nil || get("socks5_host") == "" {
			return fail("socks5_host and socks5_port", "both must be set when socks5 = true")
		}
		channel.SOCKS5 = net.JoinHostPort(get("socks5_host"), get("socks5_port"))
	}
	if text := get("line_interval_ms"); text != "" {
		ms, err := integer(text, -1, 60_000)
		if err != nil {
			return fail("line_interval_ms", err.Error())
		}
		channel.LineInterval = time.Duration(ms) * time.Millisecond
	}
	known := []string{"type", "host", "port", "channel", "usessl", "tls_insecure", "socks5", "socks5_host", "socks5_port", "line_interval_ms"}
	for _, key := range section.Keys() {
		if !slices.Contains(known, key.Name()) {
			c.warn("[%s%s] %s is unknown and ignored; is it misspelt?", channelPrefix, name, key.Name())
		}
	}
	c.Channels = append(c.Channels, channel)
	return nil
}
