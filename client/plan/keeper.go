package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// version of the file.
const version = 1

// maxFile is the greatest size of a file, in bytes: each step has up to some
// hundred inputs.
const maxFile = 16 << 20

// Errors of a Keeper.
var (
	// ErrUnfinished: the plan before is not done; it has to be resumed or given
	// up first.
	ErrUnfinished = errors.New("a plan is under way")
	// ErrNone: there is no plan.
	ErrNone = errors.New("there is no plan")
)

// Keeper keeps the plan of a wallet on the disk. Whoever changes the plan has
// the wallet open, which one process can.
type Keeper struct {
	path   string
	files  durable.System
	params *chaincfg.Params
}

// NewKeeper keeps a plan in a file, whose folder it makes. files is nil for the
// operating system.
func NewKeeper(path string, files durable.System, params *chaincfg.Params) (*Keeper, error) {
	if files == nil {
		files = durable.OS
	}
	if err := durable.MkdirAll(files, filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("folder of the plans: %w", err)
	}
	return &Keeper{path: path, files: files, params: params}, nil
}

type fileStep struct {
	Payment string          `json:"payment"` // the line of a schedule
	Tries   int             `json:"tries,omitempty"`
	Why     protocol.Reason `json:"why,omitempty"`
	Base    sats.Amount     `json:"base,omitempty"`
	Address string          `json:"address,omitempty"`
	TxID    string          `json:"txid,omitempty"` // of one that is done
	Sent    []fileSent      `json:"sent,omitempty"`
	Ready   time.Time       `json:"ready,omitzero"`
}

type fileSent struct {
	TxID   string    `json:"txid"`
	Spends []string  `json:"spends"`
	At     time.Time `json:"at"`
	Given  bool      `json:"given"`
}

type file struct {
	Version   int         `json:"version"`
	Wallet    string      `json:"wallet"`
	Network   string      `json:"network"`
	Made      time.Time   `json:"made"`
	Tumble    bool        `json:"tumble"`
	MinMakers int         `json:"minimum_makers"`
	Least     sats.Amount `json:"least_amount"`
	Seal      string      `json:"seal"`
	Steps     []fileStep  `json:"steps"`
}

// Begin writes a new plan in the place of one that is done, which is kept beside
// it under the date it was made. The error is ErrUnfinished if that one is not
// done.
func (k *Keeper) Begin(p *Plan) error {
	old, err := k.Load()
	switch {
	case errors.Is(err, ErrNone):
		return k.Save(p)
	case err != nil:
		return err
	}
	if _, unfinished := old.Next(); unfinished {
		return ErrUnfinished
	}
	if err := k.Retire(old); err != nil {
		return err
	}
	return k.Save(p)
}

// Retire puts a plan aside, done or given up: its file gets the date when it was
// made as part of its name.
func (k *Keeper) Retire(p *Plan) error {
	ext := filepath.Ext(k.path)
	to := k.path[:len(k.path)-len(ext)] + p.Made.UTC().Format("-20060102-150405") + ext
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s exists already", to)
	}
	if err := k.files.Rename(k.path, to); err != nil {
		return err
	}
	return k.files.SyncDir(filepath.Dir(k.path))
}

// Save writes the plan; it is on the disk when Save returns.
func (k *Keeper) Save(p *Plan) error {
	f := file{Version: version, Wallet: p.Wallet, Network: p.Network, Made: p.Made, Tumble: p.Tumble,
		MinMakers: p.MinMakers, Least: p.Least, Seal: p.Seal(), Steps: make([]fileStep, len(p.Steps))}
	for i, s := range p.Steps {
		out := fileStep{Payment: s.Entry.String(), Tries: s.Tries, Why: s.Why, Base: s.Base, Address: s.Address, Ready: s.Ready}
		if s.Done {
			out.TxID = s.TxID
		}
		for _, sent := range s.Sent {
			spends := make([]string, len(sent.Spends))
			for j, spent := range sent.Spends {
				spends[j] = spent.String()
			}
			out.Sent = append(out.Sent, fileSent{sent.TxID, spends, sent.At, sent.Given})
		}
		f.Steps[i] = out
	}
	data, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return fmt.Errorf("%w: too large a plan", ErrPlan)
	}
	return durable.WriteFileOn(k.files, k.path, append(data, '\n'), 0o600)
}

// Load reads the plan. The errors are ErrNone, and ErrPlan for a file that is
// damaged, was changed by hand, or is of a later version.
func (k *Keeper) Load() (*Plan, error) {
	data, err := durable.ReadFile(k.path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case errors.Is(err, durable.ErrTooLarge):
		return nil, fmt.Errorf("%w: %s: %w", ErrPlan, k.path, err)
	case err != nil:
		return nil, err
	}
	p, err := decode(data, k.params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path, err)
	}
	return p, nil
}

func decode(data []byte, params *chaincfg.Params) (*Plan, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("%w of this version: %d, want %d", ErrPlan, f.Version, version)
	}
	p := &Plan{Wallet: f.Wallet, Network: f.Network, Made: f.Made, Tumble: f.Tumble, MinMakers: f.MinMakers, Least: f.Least}
	for i, in := range f.Steps {
		s, err := in.decode(params)
		if err != nil {
			return nil, fmt.Errorf("%w: payment %d: %w", ErrPlan, i+1, err)
		}
		p.Steps = append(p.Steps, s)
	}
	if got := p.Seal(); got != f.Seal {
		return nil, fmt.Errorf("%w: the destinations have the checksum %s, they were made with %s; the file was changed or is damaged", ErrPlan, got, f.Seal)
	}
	return p, p.check()
}

func (in fileStep) decode(params *chaincfg.Params) (s Step, err error) {
	entries, err := schedule.Parse([]byte(in.Payment), params)
	if err != nil || len(entries) != 1 {
		return s, errors.Join(err, fmt.Errorf("want one payment: %q", in.Payment))
	}
	s = Step{Entry: entries[0], Tries: in.Tries, Why: in.Why, Base: in.Base, Address: in.Address, Ready: in.Ready}
	if s.Done {
		s.TxID = in.TxID
	}
	if in.Address != "" {
		if _, err := txbuild.ParseAddress(in.Address, params); err != nil {
			return s, err
		}
	}
	if in.Tries < 0 || !in.Base.Valid() {
		return s, fmt.Errorf("%d tries, balance %d", in.Tries, in.Base)
	}
	for _, sent := range in.Sent {
		if _, err := chainhash.NewHashFromStr(sent.TxID); err != nil || len(sent.TxID) != 2*chainhash.HashSize {
			return s, fmt.Errorf("%q: want a transaction's id", sent.TxID)
		}
		out := Sent{TxID: sent.TxID, At: sent.At, Given: sent.Given}
		for _, text := range sent.Spends {
			spent, err := coins.ParseOutPoint(text)
			if err != nil {
				return s, err
			}
			out.Spends = append(out.Spends, spent)
		}
		s.Sent = append(s.Sent, out)
	}
	return s, nil
}
