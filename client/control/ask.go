package control

import (
	"context"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Ask asks a daemon for a picture of itself (control.StatusRequest.All), without
// entering the market. software is what we are called.
func Ask(ctx context.Context, dial Dialer, software string) (a control.StatusAnswer, err error) {
	nc, secret, err := dial(ctx)
	if err != nil {
		return a, err
	}
	conn, err := control.Connect(ctx, nc, control.Config{Software: software, Secret: secret})
	if err != nil {
		return a, err
	}
	ended := make(chan error, 1)
	go func() { ended <- conn.Run(ctx, nil) }()
	err = conn.Call(ctx, control.MethodStatus, control.StatusRequest{All: true}, &a)
	conn.Close()
	<-ended
	return a, err
}
