package importrules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackagesForOthersHaveExamples: whoever builds on these packages finds
// examples that go test runs, each with what it prints.
func TestPackagesForOthersHaveExamples(t *testing.T) {
	packages := strings.Fields(`client client/taker client/maker client/schedule client/tumbler client/journal
		protocol protocol/control protocol/line protocol/sats
		wallet wallet/keys wallet/bond wallet/podle wallet/bip21 wallet/descriptor wallet/txbuild wallet/chain`)
	example := regexp.MustCompile(`(?ms)^func Example\w*\(\) \{$.*?^\t// Output:`)
	for _, pkg := range packages {
		files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || example.Match(text)
		}
		if !found {
			t.Errorf("%s has no example", pkg)
		}
	}
}
