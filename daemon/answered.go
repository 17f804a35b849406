package daemon

import (
	"crypto/sha256"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// maxAnswered is how many answers are kept. More than control.MaxOutstanding
// commands are never without an answer, so that none that matters is gone.
const maxAnswered = 2 * control.MaxOutstanding

// answered are the commands done last, with their answers, so that a client
// that comes back and does not know whether one was done can send it again. It
// is owned by the loop.
type answered struct {
	last []done
}

// done is a command that was done.
type done struct {
	conn   *control.Conn // on which it came
	id     uint64
	what   [sha256.Size]byte
	answer answer
}

// what tells commands apart.
func (r *request) what() [sha256.Size]byte {
	return sha256.Sum256(append([]byte(r.method+" "), r.params...))
}

// find returns the answer to a command that was done on an earlier connection.
func (l *answered) find(r *request) (answer, bool) {
	for _, d := range l.last {
		if d.id == r.id && d.conn != r.conn && d.what == r.what() {
			return d.answer, true
		}
	}
	return answer{}, false
}

// keep notes an answer. Those that change nothing are asked anew instead, for
// they can be large, and start has no second time.
func (l *answered) keep(r *request, a answer) {
	switch r.method {
	case control.MethodStart, control.MethodStatus, control.MethodOrderbook:
		return
	}
	if len(l.last) == maxAnswered {
		l.last = l.last[1:]
	}
	l.last = append(l.last, done{r.conn, r.id, r.what(), a})
}
