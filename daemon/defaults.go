package daemon

import (
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// SetChannels replaces Config.Channels for clients that enter the market from
// now on. An unusable list changes nothing.
func (d *Daemon) SetChannels(list []control.ChannelConfig) error {
	if err := checkDefaults(list); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg.Channels = slices.Clone(list)
	return nil
}

func checkDefaults(list []control.ChannelConfig) error {
	check := control.StartRequest{Role: control.RoleWatcher, Nick: "J511111111111111", Network: "mainnet", Channels: list}
	if err := check.Validate(); err != nil {
		return fmt.Errorf("daemon: default channels: %w", err)
	}
	return nil
}

// Channels are those for clients that name none.
func (d *Daemon) Channels() []control.ChannelConfig {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg.Channels
}
