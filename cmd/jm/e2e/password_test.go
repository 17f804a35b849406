package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// TestPasswordAgain: who mistypes a password at a terminal is asked again, but
// not for ever.
func TestPasswordAgain(t *testing.T) {
	t.Parallel()
	p := alone(t, nobody)
	for _, c := range []struct {
		typed []string
		code  int
		says  string
	}{
		{[]string{"correct hors", "correct horse"}, 0, "wpkh("},
		{[]string{"wrong one", "wrong two", "wrong three"}, 4, "wrong password"},
	} {
		cmd := exec.CommandContext(p.ctx, filepath.Join(programs, "jm"), "--datadir", p.dir, "wallet", "export")
		screen, err := pty.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		defer screen.Close()
		var shown strings.Builder
		buf := make([]byte, 4096)
		asked := 0
		for {
			n, err := screen.Read(buf)
			shown.Write(buf[:n])
			for ; asked < strings.Count(shown.String(), "Password of "); asked++ {
				if asked == len(c.typed) {
					t.Fatalf("it asks once more:\n%s", shown.String())
				}
				if _, err := screen.WriteString(c.typed[asked] + "\n"); err != nil {
					t.Fatal(err)
				}
			}
			if err != nil { // the end of the program
				break
			}
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != c.code || asked != len(c.typed) || !strings.Contains(shown.String(), c.says) {
			t.Errorf("%q: exit status %d, asked %d times:\n%s", c.typed, code, asked, shown.String())
		}
	}
}
