package daemon

import (
	"flag"
	"fmt"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// limit is a row of the table of limits: of what, for whom, how much; the key of
// [LIMITS] and the count, of family limits if it names no other, if it has them;
// the tests that go beyond it, one of which looks at the count.
type limit struct{ what, of, most, key, counted, tests string }

// limits is the table of docs/limits.md.
func limits(t *testing.T) []limit {
	b := DefaultBounds
	n := func(v int) string { return fmt.Sprint(v) }
	piece := func(name string) string { return constant(t, "../protocol/chunk/joiner.go", name) }
	queue := func(name string) string { return constant(t, "irc/outbox.go", name) }
	onion := func(file, name string) string { return constant(t, "onion/"+file, name) }
	wait := func(l exchange.Limit) string { return exchange.DefaultLimits[l].String() }
	return []limit{
		{"clients", "daemon", n(b.Clients), "max_clients", "clients", "TestClientsAreBounded"},
		{"open conversations", "maker", n(b.Conversations), "max_conversations", "conversations", "TestM7HalfOpenFillsExpire TestFillsAreCounted"},
		{"time of a conversation without `auth`", "conversation", wait(exchange.LimitAuth), "", "", "TestM7HalfOpenFillsExpire"},
		{"time of a conversation without `tx`", "conversation", wait(exchange.LimitTx), "", "", "TestMakerDeadlines"},
		{"time of a maker for an answer", "taker", wait(exchange.LimitStage) + ", less where others are faster", "", "", "TestT11Pace TestT11TorAndFastMarkets"},
		{"fills", "nick", "3 at once, one in 10 s; 6 in ten minutes", "", "fills", "TestFillsOfOneNickAreBounded TestFillsAreCounted"},
		{"nicks that a rate tells apart", "rate", n(limitedNicks), "", "", "TestFloodOfKeysIsBounded TestSweep"},
		{"nicks in the order book", "session", n(b.Nicks), "max_nicks", "order-book", "TestFullOfNicks TestFullBookIsCounted"},
		{"offers in the order book", "session", n(b.Offers), "max_offers", "order-book", "TestFullOfOffers TestFullBookIsCounted"},
		{"offers", "nick", n(protocol.MaxOffersPerNick), "", "order-book", "TestOffersPerNick TestFullBookIsCounted"},
		{"bonds in the order book", "session", n(control.MaxBookBonds), "", "", "TestBondsAreBounded"},
		{"answers to `!orderbook`", "nick and channel", "one in 10 s", "", "orderbook-requests", "TestAnswerToOrderbook TestAsksAreCounted"},
		{"answers to `!orderbook`, a minute", "maker", n(b.Answers), "orderbook_answers_per_minute", "orderbook-requests", "TestAnswerToOrderbook TestAsksAreCounted"},
		{"takers that wait for the proof of a bond", "maker", n(maxBondsWaiting), "", "bond-proofs", "TestBondProofsAreBounded"},
		{"transactions to broadcast", "nick", "3 at once, one in 20 min", "", "push", "TestPushesOfOneNickAreCounted"},
		{"transactions to broadcast, an hour", "maker", n(b.Pushes), "pushes_per_hour", "push", "TestM23PushesInAllAreBounded"},
		{"commitments published by others, kept", "daemon", n(b.Hearsay), "max_commitments_heard", "commitment-list", "TestM2HearsayAges"},
		{"commitments published by others, taken in", "maker", "200 a minute; 20 a minute of a nick", "", "commitments-heard", "TestM2Hearsay TestM2HearsayIsCounted"},
		{"commitments that were used", "daemon", n(commitment.MaxUsed), "", "commitment-list", "TestUsedIsBounded"},
		{"commitments published for others", "maker", "12 at once, one in 5 s; 6 a minute of a nick", "", "commitments-relayed", "TestM24CourierIsBounded"},
		{"commitments that a courier carries", "maker", n(maxCarried), "", "commitments-relayed", "TestM24CourierIsBounded"},
		{"commitments remembered as published for others", "maker", n(maxHanded), "", "", "TestHandedIsBounded"},
		{"commitments published by others that wait for the disk", "daemon", constant(t, "commitment/list.go", "maxBehind"), "", "", "TestM2NothingWaitsForTheDisk"},
		{"refusals (`!error`)", "maker", "20 at once, one in 10 s", "", "refusals", "TestRefusalsAreBounded"},
		{"texts of counterparties shown", "session", "20 at once, one a second", "", "error-texts", "TestErrorTextsAreBounded"},
		{"messages that wait for a verdict", "nick", n(maxPerNick), "", "verdicts", "TestFloodWhileClientIsBusy"},
		{"messages of strangers that wait for a verdict", "session", n(maxStrangers), "", "verdicts", "TestFloodWhileClientIsBusy"},
		{"bytes of each: of strangers, of known nicks", "session", n(maxLaneBytes), "", "verdicts", "TestVerdictBytesAreBounded"},
		{"messages that wait for a signature", "nick", n(maxToNick), "", "signatures", "TestSignaturesAreBounded"},
		{"messages that wait for a signature, to all", "session", n(maxToSign), "", "signatures", "TestSignaturesAreBounded"},
		{"messages that leave soon again if a channel breaks", "channel", n(maxRecent), "", "", "TestRecentIsBounded"},
		{"bytes of a message", "message", n(protocol.MaxMessage), "", "dropped-in/chunk", "TestN5SizeAndPieces TestN5IsCounted"},
		{"pieces of a message", "message", piece("maxPieces"), "", "dropped-in/chunk", "TestN5SizeAndPieces TestN5IsCounted"},
		{"time of a message in pieces", "message", piece("maxAge"), "", "", "TestN5Age"},
		{"messages in pieces", "channel", piece("maxBuffers"), "", "", "TestN5FloodOfBeginnings"},
		{"bytes of messages in pieces", "channel", piece("maxTotal"), "", "", "TestN5TotalSize"},
		{"lines that wait to be sent", "channel", queue("maxQueuedLines"), "", "dropped-out/full", "TestFullOfLines"},
		{"bytes that wait to be sent", "channel", queue("maxQueuedBytes"), "", "dropped-out/full", "TestFull TestFullOfLines"},
		{"messages that wait behind conversations: answers to fills; all others", "channel", queue("maxQueuedLater"), "", "dropped-out/full", "TestFullOfLines"},
		{"bytes of a line of a server", "channel", constant(t, "irc/receive.go", "maxLine"), "", "", "TestServerEnds"},
		{"directories", "onion channel", n(control.MaxDirectories), "", "", "TestBadConfiguration"},
		{"connections that come in", "onion channel", onion("serve.go", "maxInbound"), "", "", "TestN14Places"},
		{"connections that takers dial", "onion channel", onion("direct.go", "maxOutbound"), "", "", "TestDialsAreBounded"},
		{"lines of a connection that came in", "connection", "20 at once, 5 a second; more are read later", "", "", "TestN3TxIsNotDropped"},
		{"bytes of a line", "onion channel", n(protocol.MaxMessage), "", "", "TestN3SlowAndLarge"},
		{"time of a line that has begun", "onion channel", onion("link.go", "lineTimeout"), "", "", "TestN3SlowAndLarge"},
		{"time for a hello: of who comes in, of who is dialled", "onion channel", onion("link.go", "helloTimeout") + ", " + onion("link.go", "torTimeout"), "", "", "TestN2NothingBeforeTheHello"},
		{"nicks kept of what one directory says", "directory", onion("roster.go", "maxRoster"), "", "", "TestN7PeerLists"},
		{"conversations of which the way is kept", "onion channel", onion("ways.go", "maxWays"), "", "", "TestWaysAreBounded"},
		{"lines that wait for a maker that is dialled", "nick", onion("ways.go", "maxHeld"), "", "", "TestWaysAreBounded"},
		{"bytes that wait to be written: to a directory, to others", "connection", onion("outbox.go", "maxOutBytes") + ", " + onion("outbox.go", "maxDirectBytes"), "", "dropped-out/full", "TestFullOutbox"},
		{"lines remembered to know repetitions", "onion channel", "2 times " + onion("repeats.go", "maxRepeats"), "", "", "TestRepeatsAreBounded"},
		{"log lines of one cause, a second", "program", n(logs.PerSecond), "", "", "TestD8LinesPerSecond"},
		{"bytes of a log file", "program", n(logs.FileSize), "", "", "TestD8FilesAreBounded"},
	}
}

// causesByName are the constants of package count by what they are counted as,
// without the family limits.
func causesByName(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("count/causes.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`\n\t(\w+):\s+\{\w+, "`).FindAllSubmatch(source, -1) {
		names = append(names, string(m[1]))
	}
	causes := make(map[string]string)
	for c := range new(count.Set).All() {
		causes[strings.TrimPrefix(c.String(), "limits/")] = names[c]
	}
	return causes
}

// constant evaluates a constant of another package by its source.
func constant(t *testing.T, file, name string) string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\n\s*(?:const )?` + name + `\s+= ([^/\n]*)`).FindSubmatch(source)
	if m == nil {
		t.Fatalf("%s has no %s", file, name)
	}
	number, seconds := strings.CutSuffix(strings.TrimSpace(string(m[1])), " * time.Second")
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, number)
	if err != nil {
		t.Fatal(err)
	}
	if seconds {
		return v.Value.String() + " s"
	}
	return v.Value.String()
}

var update = flag.Bool("update", false, "write docs/limits.md anew")

const (
	limitsFile  = "../docs/limits.md"
	limitsBegin = "<!-- generated: go test ./daemon -run TestLimitsAreDocumented -update -->\n\n"
	limitsEnd   = "\n<!-- end of what is generated -->\n"
)

// TestLimitsAreDocumented: the document has the limits that the daemon runs on,
// each with a test that exists, a key that exists and a count that exists.
func TestLimitsAreDocumented(t *testing.T) {
	sample, err := os.ReadFile("../internal/config/joinmarket.cfg")
	if err != nil {
		t.Fatal(err)
	}
	causes := causesByName(t)
	tests := ""
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "../protocol/*/*_test.go", "../internal/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tests += string(text)
		}
	}
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	table := "| What | Of each | At most | `[LIMITS]` | Counted under | Test |\n|---|---|---|---|---|---|\n"
	for _, l := range limits(t) {
		if l.key != "" && !strings.Contains(string(sample), "\n"+l.key+" = "+l.most+"\n") {
			t.Errorf("%s: the sample has no %s = %s", l.what, l.key, l.most)
		}
		names, looks := strings.Fields(l.tests), l.counted == ""
		for i, name := range names {
			_, body, ok := strings.Cut(tests, "\nfunc "+name+"(t *testing.T) {\n")
			body, _, _ = strings.Cut(body, "\n}\n")
			if !ok || !strings.Contains(body, "t.") {
				t.Errorf("%s: there is no %s, or it cannot fail", l.what, name)
			}
			looks = looks || strings.Contains(body, "count."+causes[l.counted])
			names[i] = code(name)
		}
		if l.counted != "" && causes[l.counted] == "" {
			t.Errorf("%s: there is no count %s", l.what, l.counted)
		} else if !looks {
			t.Errorf("%s: none of %s looks at the count %s", l.what, l.tests, l.counted)
		}
		table += fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", l.what, l.of, l.most, code(l.key), code(l.counted), strings.Join(names, ", "))
	}
	data, err := os.ReadFile(limitsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), limitsBegin)
	was, after, closed := strings.Cut(rest, limitsEnd)
	switch {
	case !found || !closed:
		t.Fatalf("%s lacks the place of the table", limitsFile)
	case was == table:
	case *update:
		if err := os.WriteFile(limitsFile, []byte(before+limitsBegin+table+limitsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show the limits; write it anew with -update", limitsFile)
	}
}

// TestM23PushesInAllAreBounded: ever new nicks have a maker broadcast no more.
func TestM23PushesInAllAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Bounds: Bounds{Pushes: 10}}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		push := line.Fields(line.Push{Tx: testTx})
		for i := range 60 { // for an hour
			w.puppet(nick(i)).say(bob, protocol.CmdPush, push)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		n := 0
		for len(maker.events) > 0 {
			if _, ok := (<-maker.events).(control.PushEvent); ok {
				n++
			}
		}
		if n < 10 || n > 15 || counts.Get(count.LimitPush) != uint64(60-n) {
			t.Errorf("%d of 60 came through, %d counted", n, counts.Get(count.LimitPush))
		}
	})
}

// TestErrorTextsAreBounded: a flood of !error does not flood the client.
func TestErrorTextsAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		for i := range 100 {
			w.puppet(nick(i)).say(bob, protocol.CmdError, "no")
		}
		n := 0
		for len(maker.events) > 0 {
			if _, ok := (<-maker.events).(control.ErrorEvent); ok {
				n++
			}
		}
		if n != errorRate.Burst || counts.Get(count.LimitErrorTexts) != uint64(100-n) {
			t.Errorf("%d texts shown, %d counted", n, counts.Get(count.LimitErrorTexts))
		}
	})
}

// TestRecentIsBounded: what may be sent again is little, and not for long.
func TestRecentIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := exchange.NewMaker(alice, 1)
		if err != nil {
			t.Fatal(err)
		}
		l, o := &link{}, &outgoing{talk: &talk{Conversation: c}}
		l.remember(&outgoing{}) // of no conversation
		for range 2 * maxRecent {
			l.remember(o)
		}
		if len(l.recent) != maxRecent {
			t.Errorf("%d remembered, cap %d", len(l.recent), maxRecent)
		}
		time.Sleep(recently + time.Second)
		if l.remember(o); len(l.recent) != 1 {
			t.Errorf("%d remembered after %v", len(l.recent), recently)
		}
	})
}

// TestRefusalWithAFullBook: who finds no place in the order book is told all the
// same why its fill is not taken.
func TestRefusalWithAFullBook(t *testing.T) {
	inWorld(t, Config{Bounds: Bounds{Nicks: 3}}, func(t *testing.T, w *world) {
		w.maker(bob)
		for i := range 5 {
			p := w.puppet(nick(i))
			if p.fill(bob, i); p.answers(bob, protocol.CmdPubKey) != 1 {
				t.Errorf("taker %d got no key", i)
			}
		}
		taker := w.puppet(alice)
		taker.say(bob, protocol.CmdFill, strings.Replace(taker.fillText(9), "0 ", "7 ", 1))
		if got := w.said(bob, alice, protocol.CmdError); len(got) != 1 || !strings.HasPrefix(got[0], "oid not found ") {
			t.Errorf("refused with %q", got)
		}
	})
}
