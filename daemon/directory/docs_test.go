package directory

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

const docs = "../../docs/directory.md"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOperatorsAreTold: docs/directory.md has a row for every metric and for every
// cause, and for none that is not there.
func TestOperatorsAreTold(t *testing.T) {
	rows := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+|[a-z_]+/[a-z-]+)` \\|").FindAllStringSubmatch(read(t, docs), -1) {
		rows[m[1]] = true
	}
	want := make(map[string]bool)
	d, err := New(Config{Network: "testnet"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Metrics(t.Context()) {
		want[m.Name] = true
	}
	for c := range causes {
		if table[c].name != "" {
			want[c.String()] = true
		}
	}
	for name := range want {
		if !rows[name] {
			t.Errorf("no row for %s", name)
		}
	}
	for name := range rows {
		if !want[name] {
			t.Errorf("a row for %s, which is not exported", name)
		}
	}
	if len(want) < 40 {
		t.Errorf("only %d", len(want))
	}
}

// TestCauses: each has a family that is exported, and a name of its own.
func TestCauses(t *testing.T) {
	known := map[string]bool{}
	for _, f := range families {
		known[f.name] = true
	}
	seen := map[string]bool{}
	for c := range causes {
		if !known[table[c].family] || seen[c.String()] {
			t.Errorf("cause %d is %q", c, c)
		}
		seen[c.String()] = true
	}
}

// TestAlertsMatch: packaging/directory-alerts.yml names series that are there.
func TestAlertsMatch(t *testing.T) {
	d, err := New(Config{Network: "testnet"})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	prometheus.Write(&text, d.Metrics(t.Context()))
	named := regexp.MustCompile(`(joinmarketd_directory_[a-z_]+)(\{[a-z]+="[^"]*"\})?`).FindAllString(read(t, "../../packaging/directory-alerts.yml"), -1)
	if len(named) < 8 {
		t.Fatalf("only %d series", len(named))
	}
	for _, series := range named {
		if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(series) + "[ {]").MatchString(text.String()) {
			t.Errorf("no series %s", series)
		}
	}
}

var update = flag.Bool("update", false, "write docs/directory.md anew")

// limit is a row of the table of limits, with the key of [DIRECTORY] or the count,
// if it has them, and the test that goes beyond it.
type limit struct{ what, of, most, key, counted, test string }

func tabled() []limit {
	l := DefaultLimits
	n := func(v any) string { return fmt.Sprint(v) }
	r := func(r rate.Rate) string {
		return fmt.Sprintf("%d a second, %d at once", time.Second/r.Every, r.Burst)
	}
	return []limit{
		{"connections", "directory", n(l.Peers), "max_peers", "refused/full", "TestConnectionsAreBounded"},
		{"connections", "circuit", n(l.PerCircuit), "peers_per_circuit", "refused/circuit", "TestN15PeersOfACircuit"},
		{"time until a hello", "connection", n(helloWait), "", "refused/hello", "TestN2HelloFirst"},
		{"hellos that are answered; others wait", "directory", r(l.Hellos), "", "slowed", "TestN12ReconnectStorm"},
		{"time that a hello waits for its turn", "connection", n(turnWait), "", "refused/full", "TestN12HelloFlood"},
		{"claims of what another has, that wait", "directory", n(maxClaims), "", "refused/held", "TestN9HeldNick"},
		{"time of a claim", "claim", n(claimWait), "", "refused/held", "TestN14UnprovenClaim"},
		{"bytes of a line", "line", n(onion.MaxLine), "", "closed/form", "TestN4Bombs"},
		{"time of a line that has begun", "line", n(lineWait), "", "closed/drip", "TestN3SlowSender"},
		{"bytes of long lines on their way", "directory", n(longMemory), "", "closed/memory", "TestN3LongLinesAreBounded"},
		{"lines read; others wait", "circuit or connection", r(l.Lines), "", "slowed", "TestLinesArePaced"},
		{"lines read; others wait", "directory", r(l.AllLines), "", "slowed", "TestLinesArePaced"},
		{"public lines", "circuit or connection", r(l.Public), "", "dropped/public", "TestN13CircuitsShareABudget"},
		{"bytes of a public line", "line", n(maxPublic), "", "dropped/long", "TestLongPublicLine"},
		{"requests for the order book passed on; others wait", "directory", r(l.Requests), "", "", "TestN1OrderbookFlood"},
		{"other public lines passed on; others wait", "directory", r(l.Offers), "", "", "TestN1OffersPass"},
		{"public lines that wait", "peer", n(publicEach), "", "dropped/queue", "TestPublicQueueIsCounted"},
		{"public lines that wait, before only first ones of peers are taken", "lane", n(publicWaiting), "", "dropped/queue", "TestPublicQueueIsCounted"},
		{"KiB of public lines to all together, a second", "directory", n(l.Broadcast >> 10), "broadcast_kib_per_sec", "", "TestBroadcastCost"},
		{"private lines of strangers", "addressee", r(l.Strangers), "", "dropped/unasked", "TestStrangers"},
		{"bytes that wait", "peer", n(l.Queue), "", "dropped/full", "TestN3PeerThatDoesNotRead"},
		{"MiB that wait for single peers", "directory", n(l.Memory >> 20), "memory_mib", "dropped/full", "TestN3MemoryIsShared"},
		{"time of a write", "peer", n(stallWait), "", "closed/slow", "TestN3PeerThatDoesNotRead"},
		{"time in which a peer that takes less than 4 KiB a second does not catch up", "peer", n(slowWait), "", "closed/slow", "TestFloodedPeerStays"},
		{"peers in a list", "answer", n(l.List), "", "", "TestN15ListIsBounded"},
		{"lists", "peer", "one in " + n(listEvery), "", "dropped/list", "TestPeerList"},
		{"peers that left, told of", "second", n(maxLeft), "", "", "TestN12ThousandLeave"},
		{"characters of `motd`", "directory", n(MaxMOTD), "", "", "TestMOTD"},
	}
}

// TestLimitsAreDocumented: the document has the limits that a directory runs on,
// each with a test that exists, a key that exists and a count that exists.
func TestLimitsAreDocumented(t *testing.T) {
	sample := read(t, "../../internal/config/joinmarket.cfg")
	_, sample, _ = strings.Cut(sample, "\n[DIRECTORY]\n")
	tests := ""
	for _, pattern := range []string{"*_test.go", "*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			tests += read(t, f)
		}
	}
	counted := map[string]bool{"": true}
	for c := range causes {
		counted[c.String()] = true
	}
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	text := "| What | Of each | At most | `[DIRECTORY]` | Counted under | Test |\n|---|---|---|---|---|---|\n"
	for _, l := range tabled() {
		if l.key != "" && !strings.Contains(sample, "\n"+l.key+" = "+l.most+"\n") {
			t.Errorf("%s: the sample has no %s = %s", l.what, l.key, l.most)
		}
		if !strings.Contains(tests, "\nfunc "+l.test+"(t *testing.T) {\n") || !counted[l.counted] {
			t.Errorf("%s: no %s, or no count %s", l.what, l.test, l.counted)
		}
		text += fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", l.what, l.of, l.most, code(l.key), code(l.counted), code(l.test))
	}
	const begin, end = "<!-- generated: go test ./daemon/directory -run TestLimitsAreDocumented -update -->\n\n", "<!-- end of what is generated -->\n"
	before, rest, found := strings.Cut(read(t, docs), begin)
	was, after, closed := strings.Cut(rest, end)
	switch text += "\n"; {
	case !found || !closed:
		t.Fatalf("%s lacks the place of the table", docs)
	case was == text:
	case *update:
		if err := os.WriteFile(docs, []byte(before+begin+text+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show the limits; write it anew with -update", docs)
	}
}
