package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
)

// TestLogForPeople: on the terminal an event is a sentence, one line of it
// whatever others say, and has colour only where there is any.
func TestLogForPeople(t *testing.T) {
	var out bytes.Buffer
	term := &terminal{err: &out}
	log := slog.New(sentences{t: term})
	disk := errors.New("no space left\non device")
	for want, event := range map[string]func(){
		"Warning: the state was not stored: no space left\\non device\n":      func() { log.Warn("the state was not stored", "err", disk) },
		"Warning: set aside for a day (count 3): no space left\\non device\n": func() { log.Warn("set aside for a day", "count", 3, "err", disk) },
		"Error: panic (session J5x, event fill)\n":                            func() { log.With("session", "J5x").Error("panic", "event", "fill") },
		"Channel is up (part.channel lab)\n":                                  func() { log.WithGroup("part").Info("channel is up", "channel", "lab") },
		"Entered\n":                                                           func() { log.Debug("entered", "code", "") },
	} {
		out.Reset()
		event()
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
	term.color = true
	for level, want := range map[slog.Level]string{
		slog.LevelWarn: "\x1b[33mWarning: x\x1b[0m\n", slog.LevelError: "\x1b[31mError: x\x1b[0m\n", slog.LevelInfo: "\x1b[2mX\x1b[0m\n",
	} {
		out.Reset()
		if log.Log(context.Background(), level, "x"); out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}
