package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Status is where a directory stands. Nothing in it is of a single peer.
type Status struct {
	Network     string `json:"network"`
	Nick        string `json:"nick"`
	Location    string `json:"location,omitempty"`
	Since       int64  `json:"since"` // Unix time
	Peers       int    `json:"peers"`
	Connections int    `json:"connections"` // peers, and those that have not said hello
	Circuits    int    `json:"circuits"`    // of Tor, where known
	Claims      int    `json:"claims"`      // hellos that wait for a nick or location
	Public      int    `json:"public"`      // public lines that wait for their turn
	Queued      int64  `json:"queued"`      // bytes that wait for single peers
	Memory      uint64 `json:"memory"`      // bytes
	// Counts are by family and cause, such as "closed/slow", from the start on.
	Counts map[string]uint64 `json:"counts"`
}

// Status returns where the directory stands.
func (d *Directory) Status() Status {
	s := Status{
		Network: d.network, Nick: d.nick, Location: string(d.cfg.Location), Since: d.began.Unix(), Peers: d.registry.len(),
		Claims: d.registry.claims(), Public: d.crier.waiting(), Queued: d.depot.Used(), Memory: prometheus.Memory(), Counts: make(map[string]uint64),
	}
	s.Connections, s.Circuits = d.door.status()
	for c := range causes {
		s.Counts[c.String()] = d.counts.get(c)
	}
	return s
}

// maxStatus bounds a status in bytes.
const maxStatus = 1 << 16

// Tell writes the status to a connection and closes it.
func (d *Directory) Tell(nc net.Conn) {
	defer nc.Close()
	nc.SetWriteDeadline(time.Now().Add(refuseWait))
	json.NewEncoder(nc).Encode(d.Status())
}

// Ask reads what Tell writes.
func Ask(ctx context.Context, nc net.Conn) (s Status, err error) {
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	if err := json.NewDecoder(io.LimitReader(nc, maxStatus)).Decode(&s); err != nil {
		return Status{}, fmt.Errorf("reading the directory's status: %w", err)
	}
	for _, text := range []string{s.Network, s.Nick, s.Location} {
		if !protocol.Printable(text) {
			return Status{}, fmt.Errorf("reading the directory's status: not printable")
		}
	}
	return s, nil
}

// Text is the status for people.
func (s Status) Text(now time.Time) string {
	var b strings.Builder
	at := ""
	if s.Location != "" {
		at = " at " + s.Location
	}
	fmt.Fprintf(&b, "directory %s on %s%s, up %v\n", s.Nick, s.Network, at, now.Sub(time.Unix(s.Since, 0)).Round(time.Second))
	fmt.Fprintf(&b, "%d peers, %d connections", s.Peers, s.Connections)
	if s.Circuits > 0 {
		fmt.Fprintf(&b, " by %d circuits", s.Circuits)
	}
	fmt.Fprintf(&b, "; waiting: %d claims, %d public lines, %d bytes; memory %d MiB\n\n", s.Claims, s.Public, s.Queued, s.Memory>>20)
	for _, f := range families {
		var parts []string
		for c := range causes {
			if n := s.Counts[c.String()]; table[c].family == f.name && n > 0 {
				parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d", table[c].name, n)))
			}
		}
		if len(parts) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", strings.ReplaceAll(f.name, "_", " "), strings.Join(parts, ", "))
		}
	}
	return b.String()
}

// prefix begins the name of each metric.
const prefix = "joinmarketd_directory_"

// Metrics are the numbers of the status, for Prometheus.
func (d *Directory) Metrics(context.Context) []prometheus.Metric {
	s := d.Status()
	var all []prometheus.Metric
	for _, m := range []struct {
		name, help string
		n          float64
	}{
		{"start_time_seconds", "When the directory began, Unix time.", float64(s.Since)},
		{"peers", "Peers that have said hello.", float64(s.Peers)},
		{"connections", "Connections, of peers and of others.", float64(s.Connections)},
		{"max_peers", "How many connections there may be.", float64(d.limits.Load().Peers)},
		{"circuits", "Circuits of Tor by which connections come, where known.", float64(s.Circuits)},
		{"claims", "Hellos that wait for a nick or location that another has.", float64(s.Claims)},
		{"public_waiting", "Public lines that wait for their turn.", float64(s.Public)},
		{"queued_bytes", "Bytes that wait for single peers.", float64(s.Queued)},
		{"goroutines", "Goroutines of the process.", float64(runtime.NumGoroutine())},
		{"memory_bytes", "Memory that the process holds.", float64(s.Memory)},
	} {
		all = append(all, prometheus.Metric{Name: prefix + m.name, Help: m.help, Type: "gauge", Values: []prometheus.Value{{N: m.n}}})
	}
	for _, f := range families {
		m := prometheus.Metric{Name: prefix + f.name + "_total", Help: f.help, Type: "counter", Label: f.label}
		for c := range causes {
			if table[c].family == f.name {
				m.Values = append(m.Values, prometheus.Value{Label: table[c].name, N: float64(s.Counts[c.String()])})
			}
		}
		all = append(all, m)
	}
	return all
}
