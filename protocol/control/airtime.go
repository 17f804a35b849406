package control

import (
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// Airtime estimates how long count private messages take to leave a channel
// whose lines are interval apart. size is that of one, in bytes, as it stands
// between the command's name and the sender's key. An attempt's stage lasts so
// much longer than FillRequest.Deadline: the daemon waits for makers from when
// the last of them has been sent its message, and the client for the daemon.
func Airtime(interval time.Duration, count, size int) time.Duration {
	lines := (size+envelope.MaxProof)/pieceSize + 1
	return time.Duration(count*lines) * max(interval, 0)
}

// pieceSize is about how much of a message fits a line, in bytes: the longest
// commands and the marker take the rest.
const pieceSize = chunk.MaxLine - len("PRIVMSG J5xxxxxxxxxxxxxx :!sw0reloffer  ;")
