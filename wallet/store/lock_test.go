package store

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestD11LockWithinTheProcess(t *testing.T) {
	path := newFile(t)
	if InUse(path) || InUse(path+"-none") {
		t.Error("in use before it is opened")
	}
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	if !InUse(path) {
		t.Error("not in use while it is open")
	}
	link := filepath.Join(t.TempDir(), "other-name")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, _, err := Open(name, password, light); !errors.Is(err, ErrLocked) {
			t.Errorf("second Open of %s: %v", filepath.Base(name), err)
		}
	}
	if _, err := Create(path, password, content, light); !errors.Is(err, ErrLocked) {
		t.Errorf("Create: %v", err)
	}
	// Saving replaces the file; the lock must not go with the old one.
	if err := f.Save(content); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open after a save: %v", err)
	}
	f.Close()
	f, _, err = Open(link, password, light)
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	// A save through a link changes the file it points to.
	if err := f.Save([]byte("by link")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	f, body, err := Open(path, password, light)
	if err != nil || string(body) != "by link" {
		t.Fatalf("body %q, %v", body, err)
	}
	f.Close()
}

const childEnv = "STORE_TEST_OPEN"

// TestMain lets the test binary act as the other process: it opens the wallet,
// says so and holds it until it is killed, or its input ends with the test.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, _, err := Open(path, password, light); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("open\n")
	io.Copy(io.Discard, os.Stdin)
}

func TestD11LockBetweenProcesses(t *testing.T) {
	path := newFile(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, _ := out.Read(line)
	if got := string(line[:n]); got != "open\n" {
		t.Fatalf("the other process says %q", got)
	}
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrLocked) {
		t.Errorf("while another process has it: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatalf("after the other process was killed: %v", err)
	}
	f.Close()
}
