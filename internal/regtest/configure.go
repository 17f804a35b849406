package regtest

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

func configFile(dir string) string { return filepath.Join(dir, "node.conf") }
func certFile(dir string) string   { return filepath.Join(dir, "rpc.cert") }

// configure writes the node's configuration file and returns how to reach the
// node. Passwords are in the file and not among the arguments, which every user
// of the machine can read.
func configure(cfg Config, addr, peers string) (rpc.Config, error) {
	settings := bitcoindConfig
	if cfg.Kind == BTCD {
		settings = btcdConfig
	}
	lines, access := settings(cfg, addr, peers)
	lines = append(lines, cfg.Options...)
	return access, os.WriteFile(configFile(cfg.Dir), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

func btcdConfig(cfg Config, addr, peers string) ([]string, rpc.Config) {
	user, password := rand.Text(), rand.Text()
	listen := "nolisten=1"
	if peers != "" {
		listen = "listen=" + peers // filters are served unless forbidden
	}
	lines := []string{
		"[Application Options]",
		"regtest=1",
		"datadir=" + filepath.Join(cfg.Dir, "data"),
		"logdir=" + filepath.Join(cfg.Dir, "log"),
		listen,
		"rpclisten=" + addr,
		"rpcuser=" + user,
		"rpcpass=" + password,
	}
	access := rpc.Config{Addr: addr, User: user, Password: secret.NewText(password)}
	if !cfg.TLS {
		return append(lines, "notls=1"), access
	}
	access.TLS = &tls.Config{InsecureSkipVerify: true, VerifyConnection: onlyCert(certFile(cfg.Dir))}
	return append(lines,
		"rpccert="+certFile(cfg.Dir),
		"rpckey="+filepath.Join(cfg.Dir, "rpc.key")), access
}

// onlyCert accepts the one certificate in a file, which btcd writes when it
// starts: after the client is made.
func onlyCert(file string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		pem, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: "127.0.0.1"})
		return err
	}
}

func bitcoindConfig(cfg Config, addr, peers string) ([]string, rpc.Config) {
	_, port, _ := net.SplitHostPort(addr)
	listen := []string{"listen=0"}
	if peers != "" {
		listen = []string{"listen=1", "bind=" + peers, "listenonion=0", "blockfilterindex=1", "peerblockfilters=1"}
	}
	return append([]string{
		"regtest=1",
		"server=1",
		"[regtest]",
		"discover=0",
		"dnsseed=0",
		"fixedseeds=0",
		"rpcbind=127.0.0.1",
		"rpcport=" + port,
		"dbcache=16",
	}, listen...), rpc.Config{Addr: addr, CookieFile: filepath.Join(cfg.Dir, "regtest", ".cookie")}
}

// arguments of the program.
func arguments(cfg Config) []string {
	if cfg.Kind == BTCD {
		return []string{"--configfile=" + configFile(cfg.Dir)}
	}
	return []string{"-datadir=" + cfg.Dir, "-conf=" + configFile(cfg.Dir)}
}
