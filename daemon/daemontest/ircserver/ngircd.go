package ircserver

import (
	"fmt"
	"path/filepath"
	"testing"
)

// NgIRCd runs an ngIRCd. Its flood control cannot be switched off: a client that
// sends many lines is read slowly.
func NgIRCd(t testing.TB, o Options) Server {
	t.Helper()
	return ngircd(ngircdConfig).run(t, o)
}

func ngircd(config func(dir string, plain, secure int, o Options) string) program {
	return program{
		name:   "ngircd",
		config: config,
		args:   []string{"-n", "-f"},
		ready:  "Now listening on",
		ports:  2,
	}
}

// StartNgIRCd runs an ngIRCd with its files in dir until Stop is called. Without
// the program the error is an exec.ErrNotFound.
func StartNgIRCd(dir string, o Options) (Server, error) {
	p := ngircd(ngircdConfig)
	path, err := find(p.name)
	if err != nil {
		return Server{}, err
	}
	return p.launch(path, dir, o)
}

// ngircdName is the name of a server that is alone.
const ngircdName = "irc.ngircd.test"

func ngircdConfig(dir string, plain, secure int, o Options) string {
	password := ""
	if o.Password != "" {
		password = "Password = " + o.Password
	}
	return fmt.Sprintf(`[Global]
Name = %s
Info = test server
AdminInfo1 = test
AdminEMail = test@localhost
Network = %s
Listen = 127.0.0.1
Ports = %d
MotdPhrase = "test server"
%s

[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30

[Options]
DNS = no
Ident = no
PAM = no

[SSL]
CertFile = %s
KeyFile = %s
Ports = %d

[Operator]
Name = %s
Password = %s
`, ngircdName, Network, plain, password, filepath.Join(dir, certFile), filepath.Join(dir, keyFile), secure, Operator, Operator)
}
