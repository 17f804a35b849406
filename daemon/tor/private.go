package tor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// Names in the folder of a private Tor.
const (
	dataFolder  = "data"
	portFile    = "control-port"
	cookieFile  = "cookie"
	userTorrc   = "torrc" // of the user, for bridges and the like
	maxPortFile = 256     // bytes
)

const (
	// lastWords is how many lines of a Tor that did not start are told.
	lastWords = 5
	// endWait is how long a private Tor may take to end before it is killed.
	endWait = 5 * time.Second
	// portWait is how long it may take to listen.
	portWait = 30 * time.Second
)

// PrivateConfig describes a Tor of our own.
type PrivateConfig struct {
	// Folder for what it keeps; made if need be, 0700. A file "torrc" in it is
	// read by Tor too, for bridges and the like.
	Folder string
	// Program is Tor's, a path or a name that is looked for in PATH.
	Program string
	// Progress is told how much of its way into the network Tor has gone, in
	// percent, and what it is doing; one call at a time. May be nil.
	Progress func(percent int, what string)
	// Logger for what Tor complains of; nil means silent.
	Logger *slog.Logger
}

// Private is a running Tor of our own. It ends with us, also when we crash: it
// watches the connection to its control port and our process.
type Private struct {
	cfg    PrivateConfig
	cmd    *exec.Cmd
	ended  chan struct{} // closed
	owner  *conn
	socks  string
	listen string // the control port

	ready chan struct{} // closed when it is in the network

	mu    sync.Mutex
	words []string // the last of what it says
	phase int      // percent
	doing string
}

// StartPrivate starts a Tor and returns when its ports listen; Ready waits for
// the network. Errors match ErrNoTor or that of ctx, which bounds the start only.
func StartPrivate(ctx context.Context, cfg PrivateConfig) (*Private, error) {
	program, err := LookProgram(cfg.Program)
	if err != nil {
		return nil, err
	}
	if cfg.Folder, err = filepath.Abs(cfg.Folder); err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(durable.OS, filepath.Join(cfg.Folder, dataFolder), 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the private Tor: %w", err)
	}
	if err := durable.OS.Remove(filepath.Join(cfg.Folder, portFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder of the private Tor: %w", err)
	}
	p := &Private{cfg: cfg, ended: make(chan struct{}), ready: make(chan struct{})}
	p.cmd = exec.Command(program, arguments(cfg.Folder)...)
	p.cmd.Stdout = &lines{say: p.hear}
	p.cmd.Stderr = p.cmd.Stdout
	p.cmd.SysProcAttr = apart()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: starting it: %w", ErrNoTor, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	if err := p.own(ctx); err != nil {
		p.cmd.Process.Kill()
		<-p.ended
		return nil, fmt.Errorf("%w: the private one did not start: %w%s", ErrNoTor, err, p.said())
	}
	return p, nil
}

// LookProgram finds Tor's program: a path, or a name that is looked for in PATH
// and where Debian has it. Errors match ErrNoTor.
func LookProgram(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	if err != nil && filepath.Base(name) == name {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		return "", fmt.Errorf("%w to start: install it (Debian: sudo apt install tor)", ErrNoTor)
	}
	return path, nil
}

// arguments have everything that our Tor is told, so that neither the system's
// torrc nor the user's can change it.
func arguments(folder string) []string {
	return []string{
		"--defaults-torrc", filepath.Join(folder, "none"),
		"-f", filepath.Join(folder, userTorrc), "--ignore-missing-torrc",
		"--DataDirectory", filepath.Join(folder, dataFolder),
		"--SocksPort", "auto ExtendedErrors",
		"--ControlPort", "auto",
		"--ControlPortWriteToFile", filepath.Join(folder, portFile),
		"--CookieAuthentication", "1",
		"--CookieAuthFile", filepath.Join(folder, cookieFile),
		"--ClientOnly", "1",
		"--Log", "notice stdout",
		"--__OwningControllerProcess", strconv.Itoa(os.Getpid()),
	}
}

// own connects to the new Tor and has it end when the connection does.
func (p *Private) own(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, portWait)
	defer cancel()
	address, err := p.portWritten(ctx)
	if err != nil {
		return err
	}
	if p.owner, err = open(ctx, address, nil); err != nil {
		return err
	}
	p.listen = address
	_, err = p.owner.loginOwn(ctx, p.cfg.Folder)
	if err == nil {
		_, err = p.owner.do(ctx, "TAKEOWNERSHIP")
	}
	if err == nil {
		p.socks, err = p.owner.socksPort(ctx)
	}
	if err != nil {
		p.owner.close()
	}
	return err
}

// portWritten waits for the file in which Tor says where it listens.
func (p *Private) portWritten(ctx context.Context) (string, error) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if address, err := controlPortOf(p.cfg.Folder); err == nil {
			return address, nil
		}
		select {
		case <-look.C:
		case <-p.ended:
			return "", errors.New("it ended")
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// controlPortOf reads where the private Tor of a folder listens, or did: "PORT="
// and host:port.
func controlPortOf(folder string) (string, error) {
	data, err := durable.ReadFile(filepath.Join(folder, portFile), maxPortFile)
	if err != nil {
		return "", err
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "PORT=")
	if _, _, err := net.SplitHostPort(address); !ok || err != nil {
		return "", fmt.Errorf("%w: %s", ErrNotTor, portFile)
	}
	return address, nil
}

// SOCKS is where it takes connections.
func (p *Private) SOCKS() string { return p.socks }

// Control is its control port.
func (p *Private) Control() string { return p.listen }

func (p *Private) place() Place {
	return Place{Name: private, SOCKS: Port{Address: p.socks, Usable: true}, Control: Port{Address: p.listen, Usable: true}}
}

// Done is closed when it has ended.
func (p *Private) Done() <-chan struct{} { return p.ended }

// Ready waits until Tor is in the network. Errors match ErrNoTor when it ended,
// or that of ctx, with what it does so long.
func (p *Private) Ready(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.ended:
		return fmt.Errorf("%w: the private one ended%s", ErrNoTor, p.said())
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("the private Tor is %d%% on its way into the network (%s): %w", p.phase, p.doing, ctx.Err())
	}
}

// Close ends it.
func (p *Private) Close() {
	p.owner.close() // which it owns to
	select {
	case <-p.ended:
	case <-time.After(endWait):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// bootstrapped is how Tor tells of its progress in its log.
var bootstrapped = regexp.MustCompile(`\[notice\] Bootstrapped (\d{1,3})% \(\w+\): (.*)$`)

// hear takes a line of Tor's log.
func (p *Private) hear(line string) {
	p.mu.Lock()
	p.words = append(p.words, line)
	p.words = p.words[max(0, len(p.words)-lastWords):]
	m := bootstrapped.FindStringSubmatch(line)
	was := p.phase
	if m != nil {
		p.phase, _ = strconv.Atoi(m[1])
		p.doing = m[2]
	}
	now := p.phase
	p.mu.Unlock()
	if m != nil && p.cfg.Progress != nil {
		p.cfg.Progress(now, m[2])
	}
	if now == 100 && was != 100 {
		close(p.ready)
	}
	if _, complaint, ok := strings.Cut(line, "[warn] "); ok && p.cfg.Logger != nil {
		p.cfg.Logger.Warn("the private Tor complains", "tor", complaint)
	}
	if _, complaint, ok := strings.Cut(line, "[err] "); ok && p.cfg.Logger != nil {
		p.cfg.Logger.Error("the private Tor fails", "tor", complaint)
	}
}

// said is the end of its log.
func (p *Private) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.words) == 0 {
		return ""
	}
	return "; it said:\n  " + strings.Join(p.words, "\n  ")
}

// lines is a Writer that says each line that is written, cut to maxSaid bytes.
type lines struct {
	say  func(line string)
	rest []byte
}

const maxSaid = 500

func (l *lines) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' {
			if len(l.rest) < maxSaid {
				l.rest = append(l.rest, c)
			}
			continue
		}
		l.say(strings.TrimRight(string(l.rest), "\r"))
		l.rest = l.rest[:0]
	}
	return len(b), nil
}
