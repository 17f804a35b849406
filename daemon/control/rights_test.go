//go:build unix

package control_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/control"
)

// TestSocketRights: the socket has the mode and the group that are asked for from
// the moment that it has its name.
func TestSocketRights(t *testing.T) {
	gid := os.Getgid()
	own, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode  fs.FileMode
		group string
		want  fs.FileMode
	}{
		{0, "", 0o600}, {0o660, "", 0o660}, {0o660, own.Name, 0o660}, {0o600, own.Name, 0o600},
	} {
		path := filepath.Join(folder(t), "d.sock")
		l, err := control.Listen(control.Config{Address: "unix:" + path, SocketMode: c.mode, SocketGroup: c.group})
		if err != nil {
			t.Fatal(err)
		}
		if m := mode(t, path); m != fs.ModeSocket|c.want {
			t.Errorf("%v: mode %v, want %v", c, m, c.want)
		}
		if m := mode(t, path+".lock"); m != 0o600 {
			t.Errorf("%v: the lock has mode %v", c, m)
		}
		if info, err := os.Lstat(path); err != nil || info.Sys().(*syscall.Stat_t).Gid != uint32(gid) {
			t.Errorf("%v: group %+v, %v", c, info.Sys(), err)
		}
		l.Close()
	}
}

// TestSocketOfAForeignGroup: a group that there is not, or that the daemon's user
// is not in, is a mistake that is told; nothing of the socket stays.
func TestSocketOfAForeignGroup(t *testing.T) {
	if path := os.Getenv("LISTEN_AS_NOBODY"); path != "" {
		_, err := control.Listen(control.Config{Address: "unix:" + path, SocketMode: 0o660, SocketGroup: "root"})
		if !errors.Is(err, control.ErrGroup) {
			t.Errorf("a group that is not ours: %v", err)
		}
		return
	}
	dir := folder(t)
	path := filepath.Join(dir, "d.sock")
	if _, err := control.Listen(control.Config{Address: "unix:" + path, SocketGroup: "no-such-group-here"}); !errors.Is(err, control.ErrGroup) {
		t.Errorf("no such group: %v", err)
	}
	// As somebody who may not give files to others.
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	raw, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, raw, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestSocketOfAForeignGroup$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LISTEN_AS_NOBODY="+path+"2")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if base := filepath.Base(name); base != "test" && filepath.Ext(base) != ".lock" && base != "d.sock2.lock" {
			t.Errorf("left behind: %s", name)
		}
	}
	l, err := control.Listen(control.Config{Address: "unix:" + path})
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	l.Close()
}
