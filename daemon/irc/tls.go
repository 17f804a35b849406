package irc

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// tlsSettings are what the configuration says about TLS. The reference verifies
// nothing; here the certificate is verified unless that is switched off.
type tlsSettings struct {
	on, insecure bool
	pinned       []*x509.Certificate // nil: the system's roots
	client       []tls.Certificate   // at most one
}

func newTLSSettings(cfg control.ChannelConfig) (tlsSettings, error) {
	s := tlsSettings{on: cfg.TLS, insecure: cfg.Insecure}
	for rest := []byte(cfg.TLSCA); cfg.TLSCA != ""; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return s, fmt.Errorf("certificates to trust: %w", err)
		}
		s.pinned = append(s.pinned, cert)
	}
	if cfg.TLSCA != "" && s.pinned == nil {
		return s, errors.New("certificates to trust: there is none in PEM form")
	}
	if cfg.ClientCert != "" {
		cert, err := tls.X509KeyPair([]byte(cfg.ClientCert), []byte(cfg.ClientCert))
		if err != nil {
			return s, fmt.Errorf("client certificate and key: %w", err)
		}
		s.client = []tls.Certificate{cert}
	}
	return s, nil
}

// config is for a connection to a host.
func (s tlsSettings) config(host string) *tls.Config {
	cfg := &tls.Config{
		ServerName:   host,
		Certificates: s.client,
		MinVersion:   tls.VersionTLS12,
	}
	switch {
	case s.insecure:
		cfg.InsecureSkipVerify = true
	case s.pinned != nil:
		cfg.InsecureSkipVerify = true // VerifyConnection does it
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return s.verifyPinned(state, host) }
	case isOnion(host):
		// Nobody signs for an onion address, and nobody needs to: who answers
		// there has its key.
		cfg.InsecureSkipVerify = true
	}
	return cfg
}

// verifyPinned accepts a server that shows a pinned certificate, whatever name
// or date stands in it, or one that a pinned certificate has signed for host.
func (s tlsSettings) verifyPinned(state tls.ConnectionState, host string) error {
	leaf := state.PeerCertificates[0] // a server always shows one
	opts := x509.VerifyOptions{DNSName: host, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	for _, cert := range s.pinned {
		if cert.Equal(leaf) {
			return nil
		}
		opts.Roots.AddCert(cert)
	}
	for _, cert := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(opts)
	return err
}
