package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// The sample is documentation: it must say what the program does without it.
func TestSampleIsDefault(t *testing.T) {
	dir := t.TempDir()
	got, err := Parse(dir, Sample)
	if err != nil {
		t.Fatal(err)
	}
	want := Default(dir)
	want.Channels = []control.ChannelConfig{{Name: "hackint", Type: "irc", Port: 6667, Room: "joinmarket-pit",
		Host: "ncwkrwxpq2ikcngxq3dy2xctuheniggtqeibvgofixpzvrwpa77tozqd.onion", SOCKS5: "localhost:9050"},
		{Name: "onion", Type: "onion", SOCKS5: "localhost:9050", TorControl: "localhost:9051", Serving: "127.0.0.1:0"}}
	want.Channels[1].Directories = got.Channels[1].Directories // their names are in the sample alone
	if n := len(got.Channels[1].Directories); n != 7 {
		t.Errorf("%d directories", n)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the sample says\n%+v\nthe defaults are\n%+v", got, want)
	}
	for name := range keys {
		section, key, _ := strings.Cut(name, " ")
		_, text, found := strings.Cut(string(Sample), "\n["+section+"]\n")
		text, _, _ = strings.Cut(text, "\n[")
		if !found || !strings.Contains(text, "\n"+key+" =") && !strings.Contains(text, "\n#"+key+" =") {
			t.Errorf("[%s] %s is missing in the sample", section, key)
		}
	}
}

// A file as users of the reference have it.
func TestReferenceDialect(t *testing.T) {
	cfg, err := Parse("/data", []byte(strings.Join([]string{
		"[DAEMON]", "NO_DAEMON: 0", "daemon_socket =", "",
		"[BLOCKCHAIN]", "network = testnet", "rpc_password = a%%b#c;d", "rpc_wallet_file = \"jm\"", "rpc_port =",
		"[POLICY]", "tx_fees = 5000", "max_cj_fee_abs=300", "max_cj_fee_rel= 0.0003", "tx_fees = 7000", "max_sats_freeze_reuse = 0",
		"segwit = true", "native = false", "accept_commitment_broadcasts = 1", "colour = red",
		"[TIMEOUT]", "confirm_timeout_hours = 0.5",
		"[MESSAGING:one]", "host = irc.example", "port = 6697", "channel = pit", "usessl = TRUE", "socks5 = False",
		"socks5_host = localhost", "socks5_port = 9050",
		"[MESSAGING:onion]", "type = onion", "socks5_host = localhost", "socks5_port = 9050", "tor_control_host = unix:/run/tor/control", "tor_control_port = 9051",
		"onion_serving_host = 127.0.0.1", "onion_serving_port = 8080", "hidden_service_dir =", "regtest_count = 0,0",
		"directory_nodes = " + directory + ",", "[PAYJOIN]", "payjoin_version = 1",
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Daemon.InProcess || cfg.Daemon.Socket != "" || cfg.Blockchain.Password != "a%b#c;d" ||
		cfg.Blockchain.Wallet != `"jm"` || cfg.Blockchain.Port != 0 || cfg.Policy.TxFees != 7000 || cfg.Policy.MaxFreezeReuse != 0 ||
		*cfg.Policy.MaxCJFeeAbs != 300 || cfg.Policy.MaxCJFeeRel != "0.0003" || cfg.Timeout.Confirm != 30*time.Minute {
		t.Errorf("read as %+v", cfg)
	}
	want := []control.ChannelConfig{{Name: "one", Type: "irc", Host: "irc.example", Port: 6697, Room: "pit", TLS: true},
		{Name: "onion", Type: "onion", SOCKS5: "localhost:9050", TorControl: "unix:/run/tor/control", Serving: "127.0.0.1:8080", Directories: []string{directory}}}
	if !reflect.DeepEqual(cfg.Channels, want) {
		t.Errorf("channels %+v, want %+v", cfg.Channels, want)
	}
	warned := strings.Join(cfg.Warnings, "\n")
	for _, want := range []string{"native has no effect", "colour is unknown"} {
		if !strings.Contains(warned, want) {
			t.Errorf("no warning with %q in:\n%s", want, warned)
		}
	}
	// What the reference writes into every file is nobody's choice.
	for _, not := range []string{"segwit", "accept_commitment_broadcasts", "payjoin_version"} {
		if strings.Contains(warned, not) {
			t.Errorf("a warning of %q in:\n%s", not, warned)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(shown, "a%b") {
		t.Errorf("the password is printed: %s", shown)
	}
}

func TestNeutrino(t *testing.T) {
	cfg, err := Parse("/data", []byte("[BLOCKCHAIN]\nblockchain_source = neutrino\n"+
		"neutrino_peers = node.example, 192.0.2.1:18333 ,[2001:db8::1]:8333,abcdefghijklmnop.onion\nneutrino_proxy = localhost:9050\n"))
	want := []string{"node.example", "192.0.2.1:18333", "[2001:db8::1]:8333", "abcdefghijklmnop.onion"}
	if b := cfg.Blockchain; err != nil || b.Source != Neutrino || !reflect.DeepEqual(b.Peers, want) || b.Proxy != "localhost:9050" {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestBadValues(t *testing.T) {
	for _, c := range []struct{ text, names string }{
		{"[POLICY]\ntx_fees = many", "tx_fees"},
		{"[POLICY]\ntx_fees = -3", "tx_fees"},
		{"[POLICY]\nmax_sats_freeze_reuse = -2", "max_sats_freeze_reuse"},
		{"[POLICY]\nmax_cj_fee_rel = 1e-3", "max_cj_fee_rel"},
		{"[POLICY]\nmax_cj_fee_rel = NaN", "max_cj_fee_rel"},
		{"[POLICY]\nmax_cj_fee_abs = 99999999999999999999", "max_cj_fee_abs"},
		{"[POLICY]\ntx_broadcast = everybody", "random-peer"},
		{"[BLOCKCHAIN]\nnetwork = bitcoin", "mainnet"},
		{"[BLOCKCHAIN]\nrpc_port = 70000", "65535"},
		{"[BLOCKCHAIN]\nblockchain_source = electrum", "neutrino"},
		{"[BLOCKCHAIN]\nneutrino_peers = a,,b", "commas"},
		{"[BLOCKCHAIN]\nneutrino_peers = a:b", "neutrino_peers"},
		{"[BLOCKCHAIN]\nneutrino_peers = a:0", "neutrino_peers"},
		{"[BLOCKCHAIN]\nneutrino_peers = one two", "neutrino_peers"},
		{"[BLOCKCHAIN]\nneutrino_peers = ::1", "[address]:port"},
		{"[BLOCKCHAIN]\nneutrino_peers = http://node.example/", "neutrino_peers"},
		{"[BLOCKCHAIN]\nneutrino_peers = " + strings.Repeat("a,", 100) + "a", "100"},
		{"[BLOCKCHAIN]\nneutrino_proxy = localhost", "host:port"},
		{"[BLOCKCHAIN]\nneutrino_proxy = :9050", "host:port"},
		{"[TIMEOUT]\nmaker_timeout_sec = 0", "maker_timeout_sec"},
		{"[TIMEOUT]\nconfirm_timeout_hours = Inf", "confirm_timeout_hours"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = x", "port"},
		{"[MESSAGING:x]\nchannel = c\nport = 1", "host"},
		{"[MESSAGING:x]\ntype = pigeon", "pigeon"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\nsocks5 = true", "socks5_host"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\nline_interval_ms = -9", "line_interval_ms"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\nalternates = a:1, b", "alternates"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\nalternates = a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8,i:9", "alternates"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\nsasl = scram", "plain or external"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\ntls_ca_file = /dev/null", "tls_ca_file"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\ntls_client_cert_file = none.pem", "tls_client_cert_file"},
		{"[MESSAGING:x]\nhost = h\nchannel = c\nport = 1\n[MESSAGING:y]\nhost = i\nchannel = c\nport = 2\nalternates = H:1", "only once"},
		{"[YIELDGENERATOR]\ngenerator = advanced", "privacy-enhanced"},
		{"[YIELDGENERATOR]\nsize_factor = 1.1", "size_factor"},
		{"[YIELDGENERATOR]\ncjfee_factor = -0.1", "from 0 to 1"},
		{"[YIELDGENERATOR]\nreannounce_sec = 0", "reannounce_sec"},
		{"no section and no sign", "format"},
	} {
		if _, err := Parse("/data", []byte(c.text)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%q: error %v, want one that names %s", c.text, err, c.names)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fresh")
	first, fresh, err := Load(dir)
	if err != nil || !fresh {
		t.Fatalf("first load: fresh=%v, %v", fresh, err)
	}
	again, fresh, err := Load(dir)
	if err != nil || fresh || !reflect.DeepEqual(first, again) {
		t.Fatalf("second load: fresh=%v, %v", fresh, err)
	}
	for path, mode := range map[string]os.FileMode{"": 0o700, "logs": 0o700, FileName: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v, want mode %v", path, info.Mode(), err, mode)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(dir); !errors.Is(err, ErrConfig) {
		t.Errorf("a huge file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Sample)
	f.Add([]byte("[POLICY]\ntx_fees = 3\n  4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse("/data", data); err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("error without its code: %v", err)
		}
	})
}
