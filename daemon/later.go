package daemon

// later is the answer to a request that the loop cannot give at once. A handler
// returns it in place of the answer and gives the answer when it is known. It is
// owned by the loop.
type later struct {
	given   bool
	answer  answer
	waiting []chan<- answer
}

// give answers all who wait, and who will ask. Only the first answer counts.
func (l *later) give(v any, err error) {
	if l.given {
		return
	}
	l.given, l.answer = true, answer{v, err}
	for _, to := range l.waiting {
		to <- l.answer
	}
	l.waiting = nil
}

// to has the answer sent when it is known; there is room for it.
func (l *later) to(c chan<- answer) {
	if l.given {
		c <- l.answer
		return
	}
	l.waiting = append(l.waiting, c)
}

// reply sends an answer, now or later.
func (a answer) reply(to chan<- answer) {
	if l, ok := a.v.(*later); ok && a.err == nil {
		l.to(to)
		return
	}
	to <- a
}
