package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Part is the key of the attribute that says which part of the program logs. It
// is given once, with Logger.With.
const Part = "part"

// ErrLevels means that a text names no levels of parts.
var ErrLevels = errors.New("want parts and levels such as irc=DEBUG, amp=WARN")

// Levels say from which level on lines are shown, in all and for parts of the
// program. It is safe from any goroutine.
type Levels struct{ now atomic.Pointer[levels] }

type levels struct {
	all   slog.Level
	parts map[string]slog.Level
}

// At returns Levels that are the same for all parts.
func At(level slog.Level) *Levels {
	l := new(Levels)
	l.Set(level, nil)
	return l
}

// Set changes the levels of all loggers made with l.
func (l *Levels) Set(all slog.Level, parts map[string]slog.Level) {
	l.now.Store(&levels{all, maps.Clone(parts)})
}

func (l *Levels) of(part string) slog.Level {
	now := l.now.Load()
	if level, ok := now.parts[part]; ok {
		return level
	}
	return now.all
}

// ParseLevel reads DEBUG, INFO, WARN, WARNING or ERROR.
func ParseLevel(text string) (level slog.Level, err error) {
	switch text {
	case "WARNING":
		return slog.LevelWarn, nil
	case "DEBUG", "INFO", "WARN", "ERROR":
		return level, level.UnmarshalText([]byte(text))
	}
	return 0, fmt.Errorf("%w: %q is no level, want DEBUG, INFO, WARN or ERROR", ErrLevels, text)
}

// ParseParts reads "irc=DEBUG, amp=WARN"; an empty text has no parts. Other parts
// than the known ones are ErrLevels, and so is one that stands twice.
func ParseParts(text string, known []string) (map[string]slog.Level, error) {
	parts := make(map[string]slog.Level)
	if strings.TrimSpace(text) == "" {
		return parts, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		part, name, ok := strings.Cut(strings.TrimSpace(item), "=")
		if _, twice := parts[part]; !ok || twice || !slices.Contains(known, part) {
			return nil, fmt.Errorf("%w: %q; the parts are %s", ErrLevels, item, strings.Join(known, ", "))
		}
		level, err := ParseLevel(name)
		if err != nil {
			return nil, err
		}
		parts[part] = level
	}
	return parts, nil
}

// filter passes lines on from the level of their part, but at least those of
// level most.
type filter struct {
	slog.Handler
	levels *Levels
	most   slog.Level
	part   string
}

// Enabled implements slog.Handler.
func (f filter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= min(f.levels.of(f.part), f.most)
}

// WithAttrs implements slog.Handler.
func (f filter) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == Part {
			f.part = a.Value.String()
		}
	}
	f.Handler = f.Handler.WithAttrs(attrs)
	return f
}

// WithGroup implements slog.Handler.
func (f filter) WithGroup(name string) slog.Handler {
	f.Handler = f.Handler.WithGroup(name)
	return f
}
