package directory

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// The benchmarks are of a directory in a process of its own, so that what it takes
// is told apart from what its load takes: this program, told so. They connect over
// loopback TCP.

func TestMain(m *testing.M) {
	if text := os.Getenv("BE_DIRECTORY"); text != "" {
		beDirectory(text)
	}
	os.Exit(m.Run())
}

func beDirectory(limits string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	cfg := Config{Network: "testnet"}
	fail(json.Unmarshal([]byte(limits), &cfg.Limits))
	d, err := New(cfg)
	fail(err)
	l, err := control.Listen(control.Config{Address: "tcp:127.0.0.1:0", NoCookie: true, MaxConns: 20_000})
	fail(err)
	fmt.Println(strings.TrimPrefix(l.Address(), "tcp:"))
	go d.Run(context.Background())
	fail(l.Serve(context.Background(), func(_ context.Context, nc net.Conn) { d.Handle(nc) }))
}

// server is such a process.
type server struct {
	b       *testing.B
	cmd     *exec.Cmd
	address string
}

// open are limits that nothing reaches.
var open = Limits{
	Lines: rate.Rate{Every: 1, Burst: 1 << 30}, AllLines: rate.Rate{Every: 1, Burst: 1 << 30}, Public: rate.Rate{Every: 1, Burst: 1 << 30},
	Hellos: rate.Rate{Every: 1, Burst: 1 << 30}, Strangers: rate.Rate{Every: 1, Burst: 1 << 30},
}

func startServer(b *testing.B, l Limits, cores int) *server {
	b.Helper()
	limits, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	s := &server{b: b, cmd: exec.Command(os.Args[0])}
	s.cmd.Env = append(os.Environ(), "BE_DIRECTORY="+string(limits), fmt.Sprint("GOMAXPROCS=", cores))
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	s.address = strings.TrimSpace(line)
	b.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	return s
}

// resident is the memory of the process in MiB.
func (s *server) resident() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.b.Fatal(err)
	}
	return float64(kb) / 1024
}

// cpu is the time of the processor that the process took.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.b.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, n := range f[11:13] {
		v, err := strconv.Atoi(n)
		if err != nil {
			s.b.Fatal(err)
		}
		ticks += v
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// client is a peer of the load.
type client struct {
	net.Conn
	nick protocol.Nick
	in   *bufio.Reader
}

// dial connects a peer and waits until it is accepted.
func (s *server) dial(size int) (*client, error) {
	nc, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	c := &client{nc, protocol.RandomNick(), bufio.NewReaderSize(nc, size)}
	hello := onion.ClientHello{Nick: c.nick, Location: onion.NotServing, Network: "testnet"}.Message()
	line, err := hello.Append(nil)
	if err != nil {
		return nil, err
	}
	if _, err := nc.Write(line); err != nil {
		return nil, err
	}
	answer, err := c.in.ReadSlice('\n')
	if err != nil || !strings.Contains(string(answer), `\"accepted\": true`) {
		return nil, fmt.Errorf("%s: %w", answer, err)
	}
	return c, nil
}

// crowd connects n peers, some at a time.
func (s *server) crowd(n, size int) []*client {
	s.b.Helper()
	all := make([]*client, n)
	var running sync.WaitGroup
	next := atomic.Int64{}
	for range 64 {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				c, err := s.dial(size)
				if err != nil {
					s.b.Error(err)
					return
				}
				all[i] = c
			}
		})
	}
	running.Wait()
	if s.b.Failed() {
		s.b.FailNow()
	}
	s.b.Cleanup(func() {
		for _, c := range all {
			c.Close()
		}
	})
	return all
}

func (c *client) line(t onion.Type, text string) []byte {
	line, err := onion.Message{Type: t, Text: text}.Append(nil)
	if err != nil {
		panic(err)
	}
	return line
}

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
