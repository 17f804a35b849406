package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/ini.v1"
)

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
	return cfg, cfg.checkOnion()
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
