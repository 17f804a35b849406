// Package sdnotify tells systemd, or whoever else started us so, that we are
// ready, alive or about to end: a few words to a socket (sd_notify(3)).
package sdnotify

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// What can be told.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Alive    = "WATCHDOG=1"
)

// Socket is where to tell it. The zero value tells nobody.
type Socket struct {
	address  string
	watchdog time.Duration
}

// FromEnv reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, by getenv.
func FromEnv(getenv func(string) string) Socket {
	s := Socket{address: getenv("NOTIFY_SOCKET")}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return s
	}
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && usec < int64(24*time.Hour/time.Microsecond) {
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s
}

// Every is how often Alive is to be told, a third of the time after which we are
// taken for dead; 0 if nobody listens for it.
func (s Socket) Every() time.Duration {
	if s.address == "" {
		return 0
	}
	return s.watchdog / 3
}

// Tell sends the words in one message. Without a socket it does nothing.
func (s Socket) Tell(words ...string) error {
	if s.address == "" {
		return nil
	}
	nc, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte(strings.Join(words, "\n"))); err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	return nil
}
