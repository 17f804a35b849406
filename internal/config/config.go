// Package config reads joinmarket.cfg, the file of the reference
// implementation, with its sections, keys and dialect, so that an old data
// folder goes on working. Keys of ours are marked in the sample.
//
// It knows nothing of Bitcoin, so that both programs can use it.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// FileName is the name of the configuration file in the data folder.
const FileName = "joinmarket.cfg"

// Sample is the commented file that a new data folder gets: all keys in use,
// with their defaults.
//
//go:embed joinmarket.cfg
var Sample []byte

// ErrConfig means that the file has a value that cannot be used. The text names
// section, key, value and what is allowed.
var ErrConfig = errors.New("configuration")

// Config is what the file says, with defaults for what it leaves out.
type Config struct {
	Dir        string // the data folder
	Daemon     Daemon
	Blockchain Blockchain
	Channels   []control.ChannelConfig // [MESSAGING:...], in the file's order
	Tor        Tor
	// OnionKeyFile has the key of a maker's onion service that keeps its
	// address; empty: each session has another. See docs/onion.md.
	OnionKeyFile string
	// OnionServiceDir is the folder of an onion service that Tor has by its own
	// configuration; empty: none.
	OnionServiceDir string
	Logging         Logging
	Timeout         Timeout
	Policy          Policy
	Yield           YieldGenerator
	Limits          Limits
	Directory       Directory

	// Warnings are sentences for the user: keys that are unknown, or known but
	// without effect in this version.
	Warnings []string
}

// Daemon is [DAEMON]: where the client finds its daemon.
type Daemon struct {
	InProcess bool   // no_daemon = 1: inside this process
	Socket    string // daemon_socket (ours): Unix socket, relative to the data folder; empty: TCP
	Host      string // daemon_host, with TCP
	Port      uint16 // daemon_port
	TLS       bool   // use_ssl
	// CookieFile (daemon_cookie_file, ours) holds the secret that TCP clients
	// show.
	CookieFile string
	// Grace (resume_grace_sec, ours) is how long a client whose connection broke
	// is waited for.
	Grace time.Duration
	// SocketMode and SocketGroup (daemon_socket_mode, daemon_socket_group, ours)
	// say who may open the socket: 0600 or 0660; a group of the system, or empty
	// for the daemon's own.
	SocketMode  fs.FileMode
	SocketGroup string
	// Metrics (metrics, ours) is the host:port on which joinmarketd tells
	// machines how it fares; empty: nowhere.
	Metrics string
	// CertFile is the daemon's certificate, ssl/cert.pem as in the reference;
	// used with TLS.
	CertFile string
}

// Address is where the daemon listens: "unix:/path" or "tcp:host:port".
func (d Daemon) Address() string {
	if d.Socket != "" {
		return "unix:" + d.Socket
	}
	return "tcp:" + net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port)))
}

// Blockchain is [BLOCKCHAIN]: the node and its network.
type Blockchain struct {
	Source     string // blockchain_source: bitcoin-rpc, regtest (both Bitcoin Core), btcd or neutrino (both ours)
	Network    string // mainnet, testnet, signet, regtest
	Host       string // rpc_host
	Port       uint16 // rpc_port; 0: the network's default
	User       string // rpc_user
	Password   Secret // rpc_password
	CookieFile string // rpc_cookie_file; wins over user and password
	Wallet     string // rpc_wallet_file: the reference's wallet in Bitcoin Core, which gives ours its name
	CertFile   string // rpc_cert_file (ours): TLS certificate of a btcd
	// Peers (neutrino_peers, ours) are the only nodes that a light client asks,
	// each as host or host:port; none: it finds its own.
	Peers []string
	// Proxy (neutrino_proxy, ours) is the host:port of a SOCKS5 server that a
	// light client goes through; empty: none.
	Proxy string
}

// Tor is [TOR] (ours): which Tor the daemon uses where the one that a channel
// names does not run.
type Tor struct {
	Start    string             // auto, never, always: whether a private one is started
	Program  string             // to start; a path, or a name that is looked for in PATH
	Folder   string             // where a private one keeps its files; not configurable
	Password control.Credential // control_password
}

// Secret is text that prints as stars.
type Secret string

// String returns stars.
func (Secret) String() string { return "***" }

// GoString returns stars.
func (Secret) GoString() string { return "***" }

// Logging is [LOGGING].
type Logging struct {
	Level string // DEBUG, INFO, WARNING or ERROR
	// Parts (log_levels, ours) are the levels of parts of joinmarketd, such as
	// "irc=DEBUG, amp=WARN".
	Parts string
	Color bool
}

// Timeout is [TIMEOUT].
type Timeout struct {
	Maker     time.Duration // maker_timeout_sec: each stage of a CoinJoin
	Unconfirm time.Duration // unconfirm_timeout_sec: until a CoinJoin is in the mempool
	Confirm   time.Duration // confirm_timeout_hours
}

// Policy is [POLICY].
type Policy struct {
	MergeAlgorithm    string      // default, gradual, greedy, greediest
	GapLimit          int         // addresses watched beyond the last used one, per external branch
	MaxFreezeReuse    sats.Amount // max_sats_freeze_reuse: coins at used addresses up to this are frozen; -1: all
	TxFees            int64       // tx_fees: <= 1000 a block target, above a rate in sat/kvB
	TxFeesFactor      string      // tx_fees_factor: decimal; the rate is drawn from [r, r(1+f)]
	AbsurdFeePerKB    sats.Amount // sat/kvB; a higher rate is refused
	MaxSweepFeeChange string      // decimal fraction
	MaxCJFeeAbs       *sats.Amount
	MaxCJFeeRel       string // decimal fraction, empty when unset
	TxBroadcast       string // self, random-peer, multiple-peers, not-self
	// What fidelity bonds are worth, and how often a maker is drawn without a look
	// at them; plain decimals, the first and the last at most 1.
	InterestRate, BondExponent, BondlessAllowance string
	MinimumMakers                                 int
	TakerUTXORetries                              int
	TakerUTXOAge                                  int32 // confirmations
	TakerUTXOPercent                              int
	// CommitmentsFile is where a taker records the commitments it used.
	CommitmentsFile string
	// BlacklistFile (commitment_list_location) has the commitments that makers
	// accept no more.
	BlacklistFile string
}

// YieldGenerator is [YIELDGENERATOR].
type YieldGenerator struct {
	Basic     bool        // generator (ours): basic, or privacy-enhanced
	OrderType string      // reloffer, absoffer, or both (ours)
	CJFeeAbs  sats.Amount // cjfee_a
	CJFeeRel  string      // cjfee_r, decimal fraction
	TxFee     sats.Amount // txfee_contribution
	MinSize   sats.Amount // minsize
	// By how much what is announced may differ from these: cjfee_factor,
	// txfee_contribution_factor and size_factor, decimal fractions up to 1.
	CJFeeFactor, TxFeeFactor, SizeFactor string
	// MinFeeRate (min_tx_feerate, ours) is the least rate in sat/kvB of a
	// transaction that is signed, beside what the node's mempool takes.
	MinFeeRate sats.Amount
	// Reannounce (reannounce_sec, ours) is the mean of the random time after
	// which offers follow what the wallet can do.
	Reannounce time.Duration
}

// Limits is [LIMITS] (ours): what strangers can have a maker or an order book
// do, and how many clients joinmarketd serves. The fields are those of the daemon's Bounds.
type Limits struct {
	Clients       int // max_clients of joinmarketd
	Conversations int // max_conversations: open ones of a maker
	Nicks         int // max_nicks in the order book
	Offers        int // max_offers in the order book
	Answers       int // orderbook_answers_per_minute
	Pushes        int // pushes_per_hour
	Hearsay       int // max_commitments_heard
}

// Default is what an empty file means, for a data folder.
func Default(dir string) Config {
	return Config{
		Dir: dir,
		Daemon: Daemon{
			InProcess: true, Socket: filepath.Join(dir, "joinmarketd.sock"), Host: "localhost", Port: 27183,
			CookieFile: filepath.Join(dir, "joinmarketd.cookie"), CertFile: filepath.Join(dir, "ssl", "cert.pem"),
			SocketMode: 0o600, Grace: control.DefaultGrace,
		},
		Blockchain: Blockchain{Source: "bitcoin-rpc", Network: "mainnet", Host: "localhost", User: "bitcoin", Password: "password"},
		Tor:        Tor{Start: "auto", Program: "tor", Folder: filepath.Join(dir, "tor")},
		Logging:    Logging{Level: "INFO", Color: true},
		Timeout:    Timeout{Maker: 120 * time.Second, Unconfirm: 180 * time.Second, Confirm: 6 * time.Hour},
		Policy: Policy{
			MergeAlgorithm: "default", GapLimit: 6, MaxFreezeReuse: -1,
			TxFees: 3, TxFeesFactor: "0.2", AbsurdFeePerKB: 350_000,
			MaxSweepFeeChange: "0.8", TxBroadcast: "random-peer", InterestRate: "0.015", BondExponent: "1.3", BondlessAllowance: "0.125", MinimumMakers: 4,
			TakerUTXORetries: 3, TakerUTXOAge: 5, TakerUTXOPercent: 20,
			CommitmentsFile: filepath.Join(dir, "cmtdata", "commitments.json"),
			BlacklistFile:   filepath.Join(dir, "cmtdata", "commitmentlist"),
		},
		Directory: defaultDirectory(dir),
		Limits:    Limits{Clients: 32, Conversations: 64, Nicks: 20_000, Offers: 20_000, Answers: 120, Pushes: 60, Hearsay: 1_000_000},
		Yield: YieldGenerator{OrderType: "reloffer", CJFeeAbs: 500, CJFeeRel: "0.00002", MinSize: 100_000,
			CJFeeFactor: "0.1", TxFeeFactor: "0.3", SizeFactor: "0.1", Reannounce: 5 * time.Minute},
	}
}

// DefaultDir is the data folder when none is named: that of the reference on
// this system.
func DefaultDir() (string, error) {
	if runtime.GOOS == "windows" {
		base, err := os.UserConfigDir()
		return filepath.Join(base, "joinmarket"), err
	}
	home, err := os.UserHomeDir()
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application support", "joinmarket"), err
	}
	return filepath.Join(home, ".joinmarket"), err
}

// Load reads the file of a data folder. When there is no folder or file yet, it
// makes them (0700, 0600) from Sample, durably, and reports fresh.
func Load(dir string) (cfg Config, fresh bool, err error) {
	return LoadOn(durable.OS, dir)
}

// LoadOn is Load that writes to a given file system.
func LoadOn(files durable.System, dir string) (cfg Config, fresh bool, err error) {
	for _, sub := range []string{"", "logs", "cmtdata"} {
		if err := durable.MkdirAll(files, filepath.Join(dir, sub), 0o700); err != nil {
			return Config{}, false, fmt.Errorf("making the data folder: %w", err)
		}
	}
	path := filepath.Join(dir, FileName)
	data, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = first(files, path); err != nil {
			return Config{}, false, fmt.Errorf("writing the first configuration file: %w", err)
		}
		fresh = true
	}
	if err != nil {
		return Config{}, false, fmt.Errorf("reading the configuration file: %w", err)
	}
	cfg, err = Parse(dir, data)
	if err != nil {
		return Config{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, fresh, nil
}

// first makes the configuration file of a new data folder and returns what is in
// it. Both programs may do so at the same time, so that what counts is the file.
func first(files durable.System, path string) ([]byte, error) {
	err := durable.Clean(path)
	if err == nil {
		err = durable.WriteFileOn(files, path, Sample, 0o600)
	}
	data, errRead := readBounded(path)
	if err == nil || errRead == nil && !errors.Is(err, durable.ErrUnsure) {
		return data, errRead
	}
	return nil, err
}

const maxFile = 1 << 20

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s is larger than 1 MiB; it is no configuration file", ErrConfig, path)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
