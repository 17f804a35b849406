package logs

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLevelsOfParts: each part has its own level, and Set holds for loggers that
// were made before.
func TestLevelsOfParts(t *testing.T) {
	parts, err := ParseParts("irc=DEBUG, amp=ERROR", []string{"irc", "amp", "daemon"})
	if err != nil {
		t.Fatal(err)
	}
	var console bytes.Buffer
	path := filepath.Join(t.TempDir(), "test.log")
	levels := At(slog.LevelWarn)
	log := New(&console, levels, path)
	irc, amp, daemon := log.With(Part, "irc").With("channel", "x"), log.With(Part, "amp").WithGroup("g"), log.With(Part, "daemon")
	speak := func() string {
		console.Reset()
		for name, l := range map[string]*slog.Logger{"irc": irc, "amp": amp, "daemon": daemon, "none": log} {
			l.Debug(name + "-debug")
			l.Info(name + "-info")
			l.Warn(name + "-warn")
			l.Error(name + "-error")
		}
		return console.String()
	}
	want := func(text string, lines int, some ...string) {
		t.Helper()
		if n := strings.Count(text, "\n"); n != lines {
			t.Errorf("%d lines, want %d:\n%s", n, lines, text)
		}
		for _, s := range some {
			if !strings.Contains(text, "msg="+s) {
				t.Errorf("no %s in\n%s", s, text)
			}
		}
	}
	want(speak(), 8, "irc-warn", "none-error")
	levels.Set(slog.LevelWarn, parts)
	want(speak(), 4+1+2+2, "irc-debug", "amp-error", "daemon-warn")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want(string(file), 4*3+4*3+1, "amp-info", "irc-debug") // at least from info on
}

func TestWrongLevels(t *testing.T) {
	for _, text := range []string{"irc", "irc=", "irc=LOUD", "irc=debug", "other=INFO", "irc=INFO,", "irc=INFO,irc=INFO", "=INFO"} {
		if _, err := ParseParts(text, []string{"irc"}); !errors.Is(err, ErrLevels) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if parts, err := ParseParts(" ", nil); err != nil || len(parts) != 0 {
		t.Errorf("empty: %v, %v", parts, err)
	}
	if level, err := ParseLevel("WARNING"); err != nil || level != slog.LevelWarn {
		t.Errorf("WARNING: %v, %v", level, err)
	}
}
