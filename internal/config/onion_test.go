package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const directory = "satoshi2vcg5e2ept7tjkzlkpomkobqmgtsjzegg6wipnoajadissead.onion:5222"

// onionSection is a section with a good list of directories, and more.
func onionSection(lines ...string) []byte {
	return []byte(strings.Join(append([]string{"[MESSAGING:x]", "type = onion", "directory_nodes = " + directory}, lines...), "\n"))
}

func TestOnionKeys(t *testing.T) {
	cfg, err := Parse("/data", onionSection("socks5_host = 10.0.0.1", "socks5_port = 9150", "tor_control_host = tor.example", "tor_control_port = 9151",
		"onion_serving_host = localhost", "onion_serving_port = 8080", "onion_key_file = maker.key"))
	want := control.ChannelConfig{Name: "x", Type: "onion", SOCKS5: "10.0.0.1:9150", TorControl: "tor.example:9151", Serving: "127.0.0.1:8080",
		Directories: []string{directory}}
	if err != nil || len(cfg.Channels) != 1 || !reflect.DeepEqual(cfg.Channels[0], want) || cfg.OnionKeyFile != "/data/maker.key" {
		t.Errorf("%+v %q, %v", cfg.Channels, cfg.OnionKeyFile, err)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings %q", cfg.Warnings)
	}
	cfg, err = Parse("/data", onionSection("onion_serving_port = 8080", "hidden_service_dir = service"))
	if err != nil || cfg.OnionServiceDir != "/data/service" {
		t.Errorf("folder of a service: %q, %v", cfg.OnionServiceDir, err)
	}
	cfg, err = Parse("/data", append(onionSection("regtest_count = 3,1", "directory_nodes = 127.0.0.1:8081"), "\n[BLOCKCHAIN]\nnetwork = testnet"...))
	want = control.ChannelConfig{Name: "x", Type: "onion", Serving: "127.0.0.1:0", Directories: []string{"127.0.0.1:8081"}, Loopback: true}
	if err != nil || !reflect.DeepEqual(cfg.Channels[0], want) {
		t.Errorf("testing mode: %+v, %v", cfg.Channels, err)
	}
}

func TestOnionMistakes(t *testing.T) {
	for name, lines := range map[string][]string{
		"no directory":       {"directory_nodes = ,"},
		"no port":            {"directory_nodes = " + strings.TrimSuffix(directory, ":5222")},
		"mistyped":           {"directory_nodes = t" + directory[1:]},
		"clearnet":           {"directory_nodes = example.com:5222"},
		"loopback":           {"directory_nodes = 127.0.0.1:5222"},
		"twice":              {"directory_nodes = " + directory + "," + directory},
		"testing for real":   {"regtest_count = 1,0", "directory_nodes = 127.0.0.1:5222"},
		"no count":           {"regtest_count = yes"},
		"no SOCKS port":      {"socks5_port = x"},
		"no control port":    {"tor_control_port = 0"},
		"for all":            {"onion_serving_host = 0.0.0.0"},
		"service to no port": {"hidden_service_dir = /x"},
		"service and key":    {"onion_serving_port = 8080", "hidden_service_dir = /x", "onion_key_file = maker.key"},
		"second section":     {"[MESSAGING:y]", "type = onion", "directory_nodes = " + directory},
	} {
		if _, err := Parse("/data", onionSection(lines...)); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
