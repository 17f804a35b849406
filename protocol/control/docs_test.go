package control_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const document = "../../docs/control-protocol.md"

// messages are the files that declare what travels.
var messages = []string{"messages.go", "status.go"}

// sections cuts the document at its headings.
func sections(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	heading := ""
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(line, "#"); ok {
			heading = strings.TrimSpace(strings.TrimLeft(title, "#"))
			if _, twice := found[heading]; twice {
				t.Errorf("two sections %q", heading)
			}
		}
		found[heading] += line
	}
	return found
}

// source is what a Go file declares.
type source struct {
	consts  map[string]string   // name to value, as far as it is a literal string
	all     []string            // names of all constants
	types   map[string][]string // name of a constant to the types its comment names
	structs map[string]*ast.StructType
}

var typeName = regexp.MustCompile(`\b[A-Z]\w*(Request|Answer|Event)\b`)

func parse(t *testing.T, files ...string) source {
	t.Helper()
	s := source{make(map[string]string), nil, make(map[string][]string), make(map[string]*ast.StructType)}
	var decls []ast.Decl
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, f.Decls...)
	}
	for _, decl := range decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				if gen.Tok != token.CONST {
					continue
				}
				for i, name := range spec.Names {
					s.all = append(s.all, name.Name)
					s.types[name.Name] = typeName.FindAllString(spec.Comment.Text(), -1)
					if i < len(spec.Values) {
						if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
							s.consts[name.Name], _ = strconv.Unquote(lit.Value)
						}
					}
				}
			case *ast.TypeSpec:
				if body, ok := spec.Type.(*ast.StructType); ok {
					s.structs[spec.Name.Name] = body
				}
			}
		}
	}
	if len(s.all) == 0 {
		t.Fatalf("nothing found in %s", files)
	}
	return s
}

// wantFields checks that a section has a row for every member of a struct, and
// names the objects whose members it embeds.
func wantFields(t *testing.T, heading, section string, body *ast.StructType) {
	t.Helper()
	for _, field := range body.Fields.List {
		if len(field.Names) == 0 {
			name := fmt.Sprint(field.Type)
			if sel, ok := field.Type.(*ast.SelectorExpr); ok {
				name = sel.Sel.Name
			}
			if !strings.Contains(section, "[`"+name+"`]") {
				t.Errorf("%s: no mention of object %s", heading, name)
			}
			continue
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		wantRow(t, heading, section, name)
	}
}

func wantRow(t *testing.T, heading, section, name string) {
	t.Helper()
	if !strings.Contains(section, "| `"+name+"` |") {
		t.Errorf("%s: no row for %q", heading, name)
	}
}

// TestDocumentIsComplete: every method, question, event, field, state, role and
// code of the package stands in the document, each where it belongs.
func TestDocumentIsComplete(t *testing.T) {
	docs := sections(t)
	src := parse(t, messages...)
	documented := make(map[string]bool)
	counts := make(map[string]int)
	for name, value := range src.consts {
		for prefix, word := range map[string]string{"Method": "Command", "Question": "Question", "Event": "Event"} {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			counts[prefix]++
			heading := word + " `" + value + "`"
			section, ok := docs[heading]
			if !ok {
				t.Errorf("no section %q", heading)
			}
			for _, typ := range src.types[name] {
				body, ok := src.structs[typ]
				if !ok {
					t.Fatalf("%s names %s, which is no message", name, typ)
				}
				documented[typ] = true
				wantFields(t, heading, section, body)
			}
		}
		switch {
		case strings.HasPrefix(name, "Role"):
			counts["Role"]++
			if !strings.Contains(docs["Command `start`"], "`"+value+"`") {
				t.Errorf("no role %q", value)
			}
		case strings.HasPrefix(name, "Channel"):
			counts["Channel"]++
			if !strings.Contains(docs["Event `channel`"], "`"+value+"`") {
				t.Errorf("no state %q", value)
			}
		}
	}
	for prefix, least := range map[string]int{"Method": 13, "Question": 3, "Event": 11, "Role": 3, "Channel": 4} {
		if counts[prefix] < least {
			t.Errorf("only %d constants %s were looked at", counts[prefix], prefix)
		}
	}
	for name, body := range src.structs {
		if !documented[name] {
			heading := "Object `" + name + "`"
			wantFields(t, heading, docs[heading], body)
		}
	}
	offer := reflect.TypeFor[protocol.Offer]()
	for i := range offer.NumField() {
		wantRow(t, "Object `Offer`", docs["Object `Offer`"], offer.Field(i).Tag.Get("json"))
	}
	for _, name := range []string{"software", "features", "secret"} {
		wantRow(t, "Hello", docs["Hello"], name)
	}

	codes := parse(t, "errors.go")
	for name, value := range codes.consts {
		if strings.HasPrefix(name, "Err") {
			counts["Err"]++
			wantRow(t, "Errors", docs["Errors"], value)
		}
	}
	if counts["Err"] < 13 {
		t.Errorf("only %d codes were looked at", counts["Err"])
	}
}

// TestDocumentHasNoMore: the document describes nothing that is gone.
func TestDocumentHasNoMore(t *testing.T) {
	known := make(map[string]bool)
	src := parse(t, messages...)
	for name, value := range src.consts {
		for prefix, word := range map[string]string{"Method": "Command", "Question": "Question", "Event": "Event"} {
			if strings.HasPrefix(name, prefix) {
				known[word+" `"+value+"`"] = true
			}
		}
	}
	for name := range src.structs {
		known["Object `"+name+"`"] = true
	}
	known["Object `Offer`"] = true
	for heading := range sections(t) {
		if strings.HasSuffix(heading, "`") && !known[heading] {
			t.Errorf("section %q has nothing to describe", heading)
		}
	}
}

// TestEveryMessageHasASample, so that the tests over samples cover them all.
func TestEveryMessageHasASample(t *testing.T) {
	have := make(map[string]bool)
	for _, m := range samples {
		have[m.name] = true
	}
	parts := map[string]bool{"OfferEntry": true, "BondEntry": true, "MakerOffer": true, "ConversationState": true} // of other samples
	for name := range parse(t, messages...).structs {
		if !have[name] && !parts[name] {
			t.Errorf("no sample of %s", name)
		}
	}
}

func TestDocumentedLimits(t *testing.T) {
	docs := sections(t)["Limits"]
	rows := map[string]string{
		"MinVersion":        fmt.Sprintf("| `MinVersion`, `MaxVersion` | %d, %d |", control.MinVersion, control.MaxVersion),
		"MaxVersion":        "`MaxVersion`",
		"MaxFrame":          fmt.Sprintf("| `MaxFrame` | %d |", control.MaxFrame),
		"MaxClientFrame":    fmt.Sprintf("| `MaxClientFrame` | %d |", control.MaxClientFrame),
		"MaxHelloFrame":     fmt.Sprintf("| `MaxHelloFrame` | %d |", control.MaxHelloFrame),
		"MaxDepth":          fmt.Sprintf("| `MaxDepth` | %d |", control.MaxDepth),
		"MaxCommas":         fmt.Sprintf("| `MaxCommas` | %d |", control.MaxCommas),
		"MaxConcurrent":     fmt.Sprintf("| `MaxConcurrent` | %d |", control.MaxConcurrent),
		"MaxOutstanding":    fmt.Sprintf("| `MaxOutstanding` | %d |", control.MaxOutstanding),
		"HelloTimeout":      fmt.Sprintf("| `HelloTimeout` | %.0f s |", control.HelloTimeout.Seconds()),
		"StallTimeout":      fmt.Sprintf("| `StallTimeout` | %.0f s |", control.StallTimeout.Seconds()),
		"MaxChannels":       fmt.Sprintf("| `MaxChannels` | %d |", control.MaxChannels),
		"MaxAlternates":     fmt.Sprintf("| `MaxAlternates` | %d |", control.MaxAlternates),
		"MaxDirectories":    fmt.Sprintf("| `MaxDirectories` | %d |", control.MaxDirectories),
		"MaxPEM":            fmt.Sprintf("| `MaxPEM` | %d |", control.MaxPEM),
		"MaxCredential":     fmt.Sprintf("| `MaxCredential` | %d |", control.MaxCredential),
		"MaxBookBonds":      fmt.Sprintf("| `MaxBookBonds` | %d |", control.MaxBookBonds),
		"MaxStatusSessions": fmt.Sprintf("| `MaxStatusSessions` | %d |", control.MaxStatusSessions),
		"MaxText":           fmt.Sprintf("| `MaxText` | %d |", control.MaxText),
		"MaxHostID":         fmt.Sprintf("| `MaxHostID` | %d |", control.MaxHostID),
		"MaxAddress":        fmt.Sprintf("| `MaxAddress` | %d |", control.MaxAddress),
		"MaxRevelation":     fmt.Sprintf("| `MaxRevelation` | %d |", control.MaxRevelation),
		"DefaultDeadline":   fmt.Sprintf("| `DefaultDeadline`, `MaxDeadline` | %.0f s, %.0f s |", control.DefaultDeadline.Seconds(), control.MaxDeadline.Seconds()),
		"MaxDeadline":       "`MaxDeadline`",

		"DefaultGrace":     fmt.Sprintf("| `DefaultGrace`, `MaxGrace` | %.0f s, %.0f s |", control.DefaultGrace.Seconds(), control.MaxGrace.Seconds()),
		"MaxGrace":         "`MaxGrace`",
		"MaxConversations": fmt.Sprintf("| `MaxConversations` | %d |", control.MaxConversations),

		"DefaultLineInterval": fmt.Sprintf("| `DefaultLineInterval` | %.1f s |", control.DefaultLineInterval.Seconds()),
	}
	for _, name := range parse(t, "limits.go").all {
		if row, ok := rows[name]; !ok {
			t.Errorf("limit %s is not looked for", name)
		} else if !strings.Contains(docs, row) {
			t.Errorf("no row %q", row)
		}
	}
}

// TestWorkedExample: the bytes of the document are what we understand and what
// we send.
func TestWorkedExample(t *testing.T) {
	frames := sections(t)["Frames"]
	block := func(kind string) string {
		_, rest, found := strings.Cut(frames, "```"+kind+"\n")
		text, _, closed := strings.Cut(rest, "```")
		if !found || !closed {
			t.Fatalf("no block %q", kind)
		}
		return text
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(block("hex")), ""))
	if err != nil {
		t.Fatal(err)
	}
	var framedText []byte
	for line := range strings.Lines(block("text")) {
		framedText = append(framedText, framed(strings.TrimSpace(line))...)
	}
	if !bytes.Equal(raw, framedText) {
		t.Errorf("the example's bytes are %x, its text %x", raw, framedText)
	}

	p, _ := accept(t, control.Config{}, echo)
	r := bufio.NewReader(bytes.NewReader(raw))
	for range 2 {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, size)
		if _, err := r.Read(body); err != nil {
			t.Fatal(err)
		}
		p.send(framed(string(body)))
		if got, err := p.answer(); err != nil || strings.Contains(got, "error") {
			t.Errorf("%s is answered with %s, %v", body, got, err)
		}
	}
}
