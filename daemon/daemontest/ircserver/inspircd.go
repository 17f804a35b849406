package ircserver

import (
	"cmp"
	"fmt"
	"path/filepath"
	"testing"
)

// InspIRCd runs an InspIRCd. Its operators may change nicks and put others into
// rooms (SANICK, SAJOIN). Accounts (SASL) it has only with services, which are
// other programs.
func InspIRCd(t testing.TB, o Options) Server {
	t.Helper()
	return program{
		name:   "inspircd",
		config: inspircdConfig,
		args:   []string{"--nofork", "--nolog", "--runasroot", "--config"},
		ready:  "is now running as",
		ports:  1,
	}.run(t, o)
}

func inspircdConfig(dir string, plain, secure int, o Options) string {
	password := ""
	if o.Password != "" {
		password = fmt.Sprintf("password=%q", o.Password)
	}
	return fmt.Sprintf(`<server name="irc.inspircd.test" description="test server" network="%s">
<module name="ssl_gnutls">
<module name="botmode">
<module name="sanick">
<module name="sajoin">
<sslprofile name="tls" provider="gnutls" certfile="%s" keyfile="%s">
<bind address="127.0.0.1" port="%d" type="clients">
<bind address="127.0.0.1" port="%d" type="clients" sslprofile="tls">
<connect allow="*" %s timeout="30" pingfreq="120" threshold="%d" commandrate="1000000" fakelag="no"
	hardsendq="1048576" softsendq="262144" recvq="262144" localmax="1000" globalmax="1000" limit="1000"
	useconnflood="no" resolvehostnames="no">
<dns server="127.0.0.1" timeout="1">
<pid file="%s">
<limits maxnick="30">
<class name="all" commands="*" usermodes="*" chanmodes="*" snomasks="*" privs="*">
<type name="op" classes="all">
<oper name="%s" password="%[9]s" host="*@*" type="op">
`, Network, filepath.Join(dir, certFile), filepath.Join(dir, keyFile), plain, secure,
		password, cmp.Or(o.FloodLimit, 1_000_000), filepath.Join(dir, "pid"), Operator)
}
