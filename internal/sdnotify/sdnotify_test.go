package sdnotify

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func env(pairs map[string]string) func(string) string {
	return func(key string) string { return pairs[key] }
}

func TestTell(t *testing.T) {
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := FromEnv(env(map[string]string{"NOTIFY_SOCKET": path})).Tell(Ready, Alive); err != nil {
		t.Fatal(err)
	}
	var buf [100]byte
	l.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := l.Read(buf[:]); err != nil || string(buf[:n]) != "READY=1\nWATCHDOG=1" {
		t.Errorf("heard %q, %v", buf[:n], err)
	}
	if err := FromEnv(env(map[string]string{"NOTIFY_SOCKET": path + "x"})).Tell(Ready); err == nil {
		t.Error("nobody listens, and no error")
	}
	if err := (Socket{}).Tell(Ready); err != nil {
		t.Error(err)
	}
}

func TestEvery(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		env  map[string]string
		want time.Duration
	}{
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000"}, 20 * time.Second},
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": own}, 20 * time.Second},
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": own + "0"}, 0},
		{map[string]string{"WATCHDOG_USEC": "60000000"}, 0},
		{map[string]string{"NOTIFY_SOCKET": "/s"}, 0},
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "-1"}, 0},
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "9223372036854775807"}, 0},
		{map[string]string{"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, 0},
	} {
		if got := FromEnv(env(c.env)).Every(); got != c.want {
			t.Errorf("%v: every %v, want %v", c.env, got, c.want)
		}
	}
}
