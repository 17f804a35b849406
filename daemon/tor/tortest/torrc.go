package tortest

import (
	"fmt"
	"path/filepath"
	"strings"
)

// common is what all have to agree on: three votes a minute, the first ones every
// five seconds, and no doubt about anybody (tor(1): TestingTorNetwork).
const common = `TestingTorNetwork 1
AssumeReachable 1
SafeLogging 0
ShutdownWaitLength 0
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 20
V3AuthVoteDelay 2
V3AuthDistDelay 2
`

// authority are the settings of those who vote.
const authority = `AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
ContactInfo nobody@example.org
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteExit *
MinUptimeHidServDirectoryV2 0 seconds
V3AuthNIntervalsValid 2
`

// torrc of a relay or an authority.
func (n *node) torrc(shared string) string {
	lines := shared + fmt.Sprintf(`Nickname %s
DataDirectory %s
Address 127.0.0.1
ORPort 127.0.0.1:%d IPv4Only
SocksPort 0
ExitRelay 0
Log notice file %s
`, n.name, n.dir, n.or, filepath.Join(n.dir, logFile))
	if n.dirPort != 0 {
		lines += fmt.Sprintf("DirPort 127.0.0.1:%d IPv4Only\n", n.dirPort) + authority
	}
	return lines
}

// shared is the torrc of everybody in a network, who knows its authorities.
func shared(nodes []*node) string {
	var b strings.Builder
	b.WriteString(common)
	for _, n := range nodes {
		if n.dirPort != 0 {
			fmt.Fprintf(&b, "DirAuthority %s orport=%d no-v2 v3ident=%s 127.0.0.1:%d %s\n",
				n.name, n.or, n.identity, n.dirPort, n.fingerprint)
		}
	}
	return b.String()
}
