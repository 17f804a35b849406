// Package metrics tells machines how a daemon fares: numbers for Prometheus, and
// whether it is alive and ready, over HTTP on this machine only (package
// prometheus).
//
// No label has a word of a peer or of a client in it, such as a nick or the name
// of a channel, so that the number of series is fixed and shows nobody.
package metrics

import (
	"runtime"
	"slices"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/daemon/irc"
	"github.com/joinmarket-go/joinmarket/daemon/onion"
	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Metric is a number or, with a label, several.
type Metric struct {
	Name   string // with the prefix joinmarketd_
	Help   string
	Type   string // gauge or counter
	Label  string // empty: one number
	values func(x *picture) []value
}

type value = prometheus.Value

// picture is what the numbers are made of.
type picture struct {
	control.StatusAnswer
	counts *count.Set
}

// All are the metrics, in the order in which they are written.
var All = slices.Concat([]Metric{
	{"joinmarketd_info", "Always 1; the label is the version.", "gauge", "version", func(x *picture) []value { return []value{{Label: x.Version, N: 1}} }},
	one("start_time_seconds", "When the daemon began, Unix time.", func(x *picture) float64 { return float64(x.Since) }),
	one("connected_clients", "Clients connected to the daemon.", func(x *picture) float64 { return float64(x.Clients) }),
	some("sessions", "Clients in the market.", "role", []string{"taker", "maker", "watcher"},
		func(s control.SessionStatus, add func(string, int)) { add(string(s.Role), 1) }),
	some("sessions_not_ready", "Clients in the market that wait for a channel.", "", nil,
		func(s control.SessionStatus, add func(string, int)) { add("", truth(!s.Ready)) }),
	some("sessions_busy", "Clients whose session did not answer within 2 seconds.", "", nil,
		func(s control.SessionStatus, add func(string, int)) { add("", truth(s.Busy)) }),
	some("sessions_away", "Sessions that wait for their client to come back.", "", nil,
		func(s control.SessionStatus, add func(string, int)) { add("", truth(s.Away)) }),
	some("channels", "Message channels of all sessions by state.", "state", linkStates,
		func(s control.SessionStatus, add func(string, int)) {
			for _, c := range s.Channels {
				add(c.State, 1)
			}
		}),
	some("directories", "Directories of all onion channels by state.", "state", directoryStates,
		func(s control.SessionStatus, add func(string, int)) {
			for _, c := range s.Channels {
				for _, d := range c.Directories {
					add(d.State, 1)
				}
			}
		}),
	some("directories_few", "Directories that show far fewer makers than the others.", "", nil,
		func(s control.SessionStatus, add func(string, int)) {
			for _, c := range s.Channels {
				for _, d := range c.Directories {
					add("", truth(d.Few))
				}
			}
		}),
	some("direct_connections", "Connections of onion channels to makers or takers.", "", nil,
		func(s control.SessionStatus, add func(string, int)) {
			for _, c := range s.Channels {
				add("", c.Direct)
			}
		}),
	most("peers", "Nicks heard of, in the session that knows most.", func(s control.SessionStatus) int { return s.Peers }),
	most("offers", "Offers in the largest order book.", func(s control.SessionStatus) int { return s.Offers }),
	most("makers", "Nicks with an offer, in the session that knows most.", func(s control.SessionStatus) int { return s.Makers }),
	some("open_conversations", "Open conversations by state.", "state", conversationStates(),
		func(s control.SessionStatus, add func(string, int)) {
			for state, n := range s.Conversations {
				add(state, n)
			}
		}),
	some("waiting", "Messages that wait: for verdict or signature of a client, or to be sent.", "for", []string{"verdict", "signature", "line"},
		func(s control.SessionStatus, add func(string, int)) {
			add("verdict", s.Verdicts)
			add("signature", s.Signatures)
			for _, c := range s.Channels {
				add("line", c.Queued)
			}
		}),
	one("goroutines", "Goroutines of the process.", func(*picture) float64 { return float64(runtime.NumGoroutine()) }),
	one("memory_bytes", "Memory that the process holds.", func(*picture) float64 { return float64(prometheus.Memory()) }),
}, counters())

var linkStates = []string{string(irc.LinkConnecting), string(irc.LinkRegistering), string(irc.LinkJoining), string(irc.LinkUp),
	string(irc.LinkWaiting), string(irc.LinkEnded)}

var directoryStates = []string{string(onion.Connecting), string(onion.Greeting), string(onion.Up), string(onion.Waiting)}

// conversationStates are those in which a conversation is open.
func conversationStates() (states []string) {
	for _, row := range exchange.Table {
		if s := string(row.Next); !row.Next.Over() && !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	return states
}

// counters are the families of package count.
func counters() (list []Metric) {
	for _, f := range []struct {
		family            count.Family
		name, help, label string
	}{
		{count.Limits, "limits", "Bounds that were reached.", "limit"},
		{count.In, "messages_in", "Messages that came.", "kind"},
		{count.Out, "messages_out", "Messages that went out.", "kind"},
		{count.DroppedIn, "dropped_in", "Messages that came and were not acted on.", "cause"},
		{count.DroppedOut, "dropped_out", "Messages that did not leave.", "cause"},
		{count.Conversations, "conversations", "Conversations begun, and how they ended.", "event"},
		{count.Commitments, "commitments", "Commitments entered in the list of used ones.", "origin"},
		{count.Channels, "channel_events", "What became of connections to servers.", "event"},
		{count.Clients, "clients", "What became of clients.", "event"},
		{count.Faults, "faults", "Faults of the daemon itself.", "kind"},
	} {
		list = append(list, Metric{prefix + f.name + "_total", f.help, "counter", f.label, func(x *picture) (values []value) {
			for c, n := range x.counts.All() {
				if c.Family() == f.family {
					values = append(values, value{Label: c.Name(), N: float64(n)})
				}
			}
			return values
		}})
	}
	return list
}

const prefix = "joinmarketd_"

// one is a metric of the daemon as a whole.
func one(name, help string, n func(*picture) float64) Metric {
	return Metric{prefix + name, help, "gauge", "", func(x *picture) []value { return []value{{N: n(x)}} }}
}

// some adds up over all sessions, by label. What has no label of the list is
// counted as "other".
func some(name, help, label string, labels []string, sum func(s control.SessionStatus, add func(string, int))) Metric {
	return Metric{prefix + name, help, "gauge", label, func(x *picture) (values []value) {
		sums := make(map[string]int)
		for _, s := range x.Sessions {
			sum(s, func(l string, n int) {
				if l != "" && !slices.Contains(labels, l) {
					l = "other"
				}
				sums[l] += n
			})
		}
		if label == "" {
			return []value{{N: float64(sums[""])}}
		}
		for _, l := range append(labels[:len(labels):len(labels)], "other") {
			values = append(values, value{Label: l, N: float64(sums[l])})
		}
		return values
	}}
}

// most is the greatest number of any session.
func most(name, help string, n func(control.SessionStatus) int) Metric {
	return one(name, help, func(x *picture) float64 {
		greatest := 0
		for _, s := range x.Sessions {
			greatest = max(greatest, n(s))
		}
		return float64(greatest)
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// gather makes all metrics.
func gather(x *picture) (all []prometheus.Metric) {
	for _, m := range All {
		all = append(all, prometheus.Metric{Name: m.Name, Help: m.Help, Type: m.Type, Label: m.Label, Values: m.values(x)})
	}
	return all
}
