package neutrino

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What the library says is logged without hashes, and not without bounds.
func TestLibraryLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &libraryLog{to: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		id := strings.Repeat("0123456789abcdef", 4)
		l.Warnf("All peers rejected transaction %v checking errors", id)
		l.Error("rejected", strings.ToUpper(id))
		l.Infof("%s", strings.Repeat("x", 10*maxLine))
		l.Debugf("not at all %d", 7)
		l.Trace("not at all")
		text := out.String()
		if strings.Contains(strings.ToLower(text), id) || !strings.Contains(text, "(hash)") {
			t.Errorf("a hash is logged: %s", text)
		}
		if strings.Count(text, "\n") != 3 || strings.Contains(text, "not at all") {
			t.Errorf("lines: %s", text)
		}
		if len(text) > 2*maxLine {
			t.Errorf("%d bytes are logged", len(text))
		}
		for _, want := range []string{"level=INFO", "level=WARN", "level=DEBUG"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}

		out.Reset()
		for i := range 10 * logLines {
			l.Infof("line %d", i)
		}
		if lines := strings.Count(out.String(), "\n"); lines != logLines-3 {
			t.Errorf("%d lines in a minute, want %d", lines+3, logLines)
		}
		time.Sleep(logSpan)
		out.Reset()
		l.Info("later")
		if want := fmt.Sprintf("lines=%d", 9*logLines+3); !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "later") {
			t.Errorf("after that: %s, want %s", out.String(), want)
		}
	})
}

// The library has one log for the process: the backend that was opened last has
// it.
func TestRouteLog(t *testing.T) {
	var first, second bytes.Buffer
	endFirst := routeLog(slog.New(slog.NewTextHandler(&first, nil)))
	endSecond := routeLog(slog.New(slog.NewTextHandler(&second, nil)))
	endFirst()
	router.Warn("to the second")
	endSecond()
	router.Warn("to nobody")
	if first.Len() != 0 || strings.Count(second.String(), "\n") != 1 {
		t.Errorf("first %q, second %q", &first, &second)
	}
}
