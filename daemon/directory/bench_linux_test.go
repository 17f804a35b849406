package directory

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

const crowd = 10_000

// BenchmarkIdlePeers: what 10,000 peers take that say nothing.
func BenchmarkIdlePeers(b *testing.B) {
	for b.Loop() {
		s := startServer(b, open, 2)
		before := s.resident()
		all := s.crowd(crowd, 512)
		after := s.resident()
		s.cmd.Process.Kill()
		for _, c := range all {
			c.Close()
		}
		b.ReportMetric(after, "MB-resident")
		b.ReportMetric((after-before)*1024/crowd, "KiB/peer")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPublicToAll: how long a public line takes until the last of 10,000
// peers has it. They read in this process, on the same cores.
func BenchmarkPublicToAll(b *testing.B) {
	s := startServer(b, open, 2)
	all := s.crowd(crowd, 512)
	heard := make(chan struct{}, crowd)
	for _, c := range all[1:] {
		go func() {
			for {
				if _, err := c.in.ReadSlice('\n'); err != nil {
					return
				}
				heard <- struct{}{}
			}
		}()
	}
	before, n := s.cpu(), 0
	var slowest time.Duration
	for b.Loop() {
		began := time.Now()
		all[0].Write(all[0].line(onion.Public, fmt.Sprintf("%s!PUBLIC!sw0reloffer %d 100000 79000000 0 0.00002", all[0].nick, n)))
		for range crowd - 1 {
			<-heard
		}
		slowest = max(slowest, time.Since(began))
		n++
	}
	b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
	b.ReportMetric(float64((s.cpu()-before).Milliseconds())/float64(n), "ms-cpu/op")
}

// BenchmarkPrivateRelay: private lines of 700 bytes, as offers with a bond are,
// from 100 peers to 100 others, on one core of the directory.
func BenchmarkPrivateRelay(b *testing.B) {
	s := startServer(b, open, 1)
	const pairs, window = 100, 200 // lines on their way, of each pair
	all := s.crowd(2*pairs, 64<<10)
	text := strings.Repeat("x", 640)
	var running sync.WaitGroup
	before, began := s.cpu(), time.Now()
	each := b.N/pairs + 1
	b.ResetTimer()
	for i := range pairs {
		from, to := all[2*i], all[2*i+1]
		line := from.line(onion.Private, string(from.nick)+"!"+string(to.nick)+"!"+text)
		burst := slices.Repeat(line, 10)
		room := make(chan struct{}, window/10)
		running.Go(func() {
			for n := 0; n < each; n += 10 {
				room <- struct{}{}
				from.Write(burst)
			}
		})
		running.Go(func() {
			for n := 0; n < each; n += 10 {
				for range 10 {
					if _, err := to.in.ReadSlice('\n'); err != nil {
						b.Error(err)
						return
					}
				}
				<-room
			}
		})
	}
	running.Wait()
	total := float64((each + 9) / 10 * 10 * pairs)
	b.ReportMetric(total/time.Since(began).Seconds(), "lines/s")
	b.ReportMetric(float64((s.cpu()-before).Microseconds())/total, "us-cpu/line")
}

// BenchmarkReconnect: 1,000 peers that come back at the same time.
func BenchmarkReconnect(b *testing.B) {
	s := startServer(b, Limits{}, 2)
	var slowest time.Duration
	for b.Loop() {
		var running sync.WaitGroup
		began, failed := time.Now(), atomic.Int64{}
		all := make([]*client, 1000)
		for i := range all {
			running.Go(func() {
				var err error
				if all[i], err = s.dial(512); err != nil {
					failed.Add(1)
				}
			})
		}
		running.Wait()
		slowest = max(slowest, time.Since(began))
		b.ReportMetric(float64(failed.Load()), "refused")
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
	}
	b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
}

// BenchmarkOrderbookFlood: 10,000 requests a second of 2,000 nicks, for a minute,
// among 1,000 peers; what the directory takes for it, and how long private lines
// of two peers that do not take part need, and a public line of one. Without the
// flood, or with -short, it takes ten seconds.
func BenchmarkOrderbookFlood(b *testing.B) {
	b.Run("without", func(b *testing.B) { orderbookFlood(b, 0, 10*time.Second) })
	b.Run("with", func(b *testing.B) {
		length := time.Minute
		if testing.Short() {
			length = 10 * time.Second
		}
		orderbookFlood(b, 10_000, length)
	})
}

func orderbookFlood(b *testing.B, perSecond int, length time.Duration) {
	s := startServer(b, Limits{}, runtime.NumCPU())
	honest := s.crowd(1000, 4096)
	hostile := s.crowd(2000, 4096)
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	heard := make(chan time.Time, 1)
	for _, c := range slices.Concat(hostile, honest[3:]) {
		go c.in.WriteTo(discard{})
	}
	go func() {
		for {
			line, err := honest[2].in.ReadSlice('\n')
			if err != nil {
				return
			}
			if strings.Contains(string(line), string(honest[0].nick)) {
				heard <- time.Now()
			}
		}
	}()
	before, began := s.cpu(), time.Now()
	sent := atomic.Int64{}
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ctx.Err() == nil; {
			<-tick.C
			for due := int(time.Since(began).Seconds() * float64(perSecond)); i < due; i++ {
				c := hostile[i%len(hostile)]
				c.SetWriteDeadline(time.Now().Add(time.Millisecond))
				if _, err := c.Write(c.line(onion.Public, string(c.nick)+"!PUBLIC!orderbook")); err == nil {
					sent.Add(1)
				}
			}
		}
	}()
	var private, public []float64
	from, to := honest[0], honest[1]
	line := from.line(onion.Private, string(from.nick)+"!"+string(to.nick)+"!pubkey 0123")
	for n := 0; ctx.Err() == nil; n++ {
		at := time.Now()
		from.Write(line)
		for {
			got, err := to.in.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if strings.Contains(string(got), "!pubkey") {
				break
			}
		}
		private = append(private, time.Since(at).Seconds()*1000)
		if n%20 == 0 {
			at = time.Now()
			from.Write(from.line(onion.Public, fmt.Sprintf("%s!PUBLIC!sw0reloffer %d", from.nick, n)))
			public = append(public, (<-heard).Sub(at).Seconds()*1000)
		}
		time.Sleep(50 * time.Millisecond)
	}
	took := time.Since(began)
	slices.Sort(private)
	slices.Sort(public)
	b.ReportMetric(float64(sent.Load())/took.Seconds(), "requests/s")
	b.ReportMetric(100*(s.cpu()-before).Seconds()/took.Seconds(), "%-core")
	b.ReportMetric(private[len(private)/2], "ms-private")
	b.ReportMetric(private[len(private)*99/100], "ms-private-99%")
	b.ReportMetric(public[len(public)/2], "ms-public")
	b.ReportMetric(public[len(public)-1], "ms-public-slowest")
	b.ReportMetric(s.resident(), "MB-resident")
	b.ReportMetric(0, "ns/op")
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
