package importrules

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// testOfRows is a test whose name begins with rows: TestM4M1Once.
	testOfRows = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)((?:[MTPN][0-9]+)+)[A-Z]`)
	oneRow     = regexp.MustCompile(`[MTPN][0-9]+`)
	tableRow   = regexp.MustCompile("(?m)^\\| ([MTPN][0-9]+) \\| [^|]+ \\| (`[^|]*`) \\|$")
)

// TestEveryRowIsShown: each known attack on makers, takers, privacy and network has
// tests, where TESTING.md says.
func TestEveryRowIsShown(t *testing.T) {
	shown := map[string][]string{} // folders by row
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		folder = filepath.ToSlash(folder)
		for _, found := range testOfRows.FindAllStringSubmatch(string(text), -1) {
			for _, row := range oneRow.FindAllString(found[1], -1) {
				if !slices.Contains(shown[row], folder) {
					shown[row] = append(shown[row], folder)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "TESTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, row := range tableRow.FindAllStringSubmatch(string(doc), -1) {
		said[row[1]] = row[2]
	}
	for kind, count := range map[string]int{"M": 28, "T": 24, "P": 11, "N": 23} {
		for n := range count {
			row := fmt.Sprintf("%s%d", kind, n+1)
			slices.Sort(shown[row])
			want := "`" + strings.Join(shown[row], "`, `") + "`"
			if len(shown[row]) == 0 {
				t.Errorf("no test stands for %s", row)
			} else if said[row] != want {
				t.Errorf("TESTING.md says that %s is shown in %s, but it is in %s", row, said[row], want)
			}
			delete(said, row)
		}
	}
	for row := range maps.Keys(said) {
		t.Errorf("TESTING.md tells of a row %s", row)
	}
}
