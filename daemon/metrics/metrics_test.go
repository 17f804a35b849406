package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// busy is a daemon in which much goes on, with words of strangers wherever one
// could be.
var busy = control.StatusAnswer{
	Version: "joinmarketd \"1\"\\\n", Clients: 3, Since: 1_700_000_000,
	Sessions: []control.SessionStatus{
		{Role: control.RoleMaker, Ready: true, Peers: 7, Offers: 5, Makers: 4, Verdicts: 1, Signatures: 2,
			Conversations: map[string]int{"maker:keyed": 2, "hostile\nstate": 1},
			Channels:      []control.ChannelReport{{Channel: "hostile", State: "up", Queued: 3, Reason: "hostile"}}},
		{Role: control.RoleTaker, Peers: 9, Channels: []control.ChannelReport{{Channel: "hostile", State: "waiting"}, {State: "hostile", Direct: 4,
			Directories: []control.DirectoryReport{{Address: "hostile", State: "up"}, {State: "up", Few: true}, {State: "hostile"}}}}},
		{Role: "hostile", Busy: true, Away: true},
	},
}

func serve(t *testing.T, status control.StatusAnswer, counts *count.Set) (url string) {
	t.Helper()
	s, err := Listen(Config{Address: "127.0.0.1:0", Status: func(context.Context) control.StatusAnswer { return status }, Counts: counts})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Address()
}

func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestTextFormat: every line is of the format, every series stands once, and
// the numbers are those of the status.
func TestTextFormat(t *testing.T) {
	var counts count.Set
	counts.Add(count.LimitFills, 12)
	code, text := get(t, serve(t, busy, &counts)+"/metrics", "")
	if code != 200 {
		t.Fatalf("status %d", code)
	}
	sample := regexp.MustCompile(`^(joinmarketd_[a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? [0-9.e+]+$`)
	have := make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no sample", line)
			continue
		}
		if have[m[1]+m[2]] {
			t.Errorf("twice: %s", line)
		}
		have[m[1]+m[2]] = true
	}
	for _, want := range []string{
		`joinmarketd_connected_clients 3`, `joinmarketd_sessions{role="maker"} 1`, `joinmarketd_sessions{role="other"} 1`,
		`joinmarketd_sessions_busy 1`, `joinmarketd_sessions_away 1`, `joinmarketd_sessions_not_ready 2`, `joinmarketd_channels{state="up"} 1`,
		`joinmarketd_channels{state="waiting"} 1`, `joinmarketd_channels{state="joining"} 0`, `joinmarketd_channels{state="other"} 1`,
		`joinmarketd_directories{state="up"} 2`, `joinmarketd_directories{state="greeting"} 0`, `joinmarketd_directories{state="other"} 1`,
		`joinmarketd_directories_few 1`, `joinmarketd_direct_connections 4`,
		`joinmarketd_peers 9`, `joinmarketd_offers 5`, `joinmarketd_makers 4`, `joinmarketd_open_conversations{state="maker:keyed"} 2`,
		`joinmarketd_open_conversations{state="taker:signing"} 0`, `joinmarketd_waiting{for="line"} 3`,
		`joinmarketd_limits_total{limit="fills"} 12`, `joinmarketd_faults_total{kind="panic"} 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(text, "hostile") {
		t.Error("a stranger's word is in a label")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestEveryCauseIsExported: no counter is forgotten when a family is added.
func TestEveryCauseIsExported(t *testing.T) {
	var text strings.Builder
	prometheus.Write(&text, gather(&picture{busy, new(count.Set)}))
	for c := range new(count.Set).All() {
		if !strings.Contains(text.String(), `="`+c.Name()+`"} 0`) {
			t.Errorf("%v is not exported", c)
		}
	}
}

// TestOperatorsAreTold: docs/operations.md has a row for every metric and for
// every cause, and for none that is not there.
func TestOperatorsAreTold(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+|[a-z-]+/[a-z-]+)` \\|").FindAllStringSubmatch(string(raw), -1) {
		rows[m[1]] = true
	}
	want := make(map[string]bool)
	for _, m := range All {
		want[m.Name] = true
	}
	for c := range new(count.Set).All() {
		want[c.String()] = true
	}
	for name := range want {
		if !rows[name] {
			t.Errorf("no row for %s", name)
		}
	}
	for name := range rows {
		if (strings.Contains(name, "/") || strings.HasPrefix(name, prefix)) && !want[name] {
			t.Errorf("a row for %s, which is not exported", name)
		}
	}
}

// TestAlertsMatch: packaging/alerts.yml names series that are there.
func TestAlertsMatch(t *testing.T) {
	raw, err := os.ReadFile("../../packaging/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	prometheus.Write(&text, gather(&picture{busy, new(count.Set)}))
	named := regexp.MustCompile(`(joinmarketd_[a-z_]+)(?:\{([a-z]+)=(~?)"([^"]*)"\})?`).FindAllStringSubmatch(string(raw), -1)
	if len(named) < 10 {
		t.Fatalf("only %d series", len(named))
	}
	for _, m := range named {
		values := []string{m[4]}
		if m[3] == "~" {
			values = strings.Split(m[4], "|")
		}
		for _, v := range values {
			series := m[1]
			if m[2] != "" {
				series += "{" + m[2] + `="` + v + `"}`
			}
			if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(series) + "[ {]").MatchString(text.String()) {
				t.Errorf("no series %s", series)
			}
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	up := control.SessionStatus{Channels: []control.ChannelReport{{State: "waiting"}, {State: "up"}}}
	down := control.SessionStatus{Channels: []control.ChannelReport{{State: "waiting"}}}
	for name, c := range map[string]struct {
		sessions      []control.SessionStatus
		healthy, able int
	}{
		"nobody":     {nil, 200, 200},
		"up":         {[]control.SessionStatus{down, up}, 200, 200},
		"no channel": {[]control.SessionStatus{down}, 200, 503},
		"stuck":      {[]control.SessionStatus{up, {Busy: true}}, 503, 200},
	} {
		url := serve(t, control.StatusAnswer{Sessions: c.sessions}, nil)
		if code, text := get(t, url+"/healthz", ""); code != c.healthy {
			t.Errorf("%s: health %d %s", name, code, text)
		}
		if code, text := get(t, url+"/readyz", ""); code != c.able {
			t.Errorf("%s: readiness %d %s", name, code, text)
		}
	}
}

// TestA1MetricsForThisMachineOnly: neither by address nor through a browser.
func TestA1MetricsForThisMachineOnly(t *testing.T) {
	for _, address := range []string{"", "9187", ":9187", "0.0.0.0:0", "[::]:0", "example.org:80", "127.0.0.1:http", "127.0.0.1:70000"} {
		if s, err := Listen(Config{Address: address}); !errors.Is(err, prometheus.ErrAddress) {
			t.Errorf("%q: %v", address, err)
			if err == nil {
				s.Close()
			}
		}
	}
	url := serve(t, control.StatusAnswer{}, nil)
	for host, want := range map[string]int{"": 200, "localhost:1": 200, "[::1]:9187": 200, "evil.example": 403, "evil.example:9187": 403} {
		if code, _ := get(t, url+"/healthz", host); code != want {
			t.Errorf("by the name %q: %d", host, code)
		}
	}
	if code, _ := get(t, url+"/debug/pprof/", ""); code != 404 {
		t.Errorf("something else is served: %d", code)
	}
}
