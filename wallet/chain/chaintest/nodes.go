// Package chaintest starts real nodes for tests, and has the one suite that
// every backend must pass.
package chaintest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
)

const (
	btcdModule = "github.com/btcsuite/btcd"
	// depsDir is where scripts/install-test-deps.sh puts bitcoind unless
	// JM_TESTDEPS says otherwise.
	depsDir = "/var/lib/joinmarket-testdeps"
	// startTime bounds how long a node may take to answer.
	startTime = time.Minute
)

// StartBTCD runs a btcd of its own until the test ends. The program is built
// from the module that go.mod names.
func StartBTCD(t testing.TB, options ...Option) *regtest.Node {
	t.Helper()
	binary, err := buildBTCD()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, regtest.Config{Kind: regtest.BTCD, Binary: binary}, options)
}

// StartBitcoind runs a bitcoind of its own until the test ends. It takes the
// program in JM_BITCOIND, in the PATH, or of scripts/install-test-deps.sh.
// Without one the test is skipped, but fails where the environment has CI set:
// there it must be installed.
func StartBitcoind(t testing.TB, options ...Option) *regtest.Node {
	t.Helper()
	binary := findBitcoind()
	if binary == "" {
		const text = "bitcoind not found: run scripts/install-test-deps.sh, or set JM_BITCOIND"
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return start(t, regtest.Config{Kind: regtest.Bitcoind, Binary: binary}, options)
}

// Option changes how a node is run.
type Option func(*regtest.Config)

// TLS makes btcd serve with a certificate.
func TLS(cfg *regtest.Config) { cfg.TLS = true }

// Line adds a line to the node's configuration.
func Line(text string) Option {
	return func(cfg *regtest.Config) { cfg.Options = append(cfg.Options, text) }
}

func start(t testing.TB, cfg regtest.Config, options []Option) *regtest.Node {
	t.Helper()
	for _, option := range options {
		option(&cfg)
	}
	cfg.Dir = t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	node, err := regtest.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Stop(); err != nil {
			t.Error(err)
		}
	})
	return node
}

func findBitcoind() string {
	if file := os.Getenv("JM_BITCOIND"); file != "" {
		return file
	}
	if file, err := exec.LookPath("bitcoind"); err == nil {
		return file
	}
	dir := os.Getenv("JM_TESTDEPS")
	if dir == "" {
		dir = depsDir
	}
	file, err := exec.LookPath(filepath.Join(dir, "bin", "bitcoind"))
	if err != nil {
		return ""
	}
	return file
}

// buildBTCD returns the program, which it keeps in the user's cache: linking
// takes seconds, and many packages start nodes.
var buildBTCD = sync.OnceValues(func() (string, error) {
	version, err := command("list", "-m", "-f", "{{.Version}}", btcdModule)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "joinmarket-go")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	binary := filepath.Join(cache, fmt.Sprintf("btcd-%s-%s", version, runtime.Version()))
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	// Tests of several packages may build at the same time: rename is atomic.
	temp, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	built := filepath.Join(temp, "btcd")
	if _, err := command("build", "-o", built, btcdModule); err != nil {
		return "", err
	}
	return binary, os.Rename(built, binary)
})

// command runs the go tool.
func command(args ...string) (string, error) {
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
