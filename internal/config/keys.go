package config

import (
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// A setter takes a value into the configuration, or says what is allowed.
type setter func(c *Config, value string) error

// keys maps "SECTION key" to what it sets. Sections of channels are read in
// channels.go.
var keys = map[string]setter{
	"DAEMON no_daemon":           func(c *Config, v string) error { c.Daemon.InProcess = v == "1"; return nil },
	"DAEMON daemon_socket":       func(c *Config, v string) error { c.Daemon.Socket = inDir(c, v); return nil },
	"DAEMON daemon_host":         text(func(c *Config) *string { return &c.Daemon.Host }),
	"DAEMON daemon_port":         port(func(c *Config) *uint16 { return &c.Daemon.Port }),
	"DAEMON daemon_cookie_file":  func(c *Config, v string) error { c.Daemon.CookieFile = inDir(c, v); return nil },
	"DAEMON resume_grace_sec":    duration(func(c *Config) *time.Duration { return &c.Daemon.Grace }, time.Second, control.MaxGrace),
	"DAEMON daemon_socket_mode":  setSocketMode,
	"DAEMON daemon_socket_group": text(func(c *Config) *string { return &c.Daemon.SocketGroup }),
	"DAEMON metrics":             text(func(c *Config) *string { return &c.Daemon.Metrics }),
	"DAEMON use_ssl":             func(c *Config, v string) error { c.Daemon.TLS = v != "false"; return nil },

	"BLOCKCHAIN blockchain_source": oneOf(func(c *Config) *string { return &c.Blockchain.Source }, "bitcoin-rpc", "regtest", "btcd", Neutrino),
	"BLOCKCHAIN network":           oneOf(func(c *Config) *string { return &c.Blockchain.Network }, "mainnet", "testnet", "signet", "regtest"),
	"BLOCKCHAIN rpc_host":          text(func(c *Config) *string { return &c.Blockchain.Host }),
	"BLOCKCHAIN rpc_port":          port(func(c *Config) *uint16 { return &c.Blockchain.Port }),
	"BLOCKCHAIN rpc_user":          text(func(c *Config) *string { return &c.Blockchain.User }),
	"BLOCKCHAIN rpc_password":      func(c *Config, v string) error { c.Blockchain.Password = Secret(v); return nil },
	"BLOCKCHAIN rpc_cookie_file":   text(func(c *Config) *string { return &c.Blockchain.CookieFile }),
	"BLOCKCHAIN rpc_wallet_file":   text(func(c *Config) *string { return &c.Blockchain.Wallet }),
	"BLOCKCHAIN rpc_cert_file":     func(c *Config, v string) error { c.Blockchain.CertFile = inDir(c, v); return nil },
	"BLOCKCHAIN neutrino_peers":    setPeers,
	"BLOCKCHAIN neutrino_proxy":    setProxy,

	"TOR start":            oneOf(func(c *Config) *string { return &c.Tor.Start }, "auto", "never", "always"),
	"TOR program":          setTorProgram,
	"TOR control_password": func(c *Config, v string) error { c.Tor.Password = control.Credential(v); return nil },

	"LOGGING console_log_level": oneOf(func(c *Config) *string { return &c.Logging.Level }, "DEBUG", "INFO", "WARNING", "ERROR"),
	"LOGGING log_levels":        text(func(c *Config) *string { return &c.Logging.Parts }),
	"LOGGING color":             func(c *Config, v string) error { c.Logging.Color = v == "true"; return nil },

	"TIMEOUT maker_timeout_sec":     duration(func(c *Config) *time.Duration { return &c.Timeout.Maker }, time.Second, time.Hour),
	"TIMEOUT unconfirm_timeout_sec": duration(func(c *Config) *time.Duration { return &c.Timeout.Unconfirm }, time.Second, 24*time.Hour),
	"TIMEOUT confirm_timeout_hours": duration(func(c *Config) *time.Duration { return &c.Timeout.Confirm }, time.Hour, 30*24*time.Hour),

	"POLICY merge_algorithm":       oneOf(func(c *Config) *string { return &c.Policy.MergeAlgorithm }, "default", "gradual", "greedy", "greediest"),
	"POLICY gaplimit":              whole(func(c *Config) *int { return &c.Policy.GapLimit }, 1, 100_000),
	"POLICY max_sats_freeze_reuse": setMaxFreezeReuse,
	"POLICY tx_fees":               func(c *Config, v string) (err error) { c.Policy.TxFees, err = integer(v, 1, 10_000_000); return err },
	"POLICY tx_fees_factor":        fraction(func(c *Config) *string { return &c.Policy.TxFeesFactor }),
	"POLICY absurd_fee_per_kb":     amount(func(c *Config) *sats.Amount { return &c.Policy.AbsurdFeePerKB }),
	"POLICY max_sweep_fee_change":  fraction(func(c *Config) *string { return &c.Policy.MaxSweepFeeChange }),
	"POLICY max_cj_fee_abs":        setMaxCJFeeAbs,
	"POLICY max_cj_fee_rel":        fraction(func(c *Config) *string { return &c.Policy.MaxCJFeeRel }),
	"POLICY tx_broadcast": oneOf(func(c *Config) *string { return &c.Policy.TxBroadcast }, "self", "random-peer", "multiple-peers",
		"not-self"),
	"POLICY minimum_makers":            whole(func(c *Config) *int { return &c.Policy.MinimumMakers }, 1, 99),
	"POLICY interest_rate":             share(func(c *Config) *string { return &c.Policy.InterestRate }),
	"POLICY bond_value_exponent":       fraction(func(c *Config) *string { return &c.Policy.BondExponent }),
	"POLICY bondless_makers_allowance": share(func(c *Config) *string { return &c.Policy.BondlessAllowance }),
	"POLICY taker_utxo_retries":        whole(func(c *Config) *int { return &c.Policy.TakerUTXORetries }, 1, 10),
	"POLICY taker_utxo_age":            setTakerUTXOAge,
	"POLICY taker_utxo_amtpercent": whole(func(c *Config) *int { return &c.Policy.TakerUTXOPercent },
		1, 100),
	"POLICY commit_file_location":     func(c *Config, v string) error { c.Policy.CommitmentsFile = inDir(c, v); return nil },
	"POLICY commitment_list_location": setBlacklist,

	"LIMITS max_clients":                  whole(func(c *Config) *int { return &c.Limits.Clients }, 1, 1000),
	"LIMITS max_conversations":            whole(func(c *Config) *int { return &c.Limits.Conversations }, 1, 10_000),
	"LIMITS max_nicks":                    whole(func(c *Config) *int { return &c.Limits.Nicks }, 100, 1_000_000),
	"LIMITS max_offers":                   whole(func(c *Config) *int { return &c.Limits.Offers }, 100, protocol.MaxOffers),
	"LIMITS orderbook_answers_per_minute": whole(func(c *Config) *int { return &c.Limits.Answers }, 1, 6000),
	"LIMITS pushes_per_hour":              whole(func(c *Config) *int { return &c.Limits.Pushes }, 1, 3600),
	"LIMITS max_commitments_heard":        whole(func(c *Config) *int { return &c.Limits.Hearsay }, 1000, 10_000_000),

	"DIRECTORY listen":                text(func(c *Config) *string { return &c.Directory.Listen }),
	"DIRECTORY location":              setDirectoryLocation,
	"DIRECTORY publish":               func(c *Config, v string) error { c.Directory.Publish = isTrue(v); return nil },
	"DIRECTORY tor_control":           text(func(c *Config) *string { return &c.Directory.TorControl }),
	"DIRECTORY service_dir":           func(c *Config, v string) error { c.Directory.ServiceDir = inDir(c, v); return nil },
	"DIRECTORY circuits":              func(c *Config, v string) error { c.Directory.Circuits = isTrue(v); return nil },
	"DIRECTORY motd":                  text(func(c *Config) *string { return &c.Directory.MOTD }),
	"DIRECTORY metrics":               text(func(c *Config) *string { return &c.Directory.Metrics }),
	"DIRECTORY max_peers":             whole(func(c *Config) *int { return &c.Directory.MaxPeers }, 10, 100_000),
	"DIRECTORY peers_per_circuit":     whole(func(c *Config) *int { return &c.Directory.PeersPerCircuit }, 1, 1000),
	"DIRECTORY broadcast_kib_per_sec": whole(func(c *Config) *int { return &c.Directory.BroadcastKiB }, 64, 1<<20),
	"DIRECTORY memory_mib":            whole(func(c *Config) *int { return &c.Directory.MemoryMiB }, 16, 1<<16),

	"YIELDGENERATOR generator":                 setGenerator,
	"YIELDGENERATOR ordertype":                 oneOf(func(c *Config) *string { return &c.Yield.OrderType }, "reloffer", "absoffer", "both"),
	"YIELDGENERATOR cjfee_a":                   amount(func(c *Config) *sats.Amount { return &c.Yield.CJFeeAbs }),
	"YIELDGENERATOR cjfee_r":                   fraction(func(c *Config) *string { return &c.Yield.CJFeeRel }),
	"YIELDGENERATOR txfee_contribution":        amount(func(c *Config) *sats.Amount { return &c.Yield.TxFee }),
	"YIELDGENERATOR minsize":                   amount(func(c *Config) *sats.Amount { return &c.Yield.MinSize }),
	"YIELDGENERATOR cjfee_factor":              share(func(c *Config) *string { return &c.Yield.CJFeeFactor }),
	"YIELDGENERATOR txfee_contribution_factor": share(func(c *Config) *string { return &c.Yield.TxFeeFactor }),
	"YIELDGENERATOR size_factor":               share(func(c *Config) *string { return &c.Yield.SizeFactor }),
	"YIELDGENERATOR min_tx_feerate":            amount(func(c *Config) *sats.Amount { return &c.Yield.MinFeeRate }),
	"YIELDGENERATOR reannounce_sec":            duration(func(c *Config) *time.Duration { return &c.Yield.Reannounce }, time.Second, 24*time.Hour),
}

// idle are keys of the reference that do nothing here, and the value that stands
// for what is done anyway, or is the reference's default: users have it in their
// files without having chosen it.
var idle = map[string]string{
	"POLICY segwit":                       "true",
	"POLICY native":                       "true",
	"POLICY wallet_caching_disabled":      "false",
	"POLICY listunspent_args":             "[0]",
	"POLICY accept_commitment_broadcasts": "1",
}

// idleSections belong to programs of the reference that are not here.
var idleSections = []string{"PAYJOIN", "SNICKER", "GUI"}

// setSocketMode: the daemon's user alone, or a group as well; never everybody.
func setSocketMode(c *Config, v string) error {
	mode, ok := map[string]fs.FileMode{"0600": 0o600, "0660": 0o660}[v]
	if !ok {
		return fmt.Errorf("want 0600, or 0660 for a group as well")
	}
	c.Daemon.SocketMode = mode
	return nil
}

func setTorProgram(c *Config, v string) error {
	if v == "" {
		return fmt.Errorf("want a program, such as tor or /usr/bin/tor")
	}
	c.Tor.Program = v
	return nil
}

// inDir reads a path relative to the data folder; empty stays empty.
func inDir(c *Config, v string) string {
	if v == "" || filepath.IsAbs(v) {
		return v
	}
	return filepath.Join(c.Dir, v)
}

func text(field func(*Config) *string) setter {
	return func(c *Config, v string) error { *field(c) = v; return nil }
}

func oneOf(field func(*Config) *string, allowed ...string) setter {
	return func(c *Config, v string) error {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("want one of: %s", strings.Join(allowed, ", "))
		}
		*field(c) = v
		return nil
	}
}

func integer(v string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("want a whole number from %d to %d", least, most)
	}
	return n, nil
}

func whole(field func(*Config) *int, least, most int64) setter {
	return func(c *Config, v string) error {
		n, err := integer(v, least, most)
		if err == nil {
			*field(c) = int(n)
		}
		return err
	}
}

func amount(field func(*Config) *sats.Amount) setter {
	return func(c *Config, v string) error {
		n, err := integer(v, 0, int64(sats.Max))
		if err != nil {
			return fmt.Errorf("%w (satoshis)", err)
		}
		*field(c) = sats.Amount(n)
		return nil
	}
}

// port leaves the default in place when the value is empty.
func port(field func(*Config) *uint16) setter {
	return func(c *Config, v string) error {
		if v == "" {
			return nil
		}
		n, err := integer(v, 1, 65535)
		if err == nil {
			*field(c) = uint16(n)
		}
		return err
	}
}

var plainDecimal = regexp.MustCompile(`^[0-9]{1,2}(\.[0-9]{1,18})?$`)

// fraction keeps a plain decimal as text, so that no rounding creeps in.
func fraction(field func(*Config) *string) setter {
	return func(c *Config, v string) error {
		if !plainDecimal.MatchString(v) {
			return fmt.Errorf("want a plain decimal number such as 0.002")
		}
		*field(c) = v
		return nil
	}
}

// setGenerator: which of the reference's two yield generators to be.
func setGenerator(c *Config, v string) error {
	if v != "basic" && v != "privacy-enhanced" {
		return fmt.Errorf("want privacy-enhanced or basic")
	}
	c.Yield.Basic = v == "basic"
	return nil
}

// share is a fraction up to 1.
func share(field func(*Config) *string) setter {
	return func(c *Config, v string) error {
		if r, err := decimal.Parse(v); err != nil || r.Cmp(big.NewRat(1, 1)) > 0 {
			return fmt.Errorf("want a plain decimal number from 0 to 1, such as 0.1")
		}
		*field(c) = v
		return nil
	}
}

// duration reads a decimal number of units.
func duration(field func(*Config) *time.Duration, unit, most time.Duration) setter {
	return func(c *Config, v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n > 0) || n > float64(most)/float64(unit) {
			return fmt.Errorf("want a number above 0, at most %v", most)
		}
		*field(c) = time.Duration(n * float64(unit))
		return nil
	}
}

// setBlacklist: makers do not go without.
func setBlacklist(c *Config, v string) error {
	if v == "" {
		return fmt.Errorf("want a file, such as cmtdata/commitmentlist")
	}
	c.Policy.BlacklistFile = inDir(c, v)
	return nil
}

func setMaxFreezeReuse(c *Config, v string) error {
	n, err := integer(v, -1, int64(sats.Max))
	c.Policy.MaxFreezeReuse = sats.Amount(n)
	return err
}

func setMaxCJFeeAbs(c *Config, v string) error {
	n, err := integer(v, 0, int64(sats.Max))
	if err == nil {
		limit := sats.Amount(n)
		c.Policy.MaxCJFeeAbs = &limit
	}
	return err
}

func setTakerUTXOAge(c *Config, v string) error {
	n, err := integer(v, 1, 1000)
	if err == nil {
		c.Policy.TakerUTXOAge = int32(n)
	}
	return err
}
