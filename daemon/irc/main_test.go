package irc

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more parallel tests run than there are processors: those on real
// servers mostly wait for the servers, which take their time with new clients.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		flag.Set("test.parallel", "16")
	}
	os.Exit(m.Run())
}
