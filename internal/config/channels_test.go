package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestChannelKeys: what each key of ours sets, and that secrets do not print.
func TestChannelKeys(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"ca.pem": "trusted", "client.pem": "canary key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Parse(dir, []byte(strings.Join([]string{
		"[MESSAGING:x]", "host = irc.example", "port = 6697", "channel = #pit", "usessl = true",
		"alternates = irc2.example:6697, [::1]:6698", "tls_ca_file = ca.pem", "tls_client_cert_file = client.pem",
		"server_password = canary a;b", "sasl = plain", "sasl_user = joe", "sasl_password = canary%%", "line_interval_ms = 2000",
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := []control.ChannelConfig{{
		Name: "x", Type: "irc", Host: "irc.example", Port: 6697, Room: "pit", TLS: true,
		Alternates: []string{"irc2.example:6697", "[::1]:6698"}, TLSCA: "trusted", ClientCert: "canary key",
		Password: "canary a;b", SASL: "plain", SASLUser: "joe", SASLPassword: "canary%", LineInterval: 2e9,
	}}
	if !reflect.DeepEqual(cfg.Channels, want) {
		t.Errorf("read as %+v", cfg.Channels)
	}
	if shown := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(shown, "canary") {
		t.Error("a secret is printed")
	}
	if warned := strings.Join(cfg.Warnings, "\n"); strings.Count(warned, "chmod 600") != 1 {
		t.Errorf("warnings: %s", warned)
	}
}

// TestLargeCertificateFile: a file that is none is not read.
func TestLargeCertificateFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ca.pem")
	for size, ok := range map[int]bool{control.MaxPEM: true, control.MaxPEM + 1: false} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Parse(dir, []byte("[MESSAGING:x]\nhost = h\nport = 1\nchannel = c\ntls_ca_file = ca.pem"))
		if (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestSampleHasChannelKeys: every key of a channel stands in the sample.
func TestSampleHasChannelKeys(t *testing.T) {
	for name, keys := range map[string][]string{"hackint": slices.Collect(maps.Keys(channelKeys)), "onion": slices.Collect(maps.Keys(onionKeys))} {
		_, text, found := strings.Cut(string(Sample), "\n["+channelPrefix+name+"]\n")
		text, _, _ = strings.Cut(text, "\n[")
		for _, key := range keys {
			if !found || name+key != "hackinttype" && !strings.Contains("\n"+text, "\n"+key+" =") {
				t.Errorf("%s of %s is missing in the sample", key, name)
			}
		}
	}
}
