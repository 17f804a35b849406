package statustext

import (
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
						}},
				},
				Counts: map[string]uint64{"limits/fills": 12, "limits/orderbook-requests": 4011, "dropped-in/stranger": 3},
			},
			`joinmarketd 1.0, up 3d5h, 3 clients

maker for 3h12m: 1 nick, 655 offers of 401 makers, 3 conversations (2 maker:keyed, 1 maker:revealed); 1 verdicts and 2 signatures awaited
  hackint  up for 1m1s on irc.example:6697; 20311 lines in, 1289 out, 3 wait
  darkirc  waiting for 2m0s, again in 5m0s: unreachable: connection refused
  third  ended: no room

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
