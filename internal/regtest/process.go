package regtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

var errEnded = errors.New("the program ended")

// maxWords bounds how much of a program's output goes into an error, in bytes.
const maxWords = 500

// process is a program that runs.
type process struct {
	cmd   *exec.Cmd
	out   string        // file with what it printed
	ended chan struct{} // closed
}

// start runs the node's program.
func start(cfg Config) (*process, error) {
	p := &process{out: filepath.Join(cfg.Dir, "output.txt"), ended: make(chan struct{})}
	out, err := os.Create(p.out)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has a copy
	p.cmd = exec.Command(cfg.Binary, arguments(cfg)...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill ends the program at once.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// lastWords returns the end of what the program printed.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.out)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-maxWords):]))
}
