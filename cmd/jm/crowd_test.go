package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// hidden are the keys that nobody else sees the effect of.
var hidden = []string{
	"gaplimit", "absurd_fee_per_kb", "max_sweep_fee_change", "commit_file_location", "commitment_list_location",
}

// TestP11DoctorKnowsTheCrowd: the default and the sample deviate in nothing; each
// key of the table does with another value, alone, and is a key of the sample;
// and each key of the sample's sections is in the table, or known to be hidden.
func TestP11DoctorKnowsTheCrowd(t *testing.T) {
	crowd := func(text string) []finding {
		t.Helper()
		cfg, err := config.Parse(t.TempDir(), []byte(text))
		if err != nil || len(cfg.Warnings) > 0 {
			t.Fatalf("%s: %v, %v", text, err, cfg.Warnings)
		}
		return (&app{cfg: cfg}).checkCrowd()
	}
	for name, text := range map[string]string{"nothing": "", "the sample": string(config.Sample), "the same otherwise": "[POLICY]\ntx_fees_factor = 0.20\n"} {
		if found := crowd(text); len(found) != 1 || found[0].State != "ok" {
			t.Errorf("%s: %+v", name, found)
		}
	}
	others := map[string]string{
		"merge_algorithm": "greedy", "tx_broadcast": "self", "generator": "basic", "ordertype": "absoffer", "bond_value_exponent": "1.1",
	}
	known := slices.Clone(hidden)
	for _, trait := range traits {
		known = append(known, trait.key)
		value := others[trait.key]
		if value == "" && (strings.Contains(trait.key, "factor") || slices.Contains([]string{"interest_rate", "bondless_makers_allowance", "cjfee_r"}, trait.key)) {
			value = "0.05"
		}
		if value == "" {
			value = "7"
		}
		found := crowd("[" + trait.section + "]\n" + trait.key + " = " + value + "\n")
		if len(found) != 1 || found[0].State != "note" || !strings.HasPrefix(found[0].Text, "["+trait.section+"] "+trait.key+" is "+value) && trait.key != "reannounce_sec" {
			t.Errorf("%s = %s: %+v", trait.key, value, found)
		}
	}
	keys := regexp.MustCompile(`(?m)^([a-z_]+) =`)
	count := 0
	for _, section := range []string{"POLICY", "YIELDGENERATOR"} {
		_, text, _ := strings.Cut(string(config.Sample), "["+section+"]\n")
		text, _, _ = strings.Cut(text, "\n[")
		for _, m := range keys.FindAllStringSubmatch(text, -1) {
			count++
			if !slices.Contains(known, m[1]) {
				t.Errorf("can others see %s? Add it to traits or to hidden", m[1])
			}
		}
	}
	if count != len(known) {
		t.Errorf("%d keys in the sample, %d known", count, len(known))
	}
}

// TestP11DoctorKnowsTheCrowdOfChannels: what a server or the room can know a user
// by is told, of the channel that it concerns.
func TestP11DoctorKnowsTheCrowdOfChannels(t *testing.T) {
	const server = "host = irc.example.org\nport = 6697\nchannel = pit\nusessl = true\n"
	const tor = "socks5 = true\nsocks5_host = localhost\nsocks5_port = 9050\n"
	for _, c := range []struct{ text, words string }{
		{"[MESSAGING:a]\n" + server + tor, ""},
		{"[MESSAGING:a]\nhost = 127.0.0.1\nport = 6667\nchannel = pit\n", ""},
		{"[MESSAGING:a]\n" + server, "[MESSAGING:a] socks5 is false"},
		{"[MESSAGING:a]\n" + server + tor + "line_interval_ms = 1300\n", ""},
		{"[MESSAGING:a]\n" + server + tor + "line_interval_ms = 500\n", "line_interval_ms is 500"},
		{"[MESSAGING:a]\n" + server + tor + "server_password = x\n", "ties all your nicks together"},
		{strings.Replace(string(config.Sample), "onion_key_file =", "onion_key_file = key", 1), "the same onion address each time"},
		{strings.NewReplacer("hidden_service_dir =", "hidden_service_dir = x", "onion_serving_port = 0", "onion_serving_port = 8080").Replace(string(config.Sample)), "the same onion address each time"},
	} {
		cfg, err := config.Parse(t.TempDir(), []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		found := (&app{cfg: cfg}).checkCrowd()
		if len(found) != 1 || (found[0].State == "ok") != (c.words == "") || !strings.Contains(found[0].Text, c.words) {
			t.Errorf("%s: %+v", c.text, found)
		}
	}
}

// TestP11DoctorIsExplained: the page has all keys that are looked at.
func TestP11DoctorIsExplained(t *testing.T) {
	text := page(t, "../../docs/doctor.md")
	for _, trait := range traits {
		if !strings.Contains(text, "`"+trait.key+"`") {
			t.Errorf("docs/doctor.md does not name %s", trait.key)
		}
	}
}
