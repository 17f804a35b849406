package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hostile are texts that peers may send.
var hostile = []string{
	"two\nlines", "return\rover", "\x1b[2J\x1b[31mred", "bell\a", "nul\x00", "\u2028separator\u2029", "\u202eright to left",
	"next\u0085line", "level=ERROR msg=\"forged\"", "\xff\xfe broken", strings.Repeat("long", 1000),
}

// TestD8OneEventOneLine: no text of a peer makes a second line, nor moves the
// cursor.
func TestD8OneEventOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.log")
	var console bytes.Buffer
	log := New(&console, At(slog.LevelDebug), path)
	for i, text := range hostile {
		log.Info(fmt.Sprint("event ", i), "text", text, "err", errors.New(text), text, i)
		log.With("peer", text).WithGroup("g").Warn(fmt.Sprint("other ", i))
	}
	onDisk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"console": console.String(), "file": string(onDisk)} {
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != 2*len(hostile) {
			t.Errorf("%s: %d lines for %d events", name, len(lines), 2*len(hostile))
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "time=") {
				t.Errorf("%s: a line begins with %.20q", name, line)
			}
			for _, r := range line {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\u202e' || r == 0xfffd {
					t.Errorf("%s: %q in %.200q", name, r, line)
				}
			}
		}
	}
}

// TestD8LinesPerSecond: each cause has its share, and no other's.
func TestD8LinesPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(Limit(slog.NewTextHandler(&out, nil), 3))
		for range 10_000 {
			log.Warn("flood", "n", 1)
			log.With("peer", "x").Warn("flood") // the same cause
		}
		log.Info("rare")
		if n := strings.Count(out.String(), "\n"); n != 4 {
			t.Errorf("%d lines of 3 for the flood and 1 beside it", n)
		}
		out.Reset()
		time.Sleep(time.Second)
		log.Warn("flood")
		if !strings.Contains(out.String(), "dropped=19997") {
			t.Errorf("a second later: %s", &out)
		}
		out.Reset()
		for i := range 10 * maxCauses {
			log.Info(fmt.Sprint("cause ", i))
		}
		if n := len(log.Handler().(limiter).causes); n > maxCauses {
			t.Errorf("%d causes are counted", n)
		}
	})
}

// TestD8FilesAreBounded: however much is logged, by several goroutines, the
// files have a size in all and the newest lines are there.
func TestD8FilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	f := newFile(filepath.Join(dir, "test.log"), 1000, 3)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 500 {
				fmt.Fprintln(f, strings.Repeat("x", 49))
			}
		})
	}
	running.Wait()
	fmt.Fprintln(f, strings.Repeat("y", 2000)) // larger than a file
	fmt.Fprintln(f, "last")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("files %v, %v", entries, err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || len(data) > 1000 || len(strings.ReplaceAll(string(data), strings.Repeat("x", 49)+"\n", "")) > len("last\n") {
			t.Errorf("%s: %d bytes, %v", e.Name(), len(data), err)
		}
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("W4: %s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if data, err := os.ReadFile(f.path); err != nil || !strings.HasSuffix(string(data), "last\n") {
		t.Errorf("the newest file ends otherwise, %v", err)
	}
	// Another start goes on in the same files.
	again := newFile(f.path, 1000, 3)
	for range 100 {
		fmt.Fprintln(again, strings.Repeat("x", 49))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("after another start: %v, %v", entries, err)
	}
}

// TestD7LogCannotBeWritten: then it is lost, and nothing else.
func TestD7LogCannotBeWritten(t *testing.T) {
	var console bytes.Buffer
	New(&console, At(slog.LevelInfo), filepath.Join(t.TempDir(), "missing", "test.log")).Info("hello")
	if !strings.Contains(console.String(), "msg=hello") {
		t.Errorf("console: %q", console.String())
	}
}
