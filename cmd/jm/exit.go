package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// Exit statuses of jm. They are part of its interface: the help lists them.
const (
	exitOK          = 0
	exitFailure     = 1   // anything not named below
	exitUsage       = 2   // wrong arguments
	exitDeclined    = 3   // the user said no; nothing was sent
	exitWallet      = 4   // wallet: missing, in use, wrong password, damaged, not saved, open for a maker only
	exitNode        = 5   // node: unreachable, other network, still syncing, not up to the task
	exitMarket      = 6   // the CoinJoin failed; no coin was spent
	exitFunds       = 7   // not enough coins, or none old enough
	exitDaemon      = 8   // joinmarketd: unreachable, refused, other version
	exitUnsure      = 9   // the transaction is signed and may come about yet
	exitInterrupted = 130 // SIGINT or SIGTERM
)

const exitHelp = `Exit status:
  0  done
  1  failed for another reason
  2  wrong arguments
  3  you declined; nothing was sent
  4  wallet: missing, in use, wrong password, damaged, not saved
  5  node: unreachable, on another network, still syncing; or a light client
     where a full node is needed
  6  the CoinJoin failed; no coin was spent
  7  not enough coins, or none old enough
  8  joinmarketd: unreachable, refused, other version
  9  the transaction is signed but not seen; it may still be broadcast
  130  interrupted`

// coded is an error that decides the exit status.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// usagef makes an error of exit status 2.
func usagef(format string, args ...any) error {
	return &coded{exitUsage, fmt.Errorf(format, args...)}
}

// withCode gives err an exit status unless it has one.
func withCode(code int, err error) error {
	var c *coded
	if err == nil || errors.As(err, &c) {
		return err
	}
	return &coded{code, err}
}

// exitCode is the status for what a command returned.
func exitCode(err error) int {
	var c *coded
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, store.ErrSave), errors.Is(err, wallet.ErrMakerOnly):
		return exitWallet
	}
	return exitFailure
}

// diskAdvice says what to do when the disk fails; nothing for other errors.
func diskAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "The disk is full. Free some space, then try again."
	case errors.Is(err, syscall.EROFS):
		return "The disk is read-only. Have it mounted for writing, or name another data folder with --datadir."
	case errors.Is(err, syscall.EIO):
		return "The disk fails. Copy your wallets to another one, and check this one."
	}
	return ""
}
