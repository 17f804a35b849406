package main

import (
	"context"
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// TestExitStatusOfAPayment: nobody is told that no coin was spent when others
// may have the signed transaction.
func TestExitStatusOfAPayment(t *testing.T) {
	for _, c := range []struct {
		reason protocol.Reason
		signed bool
		want   int
	}{
		{protocol.ReasonFewMakers, false, exitMarket},
		{protocol.ReasonDeclined, false, exitDeclined},
		{protocol.ReasonNoFunds, false, exitFunds},
		{protocol.ReasonChain, false, exitNode},
		{protocol.ReasonDaemonGone, false, exitDaemon},
		{protocol.ReasonBadAddress, false, exitUsage},
		{protocol.ReasonRejected, true, exitMarket},
		{protocol.ReasonUnseen, true, exitUnsure},
		{protocol.ReasonChain, true, exitUnsure},
		{protocol.ReasonCancelled, true, exitInterrupted},
	} {
		err := &taker.Error{Step: taker.StepBroadcast, Reason: c.reason, Err: errors.New("why")}
		if c.reason == protocol.ReasonCancelled {
			err.Err = context.Canceled
		}
		if got := exitCode(paymentError(err, c.signed)); got != c.want {
			t.Errorf("%s, signed %v: exit status %d, want %d", c.reason, c.signed, got, c.want)
		}
	}
	if err := paymentError(nil, true); err != nil {
		t.Error(err)
	}
}
