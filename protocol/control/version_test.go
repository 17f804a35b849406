package control

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestVersionSkew: an older or newer side is served as long as the ranges meet,
// and is else refused with both ranges by name.
func TestVersionSkew(t *testing.T) {
	for _, c := range []struct {
		own, peer [2]int
		served    bool
	}{
		{[2]int{1, 1}, [2]int{1, 1}, true},
		{[2]int{1, 1}, [2]int{1, 9}, true},  // newer, and still speaks ours
		{[2]int{2, 4}, [2]int{1, 2}, true},  // older, and we still speak theirs
		{[2]int{1, 1}, [2]int{2, 3}, false}, // newer
		{[2]int{3, 4}, [2]int{1, 2}, false}, // older
	} {
		own := Hello{Software: "own 1.0", Min: c.own[0], Max: c.own[1]}
		peer := Hello{Software: "peer 2.0", Min: c.peer[0], Max: c.peer[1]}
		err := peer.speaks(own)
		if c.served {
			if err != nil {
				t.Errorf("%v with %v: %v", c.own, c.peer, err)
			}
			continue
		}
		if !errors.Is(err, ErrVersion) {
			t.Errorf("%v with %v: %v", c.own, c.peer, err)
			continue
		}
		for _, part := range []string{"own 1.0", "peer 2.0",
			fmt.Sprintf("%d to %d", c.own[0], c.own[1]), fmt.Sprintf("%d to %d", c.peer[0], c.peer[1])} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
}
