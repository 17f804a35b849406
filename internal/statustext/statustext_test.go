package statustext

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const now = 1_800_000_000

// TestOf: everything that a status can say, in the order of age, and nothing
// about what is not so.
func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		answer control.StatusAnswer
		want   string
	}{
		"nobody": {
			control.StatusAnswer{Version: "joinmarketd 1.0"},
			"joinmarketd 1.0, 0 clients\n\nNo client is in the market.\n",
		},
		"all": {
			control.StatusAnswer{
				Version: "joinmarketd 1.0", Clients: 3, Since: now - 3*24*3600 - 5*3600 - 7,
				Sessions: []control.SessionStatus{
					{Role: control.RoleWatcher, Since: now - 5, Busy: true, Away: true},
					{Role: control.RoleTaker, Since: now - 59, Away: true, Channels: []control.ChannelReport{{Channel: "x", State: "connecting"}}},
					{Role: control.RoleMaker, Since: now - 3*3600 - 12*60, Ready: true, Peers: 1, Offers: 655, Makers: 401,
						Conversations: map[string]int{"maker:revealed": 1, "maker:keyed": 2}, Verdicts: 1, Signatures: 2,
						Channels: []control.ChannelReport{
							{Channel: "hackint", State: "up", Since: now - 61, Server: "irc.example:6697", LinesIn: 20311, LinesOut: 1289, Queued: 3},
							{Channel: "darkirc", State: "waiting", Since: now - 120, Next: now + 300, Code: "unreachable", Reason: "connection refused"},
							{Channel: "third", State: "ended", Reason: "no room"},
							{Channel: "onion", State: "up", LinesIn: 5, LinesOut: 6, Direct: 1, Serving: true, Directories: []control.DirectoryReport{
								{Address: "a.onion:5222", State: "up", Since: now - 300, Peers: 90, Makers: 40},
								{Address: "b.onion:5222", State: "up", Since: now - 300, Peers: 1, Makers: 1, Few: true},
								{Address: "c.onion:5222", State: "waiting", Next: now + 300, Reason: "connecting: no Tor"},
							}},
						}},
				},
				Counts: map[string]uint64{"limits/fills": 12, "limits/orderbook-requests": 4011, "dropped-in/stranger": 3},
			},
			`joinmarketd 1.0, up 3d5h, 3 clients

maker for 3h12m: 1 nick, 655 offers of 401 makers, 3 conversations (2 maker:keyed, 1 maker:revealed); 1 verdicts and 2 signatures awaited
  hackint  up for 1m1s on irc.example:6697; 20311 lines in, 1289 out, 3 wait
  darkirc  waiting for 2m0s, again in 5m0s: unreachable: connection refused
  third  ended: no room
  onion  up; 5 lines in, 6 out; 2 of 3 directories, 1 direct connection, others can connect to us
    a.onion:5222  up for 5m0s; 90 nicks heard, 40 makers
    b.onion:5222  up for 5m0s; 1 nick heard, 1 maker, FAR FEWER than the others show
    c.onion:5222  waiting, again in 5m0s: connecting: no Tor

taker for 59s: not ready, client away, 0 nicks, 0 offers of 0 makers, 0 conversations
  x  connecting

watcher for 5s: does not answer

dropped-in: stranger 3
limits: fills 12, orderbook-requests 4011
`,
		},
	} {
		if got := Of(c.answer, time.Unix(now, 0)); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, c.want)
		}
	}
}

// TestClocksThatDiffer: the times are the daemon's, and may be in our future.
func TestClocksThatDiffer(t *testing.T) {
	a := control.StatusAnswer{Version: "x", Clients: 1, Since: now + 9, Sessions: []control.SessionStatus{{Role: control.RoleWatcher, Since: now + 9, Ready: true,
		Channels: []control.ChannelReport{{Channel: "c", State: "waiting", Since: now + 9, Next: now - 9}}}}}
	const want = "x, up 0s, 1 client\n\nwatcher for 0s: 0 nicks, 0 offers of 0 makers, 0 conversations\n  c  waiting for 0s, again in 0s\n"
	if got := Of(a, time.Unix(now, 0)); got != want {
		t.Errorf("%q", got)
	}
}

// TestDocumentedSample: docs/operations.md shows what was seen in this form.
func TestDocumentedSample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	up := func(name string, age int64, in, out uint64, queued int) []control.ChannelReport {
		return []control.ChannelReport{{Channel: name, State: "up", Since: now - age, Server: "127.0.0.1:36667", LinesIn: in, LinesOut: out, Queued: queued}}
	}
	a := control.StatusAnswer{Version: "joinmarketd 1.0", Clients: 5, Since: now - 532,
		Sessions: []control.SessionStatus{
			{Role: control.RoleMaker, Since: now - 371, Ready: true, Peers: 3, Offers: 2, Makers: 2, Conversations: map[string]int{"maker:revealed": 1},
				Channels: up("1 127.0.0.1", 368, 45, 21, 0)},
			{Role: control.RoleMaker, Since: now - 295, Ready: true, Peers: 3, Offers: 2, Makers: 2, Channels: up("lab", 292, 47, 18, 0)},
			{Role: control.RoleMaker, Since: now - 242, Ready: true, Peers: 2, Channels: up("lab", 239, 32, 11, 0)},
			{Role: control.RoleTaker, Since: now - 33, Ready: true, Peers: 3, Offers: 3, Makers: 3, Conversations: map[string]int{"taker:signing": 1},
				Channels: up("lab", 30, 34, 22, 1)},
		},
		Counts: map[string]uint64{"channels/up": 6, "clients/served": 509, "commitments/used": 2, "conversations/begun": 10, "conversations/signed": 6,
			"in/private": 37, "in/public": 12, "out/private": 38, "out/public": 7},
	}
	if want := Of(a, time.Unix(now, 0)); !strings.Contains(string(doc), "\n$ joinmarketd status\n"+want+"```\n") {
		t.Errorf("the sample is not of the form\n%s", want)
	}
	lost := channel(control.ChannelReport{Channel: "lab", State: "waiting", Since: now - 3, Next: now + 2, Server: "127.0.0.1:36667", Code: "unreachable",
		Reason: "connecting to 127.0.0.1:36667: dial tcp 127.0.0.1:36667: connect: connection refused", LinesIn: 65, LinesOut: 21}, time.Unix(now, 0))
	if !strings.Contains(string(doc), "\n  "+lost+"\n") {
		t.Errorf("the channel that is not up is not of the form\n%s", lost)
	}
}
