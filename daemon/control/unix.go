package control

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/gofrs/flock"
)

// openUnix takes a path for our socket. A lock beside it, held while we serve,
// settles who may; the system drops it even when a daemon is killed, so a
// socket found under the lock is a dead one's and is replaced. The lock file
// itself stays: removing it would let two daemons hold "the" lock.
//
// The socket is made in a folder that only we can enter and moved to its name
// with its final rights, so that nobody can connect before those apply.
func (l *Listener) openUnix(path string, cfg Config) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if locked, err := lock.TryLock(); err != nil {
		return fmt.Errorf("locking: %w", err)
	} else if !locked {
		return ErrServed
	}
	if err := replaceable(path); err != nil {
		lock.Unlock()
		return err
	}
	socket, info, err := makeSocket(dir, path, cfg)
	if err != nil {
		lock.Unlock()
		return err
	}
	l.l, l.address = socket, "unix:"+path
	l.release = func() {
		if now, err := os.Lstat(path); err == nil && os.SameFile(info, now) {
			os.Remove(path)
		}
		lock.Unlock()
	}
	return nil
}

// replaceable refuses what is no socket, and a socket at which somebody answers
// who does not know our lock.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return ErrNoSocket
	}
	nc, err := net.Dial("unix", path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	if err == nil {
		nc.Close()
	}
	return ErrServed
}

func makeSocket(dir, path string, cfg Config) (*net.UnixListener, fs.FileInfo, error) {
	private, err := os.MkdirTemp(dir, ".jm") // mode 0700
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(private)
	name := filepath.Join(private, "s")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		if errors.Is(err, syscall.EINVAL) {
			err = fmt.Errorf("the path is too long for a socket, about 90 characters fit: %w", err)
		}
		return nil, nil, err
	}
	socket.SetUnlinkOnClose(false) // its name is another by then
	err = giveTo(cfg.SocketGroup, name)
	if err == nil {
		err = os.Chmod(name, cmp.Or(cfg.SocketMode, 0o600))
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	var info fs.FileInfo
	if err == nil {
		info, err = os.Lstat(path)
	}
	if err != nil {
		socket.Close()
		return nil, nil, err
	}
	return socket, info, nil
}

// giveTo gives a file to a group of the system.
func giveTo(group, path string) error {
	if group == "" {
		return nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGroup, err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err == nil {
		err = os.Lchown(path, -1, gid)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGroup, err)
	}
	return nil
}
