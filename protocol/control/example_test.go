package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// greeter is a daemon that knows one command.
type greeter struct{}

func (greeter) Request(_ context.Context, method string, params json.RawMessage) (any, error) {
	if method != control.MethodStatus {
		return nil, control.ErrUnknownMethod
	}
	return control.StatusAnswer{Offers: 12, Makers: 5}, nil
}

func (greeter) Event(string, json.RawMessage) {}

// Both ends of a connection use a Conn: after the hellos each may ask the other,
// and events are sent at any time. Clients in Go have this done by package
// client.
func Example() {
	ctx := context.Background()
	ours, theirs := net.Pipe()
	go func() {
		daemon, err := control.Accept(ctx, theirs, control.Config{Software: "example 1"})
		if err == nil {
			daemon.Run(ctx, greeter{})
		}
	}()
	conn, err := control.Connect(ctx, ours, control.Config{Software: "client 1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- conn.Run(ctx, greeter{}) }()

	var status control.StatusAnswer
	err = conn.Call(ctx, control.MethodStatus, nil, &status)
	fmt.Println(status.Offers, "offers of", status.Makers, "makers", err)
	err = conn.Call(ctx, control.MethodOrderbook, nil, nil)
	fmt.Println(errors.Is(err, control.ErrUnknownMethod), err)
	conn.Close()
	<-ended
	// Output:
	// 12 offers of 5 makers <nil>
	// true orderbook: unknown method
}
