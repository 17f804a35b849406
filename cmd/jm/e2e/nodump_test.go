package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestD9NoCoreDump: neither program leaves a core dump when it crashes, although
// the shell allows it and the Go runtime is told to make one.
func TestD9NoCoreDump(t *testing.T) {
	if dumps(t, "kill -ABRT $$", nil) == 0 {
		t.Log("no core dumps in files here; the limits alone are looked at")
	}
	folder := t.TempDir()
	socket := filepath.Join(folder, "s")
	silent, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	// jm has started once it asks for the daemon, which never answers.
	called := make(chan struct{})
	go func() {
		if nc, err := silent.Accept(); err == nil {
			defer nc.Close()
			close(called)
			<-t.Context().Done()
		}
	}()
	host := "[MESSAGING:lab]\nhost = 127.0.0.1\nport = 9\nchannel = joinmarket-pit\n"
	if err := os.WriteFile(filepath.Join(folder, "joinmarket.cfg"), []byte(host), 0o600); err != nil {
		t.Fatal(err)
	}
	for program, c := range map[string]struct {
		args  string
		began func(*bufio.Scanner) bool
	}{
		"jm": {"--daemon unix:" + socket + " orderbook", func(*bufio.Scanner) bool {
			select {
			case <-called:
				return true
			case <-time.After(deadline):
				return false
			}
		}},
		"joinmarketd": {"--listen unix:" + filepath.Join(folder, "own"), func(out *bufio.Scanner) bool { return out.Scan() }},
	} {
		line := fmt.Sprintf("exec %s --datadir %s %s", filepath.Join(programs, program), folder, c.args)
		if n := dumps(t, line, c.began); n != 0 {
			t.Errorf("%s leaves %d core dumps", program, n)
		}
	}
}

// dumps runs a line of shell, with core dumps allowed, aborts it after it began,
// and returns how many dumps are there. Without began the line aborts itself.
func dumps(t *testing.T, line string, began func(*bufio.Scanner) bool) int {
	t.Helper()
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "ulimit -c unlimited 2>/dev/null; "+line)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if began != nil {
		if !began(bufio.NewScanner(out)) {
			t.Errorf("%s: it did not begin", line)
		}
		if limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid)); err == nil {
			_, rest, _ := strings.Cut(string(limits), "Max core file size")
			if f := strings.Fields(rest); len(f) < 2 || f[0] != f[1] || f[0] != "0" && f[0] != "1" {
				t.Errorf("%s: the limits are %.40s", line, rest)
			}
		}
		if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || began != nil && status.CoreDump() {
		t.Errorf("%s: %v", line, cmd.ProcessState)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
