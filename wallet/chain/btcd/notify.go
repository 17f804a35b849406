package btcd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// maxNotice bounds a notification in bytes; the largest is a transaction
	// of 400 kB with all its parts spelled out.
	maxNotice = 8 << 20
	// Pauses between attempts to connect.
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
	// connectTime bounds an attempt to connect.
	connectTime = 10 * time.Second
	// askEvery is how often the node is asked something for a sign of life, and
	// silence how long it may give none.
	askEvery = 20 * time.Second
	silence  = time.Minute
)

// follow listens to the node's notifications until ctx ends, and connects again
// when the connection is lost.
func (b *Backend) follow(ctx context.Context) {
	defer close(b.stopped)
	pause := firstPause
	lost := false
	for {
		err := b.listen(ctx, func() {
			pause = firstPause
			if lost {
				b.log.Info("the node is back")
				lost = false
			}
			// Whatever happened meanwhile was not told.
			b.changed()
		})
		if ctx.Err() != nil {
			return
		}
		if !lost {
			b.log.Warn("no notifications from the node, trying again", "err", err)
			lost = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		}
	}
}

// listen takes notifications on one connection until that ends. It calls
// connected when the first may come.
func (b *Backend) listen(ctx context.Context, connected func()) error {
	conn, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.CloseNow()

	for _, question := range []string{
		`{"jsonrpc":"1.0","id":1,"method":"notifyblocks","params":[]}`,
		`{"jsonrpc":"1.0","id":2,"method":"notifynewtransactions","params":[true]}`,
	} {
		if err := ask(ctx, conn, question); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		keepAsking(ctx, conn)
	}()
	defer func() {
		cancel()
		<-asking
	}()
	answers := 0
	for {
		text, err := receive(ctx, conn)
		if err != nil {
			return err
		}
		var notice notice
		if err := json.Unmarshal(text, &notice); err != nil {
			return err
		}
		if notice.Error != nil {
			return notice.Error
		}
		if notice.Method == "" {
			if answers++; answers == 2 {
				connected()
			}
			continue
		}
		b.take(notice)
	}
}

// notice is a notification, or the answer to a question.
type notice struct {
	Method string
	Params []json.RawMessage
	Error  *rpc.Error
}

// take handles a notification.
func (b *Backend) take(n notice) {
	switch n.Method {
	case "blockconnected", "blockdisconnected":
		b.changed()
	case "txacceptedverbose":
		var tx struct{ Hex rpc.Tx }
		if len(n.Params) != 1 || json.Unmarshal(n.Params[0], &tx) != nil || tx.Hex.MsgTx == nil {
			return // the next Sync reads it from the mempool
		}
		if b.mempool.add(tx.Hex.MsgTx, b.scripts.Relevant(tx.Hex.MsgTx)) {
			b.changed()
		}
	}
}

// keepAsking asks the node for anything, so that a dead connection is noticed
// by its silence.
func keepAsking(ctx context.Context, conn *websocket.Conn) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if ask(ctx, conn, `{"jsonrpc":"1.0","id":3,"method":"getbestblockhash","params":[]}`) != nil {
				return
			}
		}
	}
}

// receive waits for a message, which may come in several frames.
func receive(ctx context.Context, conn *websocket.Conn) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	_, text, err := conn.Read(ctx)
	return text, err
}

func ask(ctx context.Context, conn *websocket.Conn, question string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, []byte(question))
}

// connect opens a websocket to the node.
func (b *Backend) connect(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	scheme := "ws"
	if b.tls != nil {
		scheme = "wss"
	}
	login := base64.StdEncoding.EncodeToString([]byte(b.cfg.User + ":" + b.cfg.Password.Reveal()))
	transport := &http.Transport{TLSClientConfig: b.tls}
	conn, _, err := websocket.Dial(ctx, fmt.Sprintf("%s://%s/ws", scheme, b.cfg.Addr), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: http.Header{"Authorization": {"Basic " + login}},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxNotice)
	return conn, nil
}
