package control

import (
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// TestAirtime compares the estimate with the lines that a message really takes:
// never fewer, and at most one in forty more.
func TestAirtime(t *testing.T) {
	for size := 1; size < protocol.MaxMessage-envelope.MaxProof-20; size += 37 {
		lines, err := chunk.Split("J54rGqqGtfCYTpRs", "ioauth", strings.Repeat("x", size+envelope.MaxProof-1))
		if err != nil {
			t.Fatal(err)
		}
		took, real := Airtime(time.Second, 1, size), time.Duration(len(lines))*time.Second
		if took < real || took > real+real/40+time.Second {
			t.Fatalf("%d bytes: %v, they take %v", size, took, real)
		}
	}
	if got := Airtime(1300*time.Millisecond, 20, 10); got != 26*time.Second {
		t.Errorf("20 lines take %v", got)
	}
	if got := Airtime(-1, 20, 10); got != 0 {
		t.Errorf("without throttle: %v", got)
	}
}
