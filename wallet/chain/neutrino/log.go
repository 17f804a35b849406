package neutrino

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/btcsuite/btclog"
	light "github.com/lightninglabs/neutrino"
)

const (
	// logLines bounds how many lines of the library are logged in logSpan.
	logLines = 30
	logSpan  = time.Minute
	// maxLine bounds a line, in bytes.
	maxLine = 500
)

// The library has one logger for the whole process, which must be set before it
// is used at all. So it is set once, to one that passes on to the backend that
// was opened last.
var (
	router   = new(libraryLog)
	setRoute = sync.OnceFunc(func() { light.UseLogger(router) })
)

// routeLog has the library's messages logged until end is called.
func routeLog(to *slog.Logger) (end func()) {
	setRoute()
	router.mu.Lock()
	defer router.mu.Unlock()
	router.to, router.began = to, time.Time{}
	return func() {
		router.mu.Lock()
		defer router.mu.Unlock()
		if router.to == to {
			router.to = nil
		}
	}
}

// libraryLog passes what the library logs on to a slog.Logger. It takes hashes
// out, which may be those of our transactions, and bounds how much there is.
type libraryLog struct {
	mu    sync.Mutex // protects the fields below
	to    *slog.Logger
	began time.Time // of the span that is counted
	lines int
}

var hash = regexp.MustCompile(`[0-9a-fA-F]{64}`)

func (l *libraryLog) log(level slog.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == nil || !l.to.Enabled(context.Background(), level) {
		return
	}
	if now := time.Now(); now.Sub(l.began) >= logSpan {
		if l.lines > logLines {
			l.to.Log(context.Background(), level, "the light client said more than is logged", "lines", l.lines-logLines)
		}
		l.began, l.lines = now, 0
	}
	if l.lines++; l.lines > logLines {
		return
	}
	text = hash.ReplaceAllString(text, "(hash)")
	l.to.Log(context.Background(), level, "light client: "+text[:min(len(text), maxLine)])
}

// The library warns of much that is usual among peers.
const (
	levelInfo  = slog.LevelDebug
	levelWarn  = slog.LevelInfo
	levelError = slog.LevelWarn
)

// These methods implement btclog.Logger.

func (l *libraryLog) Tracef(string, ...any) {}
func (l *libraryLog) Debugf(string, ...any) {}
func (l *libraryLog) Trace(...any)          {}
func (l *libraryLog) Debug(...any)          {}

func (l *libraryLog) Infof(format string, v ...any)     { l.log(levelInfo, fmt.Sprintf(format, v...)) }
func (l *libraryLog) Warnf(format string, v ...any)     { l.log(levelWarn, fmt.Sprintf(format, v...)) }
func (l *libraryLog) Errorf(format string, v ...any)    { l.log(levelError, fmt.Sprintf(format, v...)) }
func (l *libraryLog) Criticalf(format string, v ...any) { l.log(levelError, fmt.Sprintf(format, v...)) }
func (l *libraryLog) Info(v ...any)                     { l.log(levelInfo, fmt.Sprint(v...)) }
func (l *libraryLog) Warn(v ...any)                     { l.log(levelWarn, fmt.Sprint(v...)) }
func (l *libraryLog) Error(v ...any)                    { l.log(levelError, fmt.Sprint(v...)) }
func (l *libraryLog) Critical(v ...any)                 { l.log(levelError, fmt.Sprint(v...)) }
func (l *libraryLog) Level() btclog.Level               { return btclog.LevelInfo }
func (l *libraryLog) SetLevel(btclog.Level)             {}

var _ btclog.Logger = (*libraryLog)(nil)
