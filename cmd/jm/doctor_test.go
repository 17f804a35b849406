package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// doctor runs jm doctor and returns what it found; the exit status must agree.
func (s *scene) doctor(disk durable.System, args ...string) []finding {
	s.t.Helper()
	code := s.jm(disk, append([]string{"doctor", "--json"}, args...)...)
	var answer struct{ Findings []finding }
	if err := json.Unmarshal(s.out.Bytes(), &answer); err != nil || len(answer.Findings) == 0 {
		s.t.Fatalf("%v: %s%s", err, s.out.String(), s.talk.String())
	}
	faults := len(of(answer.Findings, "", "fault"))
	if code == exitOK && faults > 0 || code != exitOK && (faults == 0 || code != exitFailure) {
		s.t.Errorf("exit status %d: %+v", code, answer.Findings)
	}
	return answer.Findings
}

// of are the findings of a check and a state; empty: of all.
func of(found []finding, check, state string) (some []finding) {
	for _, f := range found {
		if (check == "" || f.Check == check) && (state == "" || f.State == state) {
			some = append(some, f)
		}
	}
	return some
}

// configure replaces the configuration of a scene.
func (s *scene) configure(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, config.FileName), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const plainRegtest = "[BLOCKCHAIN]\nnetwork = regtest\n"

func TestDoctorFindsAllWell(t *testing.T) {
	s := newScene(t, writing{prepare: (*scene).backup})
	found := s.doctor(sound())
	for _, check := range []string{"configuration", "rights", "crowd", "node", "tor", "wallets", "disk"} {
		if all := of(found, check, ""); len(all) != 1 || all[0].State != "ok" {
			t.Errorf("%s: %+v", check, all)
		}
	}
	text := s.must("doctor")
	if lines := strings.Count(text, "\n"); lines != len(found) || !strings.Contains(text, "ok     wallets        default; its newest backup is of 20") {
		t.Errorf("%d lines\n%s", lines, text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "doctor-trial")); err == nil {
		t.Error("the trial of the disk is left behind")
	}
}

// TestDoctorFindsWhatIsWrong: each trouble is a finding of its check and state,
// which says what to do, and no other check changes for it.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, check, state, words string
		spoil                     func(*scene)
	}{
		{"unknown key", "configuration", "note", "is it misspelt?", func(s *scene) { s.configure(plainRegtest + "[POLICY]\ntx_fee = 3\n") }},
		{"no value", "configuration", "fault", "tx_fees", func(s *scene) { s.configure(plainRegtest + "[POLICY]\ntx_fees = x\n") }},
		{"no estimate", "node", "note", "give payments a rate", func(s *scene) { s.chain.SetFeeRate(0) }},
		{"no Tor", "tor", "fault", "Install it", func(s *scene) {
			s.configure(plainRegtest + "[TOR]\nstart = always\nprogram = /nowhere/tor\n[MESSAGING:a]\nhost = x.onion\nport = 6667\nchannel = pit\nsocks5 = true\nsocks5_host = 127.0.0.1\nsocks5_port = 1\n")
		}},
		{"no wallet", "wallets", "note", "jm wallet create", func(s *scene) {
			if err := os.Remove(s.path("default")); err != nil {
				s.t.Fatal(err)
			}
		}},
		{"old wallet", "wallets", "note", "jm wallet migrate", func(s *scene) { s.write("wallets/w.jmdat", []byte("x")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, writing{prepare: (*scene).backup})
			c.spoil(s)
			found := s.doctor(sound())
			if !slices.ContainsFunc(of(found, c.check, c.state), func(f finding) bool { return strings.Contains(f.Text, c.words) }) {
				t.Errorf("%+v", found)
			}
			for _, f := range found {
				if f.State != "ok" && f.Check != c.check {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestDoctorNode(t *testing.T) {
	for _, c := range []struct {
		err   error
		words string
	}{
		{chain.ErrUnreachable, "Start the node"},
		{chain.ErrWrongNetwork, "Set network in joinmarket.cfg"},
		{errors.New("odd"), "odd"},
	} {
		a := &app{term: &terminal{err: new(strings.Builder)}, cfg: config.Default(t.TempDir()), node: func() (chain.Backend, error) { return nil, nodeError(c.err) }}
		if found := a.checkNode(t.Context()); len(found) != 1 || found[0].State != "fault" || !strings.Contains(found[0].Text, c.words) {
			t.Errorf("%v: %+v", c.err, found)
		}
	}
}

// stopped is a node that has got no blocks for some time.
type stopped struct {
	chain.Backend
	age time.Duration
}

func (b stopped) Tip(ctx context.Context) (chain.Tip, error) {
	tip, err := b.Backend.Tip(ctx)
	tip.MedianTime = time.Now().Add(-b.age)
	return tip, err
}

// TestDoctorNodeIsBehind: a node that misses blocks is told from one that has them;
// on regtest there is a block only when somebody wants one.
func TestDoctorNodeIsBehind(t *testing.T) {
	for _, c := range []struct {
		network, state string
		age            time.Duration
	}{{"mainnet", "ok", 2 * time.Hour}, {"mainnet", "fault", 2 * behind}, {"signet", "fault", 2 * behind}, {"regtest", "ok", 2 * behind}} {
		node := wallettest.NewChain(&chaincfg.RegressionNetParams)
		a := &app{term: &terminal{err: new(strings.Builder)}, cfg: config.Default(t.TempDir()), node: func() (chain.Backend, error) { return stopped{node.Backend(), c.age}, nil }}
		a.cfg.Blockchain.Network = c.network
		if found := a.checkNode(t.Context()); len(found) != 1 || found[0].State != c.state {
			t.Errorf("%s, %v: %+v", c.network, c.age, found)
		}
	}
}

// TestDoctorDisk: whichever operation of a disk fails, it is told, and a disk that
// is full is called so.
func TestDoctorDisk(t *testing.T) {
	good := durabletest.New(durabletest.Fault{})
	a := &app{cfg: config.Default(t.TempDir()), files: good}
	if f := a.checkDisk(); f.State != "ok" {
		t.Fatalf("%+v", f)
	}
	for at := range len(good.Operations()) {
		a := &app{cfg: config.Default(t.TempDir()), files: durabletest.New(durabletest.Fault{At: at + 1})}
		if f := a.checkDisk(); f.State != "fault" {
			t.Errorf("operation %d fails: %+v", at+1, f)
		}
	}
}

// TestDoctorTor: a Tor that runs is of no use where only one of our own may be.
func TestDoctorTor(t *testing.T) {
	runs := torAnswer{Places: []tor.Place{{Name: "system", SOCKS: tor.Port{Usable: true}}}}
	barred := torAnswer{Places: []tor.Place{{Name: "system", Control: tor.Port{Usable: true}}}}
	for _, c := range []struct {
		start  string
		answer torAnswer
		want   bool
	}{
		{tor.StartAuto, runs, true},
		{tor.StartNever, runs, true},
		{tor.StartAlways, runs, false},
		{tor.StartAlways, torAnswer{Program: "/usr/sbin/tor"}, true},
		{tor.StartAuto, barred, false},
	} {
		a := &app{cfg: config.Config{Tor: config.Tor{Start: c.start}}}
		if got := a.torConnects(c.answer); got != c.want {
			t.Errorf("start = %s, %+v: %v", c.start, c.answer, got)
		}
	}
}

// TestDoctorChannels: a channel that is down is a fault only if none is up, and
// counts as up if it is for one of several clients.
func TestDoctorChannels(t *testing.T) {
	up, down := control.ChannelReport{State: "up"}, control.ChannelReport{State: "waiting", Code: "unreachable", Reason: "nobody listens"}
	session := func(a, b control.ChannelReport) control.SessionStatus {
		a.Channel, b.Channel = "a", "b"
		return control.SessionStatus{Channels: []control.ChannelReport{a, b}}
	}
	for name, c := range map[string]struct {
		sessions []control.SessionStatus
		states   []string
	}{
		"none":             {nil, []string{"fault"}},
		"both up":          {[]control.SessionStatus{session(up, up)}, []string{"ok", "ok"}},
		"one down":         {[]control.SessionStatus{session(up, down)}, []string{"ok", "note"}},
		"both down":        {[]control.SessionStatus{session(down, down)}, []string{"fault", "fault"}},
		"up for the first": {[]control.SessionStatus{session(up, down), session(down, down)}, []string{"ok", "note"}},
		"up for the other": {[]control.SessionStatus{session(down, down), session(down, up)}, []string{"note", "ok"}},
	} {
		var states []string
		for _, f := range judgeChannels(control.StatusAnswer{Sessions: c.sessions}) {
			states = append(states, f.State)
			if f.State != "ok" && len(c.sessions) > 0 && !strings.Contains(f.Text, "nobody listens. docs/irc.md") {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if !slices.Equal(states, c.states) {
			t.Errorf("%s: %q, want %q", name, states, c.states)
		}
	}
	s := newScene(t, writing{})
	if found := s.doctor(sound(), "--market"); len(of(found, "channels", "fault")) != 1 || !strings.Contains(of(found, "channels", "fault")[0].Text, "no [MESSAGING:...] section") {
		t.Errorf("without a channel: %+v", found)
	}
	if found := s.doctor(sound()); len(of(found, "channels", "")) > 0 {
		t.Errorf("the market is entered unasked: %+v", found)
	}
}

// TestW4DoctorTellsWhoCouldRead: rights that others had are told in the list, once.
func TestW4DoctorTellsWhoCouldRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its files have no such rights")
	}
	s := newScene(t, writing{})
	path := filepath.Join(s.dir, config.FileName)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if notes := of(s.doctor(sound()), "rights", "note"); len(notes) != 1 || !strings.Contains(notes[0].Text, path) {
		t.Errorf("%+v", notes)
	}
	if strings.Contains(s.talk.String(), "Others could read") {
		t.Errorf("it is said twice:\n%s", s.talk.String())
	}
	if found := of(s.doctor(sound()), "rights", ""); len(found) != 1 || found[0].State != "ok" {
		t.Errorf("then: %+v", found)
	}
}
