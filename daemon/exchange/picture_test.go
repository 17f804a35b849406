package exchange

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

var update = flag.Bool("update", false, "write docs/conversation.md anew")

const (
	docsFile = "../../docs/conversation.md"
	begin    = "<!-- generated from daemon/exchange: go test ./daemon/exchange -run Picture -update -->\n"
	end      = "<!-- end of what is generated -->\n"
)

// The documents show the table that the daemon runs on.
func TestPicture(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	was, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s lacks the place of the picture", docsFile)
	}
	now := picture()
	switch {
	case was == now:
	case *update:
		if err := os.WriteFile(docsFile, []byte(before+begin+now+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show the table; write it anew with -update", docsFile)
	}
}

// picture draws Table and Waits.
func picture() string {
	var b strings.Builder
	for _, role := range roles {
		fmt.Fprintf(&b, "\n### %s\n\n```mermaid\nstateDiagram-v2\n    [*] --> idle\n", role)
		for _, row := range Table {
			if row.Role != role {
				continue
			}
			arrow(&b, row, row.Next)
			if row.Last != "" && row.Last != row.Next {
				arrow(&b, row, row.Last)
			}
		}
		for _, state := range states(role) {
			if wait, ok := Waits[state]; ok {
				fmt.Fprintf(&b, "    %s --> ended: %s\n", short(state), wait.Reason)
			}
		}
		b.WriteString("```\n\n| State | Who must act | Time | Otherwise |\n|---|---|---|---|\n")
		for _, state := range states(role) {
			if wait, ok := Waits[state]; ok {
				who := map[Party]string{Peer: "the counterparty", Client: "the client"}[wait.For]
				fmt.Fprintf(&b, "| `%s` | %s | %v | `%s` |\n", short(state), who, DefaultLimits[wait.Limit], wait.Reason)
			}
		}
	}
	return b.String() + "\n"
}

func arrow(b *strings.Builder, row Row, to State) {
	how := "from the counterparty"
	if row.Input.From == Client {
		how = "asked by the client"
	}
	if row.Sealed() {
		how += ", sealed"
	}
	if to == row.Last && row.Last != row.Next {
		how += ", the last"
	}
	fmt.Fprintf(b, "    %s --> %s: %s (%s)\n", short(row.State), short(to), row.Input.Command, how)
}

// states are those of a role, in the order of the table.
func states(role control.Role) (list []State) {
	seen := map[State]bool{}
	for _, row := range Table {
		for _, state := range []State{row.State, row.Next, cmp.Or(row.Last, row.Next)} {
			if row.Role == role && !seen[state] {
				seen[state] = true
				list = append(list, state)
			}
		}
	}
	return list
}

// short leaves out the role.
func short(s State) string {
	_, name, found := strings.Cut(string(s), ":")
	if !found {
		return string(s)
	}
	return name
}
