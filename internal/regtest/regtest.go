// Package regtest runs a node with a block chain of its own on this machine,
// mines on it and pays out coins: for tests and for the playground.
//
// The node is btcd or bitcoind, a program outside; blocks and payments are made
// here, in the same way for both, so that a test can also build branches.
package regtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// Params are the parameters of the network that the nodes run.
var Params = &chaincfg.RegressionNetParams

// Kind is the kind of node.
type Kind int

// The kinds of nodes.
const (
	BTCD     Kind = iota
	Bitcoind      // Bitcoin Core or Knots
)

// String returns the name of the program.
func (k Kind) String() string {
	if k == Bitcoind {
		return "bitcoind"
	}
	return "btcd"
}

// Config says which node to run.
type Config struct {
	Kind Kind
	// Binary is the program file.
	Binary string
	// Dir is an existing folder for all that the node writes. The caller
	// removes it after Stop.
	Dir string
	// TLS makes btcd serve with a certificate of its own, see Node.CertFile.
	TLS bool
	// Peers makes the node listen for peers on this machine, see Node.PeerAddr,
	// and serve them compact filters (BIP 157).
	Peers bool
	// Options are more lines for the node's configuration file.
	Options []string
}

const (
	// portTries is how often Start looks for a free port: another program may
	// take it before the node does.
	portTries = 3
	// pollEvery is how often a starting node is asked whether it answers.
	pollEvery = 20 * time.Millisecond
	// stopTime is how long a node may take to end before it is killed.
	stopTime = 30 * time.Second
)

// Node is a running node. Its methods are safe for use from several goroutines.
type Node struct {
	cfg    Config
	peers  string // address for peers, empty without Config.Peers
	access rpc.Config
	client *rpc.Client

	mu      sync.Mutex // protects the fields below, and orders mining and funding
	process *process
	branch  *branch  // that was mined on last, nil at first
	blocks  []string // all that were mined, as hexadecimal text
	key     *btcec.PrivateKey
	coins   []coin // what key can spend, oldest first
}

// Start runs a node and returns when it answers; ctx bounds only that. The node
// runs until Stop.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	key, err := btcec.NewPrivateKey()
	if err != nil {
		return nil, err
	}
	for range portTries {
		n := &Node{cfg: cfg, key: key}
		var addr string
		if addr, err = freeAddr(); err != nil {
			return nil, err
		}
		if cfg.Peers {
			if n.peers, err = freeAddr(); err != nil {
				return nil, err
			}
		}
		if n.access, err = configure(cfg, addr, n.peers); err != nil {
			return nil, err
		}
		if n.client, err = rpc.New(n.access); err != nil {
			return nil, err
		}
		if err = n.run(ctx); err == nil {
			return n, nil
		}
		if !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, err
}

// Access says how to reach the node's RPC server.
func (n *Node) Access() rpc.Config { return n.access }

// PeerAddr is where a node started with Config.Peers accepts peers.
func (n *Node) PeerAddr() string { return n.peers }

// Client asks the node.
func (n *Node) Client() *rpc.Client { return n.client }

// CertFile is the certificate of a node started with TLS.
func (n *Node) CertFile() string { return certFile(n.cfg.Dir) }

// Resume runs the node again after Stop, at the same address and with the same
// chain.
func (n *Node) Resume(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		return errors.New("the node runs already")
	}
	if err := n.run(ctx); err != nil {
		return err
	}
	if n.cfg.Kind != BTCD {
		return nil
	}
	// btcd begins this network anew at each start.
	for _, block := range n.blocks {
		if err := n.submit(ctx, block); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the node. Stopping a node that was stopped is no error.
func (n *Node) Stop() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return nil
	}
	p := n.process
	n.process = nil
	defer n.client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := n.client.Call(ctx, "stop", nil, nil); err != nil {
		p.kill()
		return fmt.Errorf("stop %s: %w", n.cfg.Kind, err)
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("stop %s: it did not end within %s", n.cfg.Kind, stopTime)
	}
}

// run starts the program and waits until it answers.
func (n *Node) run(ctx context.Context) error {
	p, err := start(n.cfg)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		_, err = n.client.ChainInfo(ctx)
		if err == nil {
			n.process = p
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s: %w: %s", n.cfg.Kind, errEnded, p.lastWords())
		case <-ctx.Done():
			p.kill()
			return fmt.Errorf("%s does not answer: %w: %s", n.cfg.Kind, err, p.lastWords())
		case <-ticker.C:
		}
	}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
