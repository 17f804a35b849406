package line

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"!orderbook":               {"orderbook"},
		"!!orderbook":              {"orderbook"}, // joinmarket-ng
		"!":                        {""},
		"!cancel 0!cancel 3":       {"cancel 0", "cancel 3"},
		"!cancel 0!foo!!cancel 1!": {"cancel 0", "foo", "", "cancel 1", ""},
		"!error  a  ":              {"error  a  "},
		"!orderbooks!orderbook":    {"orderbooks", "orderbook"},
	} {
		if got, err := Split(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Split(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"":                                  ErrPrefix,
		"orderbook":                         ErrPrefix,
		" !orderbook":                       ErrPrefix,
		"!orderbook\n":                      ErrText,
		"!orderbook\x00":                    ErrText,
		"!error é":                          ErrText,
		"!error \xff":                       ErrText,
		"!error \x7f":                       ErrText,
		"!orderbook!orderbook":              ErrFlood,
		"!orderbook ~!cancel 0!orderbook x": ErrFlood,
		"!!orderbook!orderbook":             ErrFlood,
		strings.Repeat("!a", 33):            ErrGroups,
	} {
		if got, err := Split(text); !errors.Is(err, want) {
			t.Errorf("Split(%q) = %q, %v; want %v", text, got, err, want)
		}
	}
	if got, err := Split(strings.Repeat("!a", 32)); err != nil || len(got) != protocol.MaxGroups {
		t.Errorf("32 groups: %d, %v", len(got), err)
	}
}
