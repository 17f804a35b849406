package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/daemon/control"
)

// listenAMP takes the address of --amp.
func (o options) listenAMP(dir string, log *slog.Logger) (*control.Listener, error) {
	at := control.Config{Address: "tcp:" + o.amp, NoCookie: true, AnyHost: o.ampAnyHost, MaxConns: 2 * o.maxClients, Log: log}
	if o.ampTLS {
		at.CertFile, at.KeyFile = filepath.Join(dir, "ssl", "cert.pem"), filepath.Join(dir, "ssl", "key.pem")
	}
	l, err := control.Listen(at)
	if errors.Is(err, control.ErrAddress) {
		err = fmt.Errorf("%w: --amp %q: want host:port, such as 127.0.0.1:27183", errUsage, o.amp)
	}
	return l, err
}
