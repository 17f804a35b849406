package plan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func TestKeeper(t *testing.T) {
	b := newBench(t, []sats.Amount{1e8})
	if _, err := b.keeper.Load(); !errors.Is(err, ErrNone) {
		t.Fatalf("without a plan: %v", err)
	}
	p := b.begin(true, "0,0.5,3,INTERNAL,1.0,2,0", "0,0,3,addrask,0.0,16,0")
	if err := b.keeper.Begin(p); !errors.Is(err, ErrUnfinished) {
		t.Errorf("over one that is not done: %v", err)
	}
	out := b.chain.Pay([]byte{0x51}, 1000)
	p.Steps[0].Tries, p.Steps[0].Why, p.Steps[0].Base, p.Steps[0].Address = 3, "few-makers", 17, addresses[0]
	p.Steps[0].TxID = out.Hash.String()
	p.Steps[0].Sent = []Sent{{strings.Repeat("ab", 32), []wire.OutPoint{out}, p.Made, false}, {out.Hash.String(), []wire.OutPoint{out, out}, p.Made, true}}
	for _, done := range []bool{false, true} {
		p.Steps[0].Done, p.Steps[0].Ready = done, time.Unix(1e9, 0).UTC()
		if err := b.keeper.Save(p); err != nil {
			t.Fatal(err)
		}
		if again, err := b.keeper.Load(); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v is read as %+v, %v", p, again, err)
		}
	}
	if info, err := os.Stat(b.keeper.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	p.Steps[1].Done = true
	if err := b.keeper.Save(p); err != nil {
		t.Fatal(err)
	}
	next := *p
	next.Made, next.Steps = p.Made.Add(time.Hour), []Step{{Entry: schedule.Entry{Makers: 3, Destination: schedule.Internal}}}
	if err := b.keeper.Begin(&next); err != nil {
		t.Errorf("over one that is done: %v", err)
	}
	if kept, err := filepath.Glob(strings.TrimSuffix(b.keeper.path, ".json") + "-*.json"); err != nil || len(kept) != 1 {
		t.Errorf("the plan before: %v, %v", kept, err)
	}
}

func TestT24DestinationsAreFixed(t *testing.T) {
	b := newBench(t, []sats.Amount{1e8})
	p := b.begin(true, "0,0.5,3,"+addresses[0]+",1.0,2,0", "0,0,3,addrask,0.0,16,0")
	if err := p.SetAddress(0, addresses[1], params); !errors.Is(err, ErrAddress) {
		t.Errorf("changing an address: %v", err)
	}
	if err := p.SetAddress(1, addresses[0], params); !errors.Is(err, ErrAddress) {
		t.Errorf("an address twice: %v", err)
	}
	if err := p.SetAddress(1, "nothing", params); err == nil {
		t.Error("no address is taken for one")
	}
	data, err := os.ReadFile(b.keeper.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another address":  strings.Replace(string(data), addresses[0], addresses[1], 1),
		"another mixdepth": strings.Replace(string(data), `"0,0.5`, `"1,0.5`, 1),
		"another wallet":   strings.Replace(string(data), p.Wallet, "000000", 1),
		"a later version":  strings.Replace(string(data), `"version": 1`, `"version": 2`, 1),
		"cut":              string(data[:len(data)/2]),
		"no makers":        strings.Replace(string(data), ",3,addrask", ",0,addrask", 1),
		"two in one":       strings.Replace(string(data), `addrask,0.0,16,0"`, `addrask,0.0,16,0\n0,0,3,INTERNAL,0.0,16,0"`, 1),
		"an id alone":      strings.Replace(string(data), `addrask,0.0,16,0"`, `addrask,0.0,16,`+strings.Repeat("ab", 32)+`"`, 1),
	} {
		if text == string(data) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := os.WriteFile(b.keeper.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := b.keeper.Load(); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
		if err := Run(t.Context(), b.config(nil)); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: carried out: %v", name, err)
		}
	}
}

func TestPlansRefused(t *testing.T) {
	ok := schedule.Entry{Makers: 3, Destination: schedule.Internal}
	for name, c := range map[string]struct {
		entries []schedule.Entry
		min     int
	}{
		"nothing":        {nil, 2},
		"made already":   {[]schedule.Entry{{Makers: 3, Done: true}}, 2},
		"under way":      {[]schedule.Entry{{Makers: 3, TxID: strings.Repeat("ab", 32)}}, 2},
		"few makers":     {[]schedule.Entry{ok}, 4},
		"too little":     {[]schedule.Entry{{Makers: 3, Amount: schedule.Amount{Sats: 1000}}}, 2},
		"no least":       {[]schedule.Entry{ok}, 0},
		"too many steps": {make([]schedule.Entry, schedule.MaxEntries+1), 2},
	} {
		if _, err := Make(c.entries, Plan{MinMakers: c.min}); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlanOfAnotherWallet(t *testing.T) {
	a, b := newBench(t, []sats.Amount{1e8}), newBench(t, []sats.Amount{1e8})
	a.begin(false, "0,0,3,INTERNAL,0.0,16,0")
	cfg := b.config(publish)
	cfg.Keeper = a.keeper
	if err := Run(context.Background(), cfg); !errors.Is(err, ErrWallet) {
		t.Error(err)
	}
}

// TestSaveSurvivesCrashes cuts the power at each operation of a save: the plan is
// the old one or the new one, and the new one once the save has returned.
func TestSaveSurvivesCrashes(t *testing.T) {
	for _, loss := range durabletest.Losses() {
		for at, saved := 1, false; !saved; at++ {
			b := newBench(t)
			p := b.begin(true, "0,0,3,INTERNAL,0.0,16,0")
			disk := durabletest.New(durabletest.Fault{At: at, Err: durabletest.ErrPower})
			b.open(disk)
			p.Steps[0].Tries = 1
			saved = b.keeper.Save(p) == nil
			if err := disk.Crash(loss); err != nil {
				t.Fatal(err)
			}
			now, err := b.keeper.Load()
			if err != nil || saved && now.Steps[0].Tries != 1 {
				t.Fatalf("%s at operation %d: %+v, %v", loss, at, now, err)
			}
		}
	}
}

// FuzzDecode checks that what is read is written so that it is read as the same.
func FuzzDecode(f *testing.F) {
	b := newBench(f, []sats.Amount{1e8})
	b.begin(true, "0,0.5,3,"+addresses[0]+",1.0,2,0", "0,0,3,addrask,0.0,16,0")
	data, err := os.ReadFile(b.keeper.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	path := filepath.Join(f.TempDir(), "plan.json")
	keeper, err := NewKeeper(path, nil, params)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decode(data, params)
		if err != nil {
			return
		}
		if err := keeper.Save(p); err != nil {
			t.Fatal(err)
		}
		if again, err := keeper.Load(); err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%+v is read as %+v, %v", p, again, err)
		}
	})
}
