package directory

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < uint64(n)+100 {
		s.b.Skipf("needs %d open files, may have %d", n+100, files.Cur)
	}
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
