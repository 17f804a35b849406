package market

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// fact is something that somebody has to say to somebody.
type fact struct {
	kind     protocol.Command
	from, to protocol.Nick
	what     string
}

// way is a command's way between two.
type way struct {
	kind     protocol.Command
	from, to protocol.Nick
}

// use is how a commitment opened the coins of a daemon's maker.
type use struct {
	taker protocol.Nick
	at    time.Time
}

// ledger knows who said what and checks what daemons make of it. Its methods are
// safe from any goroutine.
type ledger struct {
	began time.Time
	loud  func(format string, args ...any) // gets the story of the run; nil for nobody

	mu       sync.Mutex
	breaches []string
	served   map[protocol.Nick]control.Role // nicks of daemons' clients
	facts    map[fact]time.Time             // when each was said last
	told     map[fact]bool                  // what was told to a client, which is once
	asked    map[way]int                    // how many messages a daemon may say
	said     map[way]map[string]bool        // which it did
	keys     map[string]way                 // session keys of makers, and for whom
	used     []map[protocol.Commitment]use
	opened   map[fact]bool // commitments at makers
	probed   map[protocol.Commitment]bool
	wild     map[way]bool // what is said here may turn out as anything
	lying    bool         // a server says what it likes in the name of others
	lossy    bool         // what a channel may have lost is said again, perhaps late
	outcomes map[outcome]int
}

// outcome is how a conversation ended, for the table.
type outcome struct{ row, column string }

func newLedger(daemons int) *ledger {
	l := &ledger{
		began: time.Now(), served: make(map[protocol.Nick]control.Role), facts: make(map[fact]time.Time), told: make(map[fact]bool),
		asked: make(map[way]int), said: make(map[way]map[string]bool), keys: make(map[string]way), opened: make(map[fact]bool), probed: make(map[protocol.Commitment]bool),
		wild: make(map[way]bool), outcomes: make(map[outcome]int),
	}
	for range daemons {
		l.used = append(l.used, make(map[protocol.Commitment]use))
	}
	return l
}

// broken notes a broken invariant.
func (l *ledger) broken(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breach(format, args...)
}

// breach must be called with mu held.
func (l *ledger) breach(format string, args ...any) {
	text := fmt.Sprintf("at %v: ", time.Since(l.began)) + fmt.Sprintf(format, args...)
	l.note("BROKEN %s", text)
	if len(l.breaches) < 10 {
		l.breaches = append(l.breaches, text)
	}
}

// note tells the story.
func (l *ledger) note(format string, args ...any) {
	if l.loud != nil {
		l.loud("%-12v "+format, append([]any{time.Since(l.began)}, args...)...)
	}
}

func (l *ledger) serve(nick protocol.Nick, role control.Role) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.served[nick] = role
}

// says notes that one is about to say something, which may be told on from now
// on.
func (l *ledger) says(kind protocol.Command, from, to protocol.Nick, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(fact{kind, from, to, what})
}

func (l *ledger) put(f fact) { l.facts[f] = time.Now() }

// allow lets a daemon say so many more messages.
func (l *ledger) allow(kind protocol.Command, from, to protocol.Nick, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[way{kind, from, to}] += n
}

// fills notes a well-formed fill that is about to be said. A stranger's may be
// answered by a key; a daemon may say one again, so its are counted as they leave.
func (l *ledger) fills(from, to protocol.Nick, c protocol.Commitment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(fact{protocol.CmdFill, from, to, string(canonical(c))})
	if l.served[from] == "" {
		l.asked[way{protocol.CmdPubKey, to, from}]++
	}
}

// anything notes that nobody can foresee what becomes of messages.
func (l *ledger) anything(kind protocol.Command, from, to protocol.Nick) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wild[way{kind, from, to}] = true
}

// tells checks what a client is told: it was said to this client, and comes once.
func (l *ledger) tells(kind protocol.Command, from, to protocol.Nick, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := fact{kind, from, to, what}
	l.note("%s is told %s of %s", to, kind, from)
	// Nothing proves that a maker's key is of this attempt and not of one before,
	// and a push is of no conversation.
	again := kind == protocol.CmdPush || kind == protocol.CmdPubKey && (l.lying || l.lossy || l.served[from] == "")
	switch {
	case l.wild[way{kind, from, to}]:
	case l.facts[f].IsZero():
		l.breach("%s is told a %s that %s never said to it, or not so: %.300q", to, kind, from, what)
	case l.told[f] && !again:
		l.breach("%s is told the same %s of %s twice", to, kind, from)
	}
	l.told[f] = true
}

// proves checks that a commitment may open a maker's coins to a taker.
func (l *ledger) proves(daemon int, taker, maker protocol.Nick, c protocol.Commitment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	filled := l.facts[fact{protocol.CmdFill, taker, maker, string(canonical(c))}]
	u, ok := l.used[daemon][c]
	switch {
	case filled.IsZero():
		l.breach("%s goes on with %s by a commitment of no fill", maker, taker)
	case ok && u.taker != taker:
		l.breach("%s goes on with %s by a commitment that %s has used at this daemon", maker, taker, u.taker)
	case ok && filled.After(u.at.Add(commitment.Together)):
		l.breach("%s took a fill of %s long after its commitment was used", maker, taker)
	}
}

// opens notes that a maker's coins are shown.
func (l *ledger) opens(daemon int, maker, taker protocol.Nick, c protocol.Commitment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u, ok := l.used[daemon][c]
	f := fact{"opens", maker, "", string(c)}
	switch {
	case ok && u.taker != taker:
		l.breach("a commitment opens coins of one daemon to %s and to %s", u.taker, taker)
	case l.opened[f]:
		l.breach("a commitment opens coins of %s twice", maker)
	}
	l.opened[f] = true
	if !ok {
		l.used[daemon][c] = use{taker, time.Now()}
	}
}

// ends counts how a conversation ended.
func (l *ledger) ends(row, column string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes[outcome{row, column}]++
}

// speaks has what each role may say to one.
var speaks = map[control.Role][]protocol.Command{
	control.RoleTaker: {protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx, protocol.CmdPush, protocol.CmdError},
	control.RoleMaker: {protocol.CmdPubKey, protocol.CmdIOAuth, protocol.CmdSig, protocol.CmdError, protocol.CmdHP2, protocol.CmdSW0RelOffer},
}

// excuses begin the texts of !error that our daemons say.
var excuses = []string{
	"Commitment is blacklisted: ", "Unsupported commitment type: ", "oid not found", "amount out of range",
	"Invalid nacl pubkey: ", "invalid nacl pubkey: ", "invalid literal for int() with base 10: '", "list index out of range",
}

// saidPrivate checks what a daemon says to one.
func (l *ledger) saidPrivate(w *wire, to protocol.Nick, met bool, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := envelope.Parse(text)
	if err != nil {
		l.breach("%s says what is no message: %v: %.200q", w.nick, err, text)
		return
	}
	l.note("%s says %s to %s on %s", w.nick, e.Command, to, w.at.name)
	if want := signed(w.nick, e.Command, e.Msg, w.at.hostID); e != want {
		l.breach("%s says a %s that is not signed by it for %s", w.nick, e.Command, w.at.name)
	}
	if !met {
		l.breach("%s says %s to %s, who was never heard on %s", w.nick, e.Command, to, w.at.name)
	}
	if !slices.Contains(speaks[l.served[w.nick]], e.Command) {
		l.breach("%s, a %q, says %s", w.nick, l.served[w.nick], e.Command)
	}
	on := way{e.Command, w.nick, to}
	switch e.Command {
	case protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx, protocol.CmdPush, protocol.CmdPubKey, protocol.CmdIOAuth, protocol.CmdSig:
		if l.said[on] == nil {
			l.said[on] = make(map[string]bool)
		}
		l.said[on][e.Msg] = true // what a channel may have lost is said again
		if len(l.said[on]) > l.asked[on] {
			l.breach("%s says %d different %s to %s, asked were %d", w.nick, len(l.said[on]), e.Command, to, l.asked[on])
		}
	case protocol.CmdError:
		if len(e.Msg) > protocol.MaxErrorText || !slices.ContainsFunc(excuses, func(x string) bool { return strings.HasPrefix(e.Msg, x) }) {
			l.breach("%s says an error to %s that is none of its own: %q", w.nick, to, e.Msg)
		}
	case protocol.CmdHP2:
		l.put(fact{protocol.CmdHP2, "", "", strings.ToLower(e.Msg)})
	}
	switch e.Command {
	case protocol.CmdFill:
		l.asked[way{protocol.CmdPubKey, to, w.nick}]++
	case protocol.CmdPubKey:
		if other, ok := l.keys[e.Msg]; ok && other != on {
			l.breach("one session key for two conversations: of %s with %s, and of %s with %s", other.from, other.to, w.nick, to)
		}
		l.keys[e.Msg] = on
		l.put(fact{protocol.CmdPubKey, w.nick, to, e.Msg})
	}
}

// saidPublic checks what a daemon says to the room.
func (l *ledger) saidPublic(w *wire, groups []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("%s says %.100q to all on %s", w.nick, groups, w.at.name)
	role, served := l.served[w.nick]
	for _, g := range groups {
		m, err := line.Parse(g[1:])
		if err != nil {
			l.breach("%s says to all what is no command: %v: %q", w.nick, err, g)
			continue
		}
		hp2, isHP2 := m.(line.HP2)
		_, asks := m.(line.Orderbook)
		switch {
		case served && (asks || role == control.RoleMaker && !isHP2):
		case !served && isHP2 && (l.lying || !l.facts[fact{protocol.CmdHP2, "", "", string(hp2.Commitment[1:])}].IsZero()):
		default:
			l.breach("%s, a %q, says to all %q", w.nick, role, g)
		}
	}
}

// filled is a commitment and what became of it.
type filled struct {
	commitment protocol.Commitment
	used       bool
	taker      protocol.Nick // who used it, if that was a stranger
}

// commitments are two with which a maker is to be filled once more: one with which
// it was filled and that was not used, and one that was used at its daemon, at
// another maker if there is such.
func (l *ledger) commitments(daemon int, maker protocol.Nick) (list []filled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var free, used, shown []protocol.Commitment
	for f := range l.facts {
		c := protocol.Commitment(f.what)
		if f.kind != protocol.CmdFill || f.to != maker || l.probed[c] {
			continue
		}
		if _, ok := l.used[daemon][c]; !ok && l.facts[fact{protocol.CmdHP2, "", "", string(c[1:])}].IsZero() {
			free = append(free, c)
		}
	}
	for c := range l.used[daemon] {
		if l.opened[fact{"opens", maker, "", string(c)}] {
			shown = append(shown, c)
		} else {
			used = append(used, c)
		}
	}
	if len(free) > 0 {
		c := slices.Min(free)
		l.probed[c] = true
		list = append(list, filled{commitment: c})
	}
	slices.Sort(used)
	slices.Sort(shown)
	if used = append(used, shown...); len(used) > 0 {
		c := filled{commitment: used[0], used: true}
		if by := l.used[daemon][used[0]].taker; l.served[by] == "" {
			c.taker = by
		}
		list = append(list, c)
	}
	return list
}

// resaid notes that a server says something again in the name of one: who was
// filled may answer again.
func (l *ledger) resaid(from, to protocol.Nick) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[way{protocol.CmdPubKey, to, from}]++
}
