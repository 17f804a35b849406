package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// onionSeed is the size of the key's seed in bytes.
const onionSeed = 32

// withOnionService gives a maker's channels the key of its onion service, if it
// keeps one, or the address of the one that Tor keeps for it.
func (a *app) withOnionService(all []control.ChannelConfig) ([]control.ChannelConfig, error) {
	var key control.Credential
	var address string
	var err error
	if a.cfg.OnionKeyFile != "" {
		if key, err = a.onionKey(a.cfg.OnionKeyFile); err != nil {
			return nil, fmt.Errorf("onion_key_file: %w", err)
		}
	}
	if a.cfg.OnionServiceDir != "" {
		if address, err = tor.KeptAddress(a.cfg.OnionServiceDir); err != nil {
			return nil, fmt.Errorf("hidden_service_dir: %w; Tor writes its file hostname, see docs/onion.md", err)
		}
	}
	all = slices.Clone(all)
	for i := range all {
		if all[i].Type == control.TypeOnion {
			all[i].OnionKey, all[i].OnionAddress = key, address
		}
	}
	return all, nil
}

// onionKey reads the file of the key, or makes it.
func (a *app) onionKey(path string) (control.Credential, error) {
	data, err := durable.ReadFile(path, 2*onionSeed+2)
	switch text := strings.TrimSpace(string(data)); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case !protocol.IsHex(text, onionSeed):
		return "", fmt.Errorf("%s is no key that jm made: want %d hex digits; move it away and a new one is made", path, 2*onionSeed)
	default:
		a.sayAll(closeToOther(path))
		return control.Credential(text), nil
	}
	seed := make([]byte, onionSeed)
	rand.Read(seed) // never fails
	text := hex.EncodeToString(seed)
	if err := durable.WriteFileOn(a.files, path, []byte(text+"\n"), 0o600); err != nil {
		return "", err
	}
	a.log.Info("a key for this maker's onion service was made", "file", path)
	return control.Credential(text), nil
}
