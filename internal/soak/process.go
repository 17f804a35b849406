package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running joinmarketd, seen from outside.
type process struct {
	cmd     *exec.Cmd
	dir     string
	socket  string // unix:/path, for clients
	metrics string // URL
	web     http.Client
	ended   chan error

	looked       time.Time
	ticks, heard float64 // until then: of the processor, 10 ms each; messages
}

// settings of the daemon.
const settings = `[DAEMON]
metrics = 127.0.0.1:0
resume_grace_sec = 20
[LOGGING]
console_log_level = WARNING
[MESSAGING:soak]
host = %s
port = %s
channel = %s
usessl = false
socks5 = false
line_interval_ms = %d
`

// roomName is the market's room; the server knows it with the network's suffix.
const (
	roomName = "soak"
	network  = "regtest"
	ircRoom  = "#" + roomName + "-test"
)

// startDaemon runs the daemon in dir until it listens.
func startDaemon(o options, dir, server string) (*process, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), fmt.Appendf(nil, settings, host, port, roomName, o.pace.Milliseconds()), 0o600); err != nil {
		return nil, err
	}
	errs, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, err
	}
	defer errs.Close()
	p := &process{dir: dir, ended: make(chan error, 1), web: http.Client{Timeout: 10 * time.Second},
		cmd: exec.Command(o.daemon, "--datadir", dir, "--listen", "unix:"+filepath.Join(dir, "s"), "--max-clients", "200")}
	p.cmd.Stderr = errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; make build makes joinmarketd", err)
	}
	lines := bufio.NewScanner(out)
	for p.socket == "" && lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "metrics on "); ok {
			p.metrics = at
		}
		if at, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			p.socket = at
		}
	}
	go func() {
		io.Copy(io.Discard, out)
		p.ended <- p.cmd.Wait()
	}()
	if p.socket == "" || p.metrics == "" {
		<-p.ended
		return nil, fmt.Errorf("joinmarketd does not listen:\n%s", p.log())
	}
	return p, nil
}

// log is the end of what the daemon wrote to its standard error.
func (p *process) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "stderr"))
	return string(text[max(0, len(text)-4096):])
}

// endWait bounds the daemon's end; it promises 10 seconds.
const endWait = 15 * time.Second

// end tells the daemon to end, which it must do in good order.
func (p *process) end() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		p.ended <- nil
		if err != nil {
			return fmt.Errorf("joinmarketd ended: %w\n%s", err, p.log())
		}
		return nil
	case <-time.After(endWait):
		p.cmd.Process.Kill()
		p.ended <- nil
		return errors.New("joinmarketd did not end when told to")
	}
}

// sample is what the daemon takes.
type sample struct {
	rss, heap         float64 // MiB: resident; what the Go runtime holds
	goroutines, files float64
	cpu, heard        float64 // since the last look: percent of a core; messages a second, in all sessions
	faults            float64 // of the daemon itself, so far
}

// look takes a sample.
func (p *process) look() (sample, error) {
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return sample{}, fmt.Errorf("looking at the daemon: %w", err)
	}
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return sample{}, fmt.Errorf("counting the daemon's files: %w", err)
	}
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return sample{}, fmt.Errorf("looking at the daemon: %w", err)
	}
	s := sample{files: float64(len(files))}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if f := strings.Fields(rest); len(f) > 0 {
		s.rss = number(f[0]) / 1024
	}
	heard, err := p.ask(&s)
	ticks, now := processor(string(stat)), time.Now()
	if passed := now.Sub(p.looked).Seconds(); !p.looked.IsZero() {
		s.cpu, s.heard = (ticks-p.ticks)/passed, (heard-p.heard)/passed
	}
	p.looked, p.ticks, p.heard = now, ticks, heard
	return s, err
}

// processor reads the time that /proc/PID/stat tells, in ticks of 10 ms: the
// 12th and 13th field behind the name in parentheses.
func processor(stat string) float64 {
	if f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]); len(f) > 12 {
		return number(f[11]) + number(f[12])
	}
	return 0
}

// ask reads the daemon's own metrics, and how many messages it heard so far.
func (p *process) ask(s *sample) (heard float64, err error) {
	answer, err := p.web.Get(p.metrics)
	if err != nil {
		return 0, fmt.Errorf("asking for metrics: %w", err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch {
		case name == "joinmarketd_memory_bytes":
			s.heap = number(value) / (1 << 20)
		case name == "joinmarketd_goroutines":
			s.goroutines = number(value)
		case strings.HasPrefix(name, "joinmarketd_faults_total"):
			s.faults += number(value)
		case strings.HasPrefix(name, "joinmarketd_messages_in_total"):
			heard += number(value)
		}
	}
	return heard, lines.Err()
}

// number is 0 for what is none: /proc and the metrics have numbers there.
func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// reload has the daemon read its configuration again.
func (p *process) reload(ctx context.Context) {
	every(ctx, 7*time.Second, func() { p.cmd.Process.Signal(syscall.SIGHUP) })
}

// every does something at intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}
