package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestW5ProcessesShowNoSecret: jm starts a node, a daemon and itself. What every
// user of the machine sees of these processes while they run, and the variables
// that they get, hold no password; nor do those of programs that other tests
// have started with one.
func TestW5ProcessesShowNoSecret(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked at in /proc")
	}
	btcd := filepath.Join(programs, "btcd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", btcd, "github.com/btcsuite/btcd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	jm := exec.CommandContext(t.Context(), filepath.Join(programs, "jm"), "playground", "--once", "--makers", "2", "--datadir", dir)
	var said strings.Builder
	jm.Stderr = &said
	if err := jm.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- jm.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	shown := make(map[string]bool) // arguments and variables of a process, by the name of its program
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%s", err, said.String())
			}
			running = false
		case <-tick.C:
			look(shown)
		}
	}

	config, err := os.ReadFile(filepath.Join(dir, "joinmarket.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	node := regexp.MustCompile(`(?m)^rpc_password = (.{8,})$`).FindSubmatch(config)
	if node == nil {
		t.Fatalf("no password in\n%s", config)
	}
	seen := make(map[string]bool)
	for text := range shown {
		words := strings.Split(text, "\x00")
		seen[filepath.Base(words[0])] = true
		if slices.Contains(words, "sendpayment") {
			seen["jm sendpayment"] = true
		}
		for what, secret := range map[string]string{"the node's password": string(node[1]), "a wallet's password": "correct horse"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s", words[0], what)
			}
		}
		// That of the playground's wallets is its own name as well.
		if i := slices.Index(words, "playground"); i > 1 {
			t.Errorf("%s shows the password of its wallet in word %d", words[0], i)
		}
	}
	for _, program := range []string{"jm", "joinmarketd", "btcd", "jm sendpayment"} {
		if !seen[program] {
			t.Errorf("%s was not looked at: %v", program, slices.Collect(maps.Keys(seen)))
		}
	}
}

// look notes the arguments and the variables of all processes of our programs.
func look(shown map[string]bool) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		exe, err := os.Readlink(filepath.Join(process, "exe"))
		if err != nil || filepath.Dir(exe) != programs {
			continue
		}
		// It may end in between.
		arguments, err := os.ReadFile(filepath.Join(process, "cmdline"))
		variables, errVariables := os.ReadFile(filepath.Join(process, "environ"))
		if err == nil && errVariables == nil && len(arguments) > 0 {
			shown[fmt.Sprintf("%s%s", arguments, variables)] = true
		}
	}
}
