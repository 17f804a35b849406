package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// Codes of errors that a node answers with (Bitcoin Core: rpc/protocol.h, which
// btcd follows).
const (
	CodeMisc             = -1
	CodeWallet           = -4  // unspecific problem of a wallet
	CodeNotFound         = -5  // no such block, transaction or address
	CodeInvalidParameter = -8  // such as a height above the tip
	CodeNoWallet         = -18 // the wallet is not loaded or does not exist
	CodeDecoding         = -22
	CodeTxError          = -25 // such as inputs that are spent
	CodeTxRejected       = -26 // against consensus or policy
	CodeTxInChain        = -27 // confirmed already
	CodeWarmup           = -28 // the node is starting
	CodeWalletLoaded     = -35
	CodeWalletExists     = -36
	CodeNoMethod         = -32601
)

// maxReason bounds how much of a node's text goes into an error.
const maxReason = 300

// Error is an answer of the node.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%.*q (%d)", maxReason, e.Message, e.Code) }

// HasCode reports whether err is an answer of the node with one of the codes.
func HasCode(err error, codes ...int) bool {
	var answer *Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Code == code {
			return true
		}
	}
	return false
}

// coded adds the meaning of an answer that is the same for every question.
func (c *Client) coded(err error) error {
	if HasCode(err, CodeWarmup) {
		return fmt.Errorf("%w: %s is starting: %w", chain.ErrUnreachable, c.addr, err)
	}
	return err
}

// network names what went wrong on the way, without the URL that net/http puts
// into its errors.
func (c *Client) network(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return cause
	} else if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %s does not answer in time: %w", chain.ErrUnreachable, c.addr, cause)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%w at %s: %w", chain.ErrUnreachable, c.addr, err)
}

// nonsense is an answer that no Bitcoin node gives.
func (c *Client) nonsense(err error) error {
	return fmt.Errorf("%w: what answers at %s is no Bitcoin node: %w", chain.ErrUnreachable, c.addr, err)
}
