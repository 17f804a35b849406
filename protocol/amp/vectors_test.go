package amp_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/amp/amptest"
)

// known is a case of amp.json.
type known struct {
	Kind      string
	Command   string
	Types     map[string]string          `json:"argument_types"`
	Arguments map[string]json.RawMessage // of a call
	Tag       string
	Request   string
	Answer    string
	Result    struct{ Accepted bool }
	Valid     bool

	Lengths map[string]any // of a send_limit
	What    string

	Bytes     string // of a receive
	Calls     []call
	Closed    bool
	Should    string
	Reason    string
	Note      string
	Delivered []int `json:"delivered_in"`
}

type call struct {
	Command   string
	Arguments map[string]json.RawMessage
}

// types are the argument types of each command, as the calls state them.
func types(cases []known) map[string]map[string]string {
	m := make(map[string]map[string]string)
	for _, c := range cases {
		if c.Kind == "call" {
			m[c.Command] = c.Types
		}
	}
	return m
}

// put writes an argument of a type into a box.
func put(t *testing.T, b amp.Box, key, typ string, value json.RawMessage) {
	t.Helper()
	read := func(v any) {
		t.Helper()
		if err := json.Unmarshal(value, v); err != nil {
			t.Fatalf("%s %s: %v", key, typ, err)
		}
	}
	var text string
	var err error
	switch typ {
	case "Unicode":
		read(&text)
		b[key] = text
	case "String":
		var raw struct{ Hex string }
		read(&raw)
		octets, err := hex.DecodeString(raw.Hex)
		if err != nil {
			t.Fatal(err)
		}
		b[key] = string(octets)
	case "Integer":
		var n int64
		read(&n)
		b[key] = amp.Integer(n)
	case "Boolean":
		var v bool
		read(&v)
		b[key] = amp.Boolean(v)
	case "ListOf(Unicode)":
		var list []string
		read(&list)
		b[key], err = amptest.Texts(list)
	case "JsonEncodable":
		b[key], err = amp.JSON(value)
	case "BigUnicode":
		read(&text)
		b.SetBig(key, text)
	default:
		t.Fatalf("type %q", typ)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// get reads an argument of a type and writes it as JSON, as in amp.json.
func get(args *amp.Args, key, typ string) any {
	switch typ {
	case "Unicode":
		return args.Text(key)
	case "String":
		return map[string]any{"hex": hex.EncodeToString([]byte(args.Bytes(key)))}
	case "Integer":
		n := args.Integer(key)
		if n.BitLen() > 64 {
			return n.String() // so amp.json has it
		}
		return json.Number(n.String())
	case "Boolean":
		return args.Boolean(key)
	case "ListOf(Unicode)":
		list := []any{}
		for _, text := range args.Texts(key) {
			list = append(list, text)
		}
		return list
	case "JsonEncodable":
		var v any
		args.JSON(key, &v)
		return v
	case "BigUnicode":
		return args.Big(key)
	}
	panic("type " + typ)
}

// same compares two values as JSON.
func same(t *testing.T, got any, want json.RawMessage) bool {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(text, &a), json.Unmarshal(want, &b)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(a, b)
}

// TestCalls: every command of the reference is written as it writes it, and its
// bytes are read as what they say, with every answer.
func TestCalls(t *testing.T) {
	count := 0
	for _, c := range vectors.Load[known](t, "amp.json", 151) {
		if c.Kind != "call" {
			continue
		}
		count++
		box := amp.Box{"_ask": c.Tag, "_command": c.Command}
		for key, typ := range c.Types {
			put(t, box, key, typ, c.Arguments[key])
		}
		got, err := box.Append(nil)
		if err != nil || hex.EncodeToString(got) != c.Request {
			t.Errorf("%s: wrote %.300x, want %.300s, %v", c.Command, got, c.Request, err)
		}
		raw := vectors.Hex(t, c.Request)
		read, err := amp.Read(reader(raw), len(raw))
		if err != nil || !reflect.DeepEqual(read, box) {
			t.Errorf("%s: read %.300q, %v", c.Command, read, err)
		}
		args := read.Args()
		for key, typ := range c.Types {
			if v := get(args, key, typ); args.Err() != nil || !same(t, v, c.Arguments[key]) {
				t.Errorf("%s: %s is %.300v, want %.300s, %v", c.Command, key, v, c.Arguments[key], args.Err())
			}
		}
		answer := converse(t, raw, []int{len(raw)}, func(a amp.Ask) { a.Accept(c.Result.Accepted) })
		if answer.text != c.Answer || answer.closed {
			t.Errorf("%s: answered %+v, want %s", c.Command, answer, c.Answer)
		}
	}
	if count < 65 {
		t.Errorf("only %d calls", count)
	}
}

// TestSendLimits: what does not fit is not sent. That an argument has the right
// type is the compiler's affair here.
func TestSendLimits(t *testing.T) {
	count := 0
	for _, c := range vectors.Load[known](t, "amp.json", 151) {
		if c.Kind != "send_limit" || strings.Contains(c.What, " for ") || strings.Contains(c.What, "argument") {
			continue
		}
		count++
		box := amp.Box{"_ask": "1", "_command": c.Command}
		var err error
		for key, length := range c.Lengths {
			switch length := length.(type) {
			case float64:
				box[key] = strings.Repeat("x", int(length))
				if key == "sig" {
					box[key] = strings.Repeat("€", int(length)) // the text has that many characters
				}
			case []any:
				var list []string
				for _, n := range length {
					list = append(list, strings.Repeat("x", int(n.(float64))))
				}
				box[key], err = amptest.Texts(list)
			case nil: // bytes inside JSON
				_, err = amp.JSON(make(chan int))
			}
			if err != nil {
				break
			}
		}
		if err == nil {
			_, err = box.Append(nil)
		}
		if (err == nil) != c.Valid {
			t.Errorf("%s: %v", c.What, err)
		}
		if err != nil && c.What != "bytes inside JSON" && !errors.Is(err, amp.ErrTooLarge) {
			t.Errorf("%s: %v, want %v", c.What, err, amp.ErrTooLarge)
		}
	}
	if count < 6 {
		t.Errorf("only %d limits", count)
	}
}

// TestReceive: what comes is taken, answered and refused as the reference does
// it, whatever it is.
func TestReceive(t *testing.T) {
	cases := vectors.Load[known](t, "amp.json", 151)
	arguments := types(cases)
	count := 0
	for _, c := range cases {
		if c.Kind != "receive" {
			continue
		}
		count++
		name := c.Note + c.Reason
		raw := vectors.Hex(t, c.Bytes)
		parts := c.Delivered
		if parts == nil {
			parts = []int{len(raw)}
		}
		var calls []call
		stub := func(a amp.Ask) {
			want, ok := arguments[a.Command]
			if !ok {
				a.Unhandled()
				return
			}
			args := a.Box.Args()
			made := call{a.Command, make(map[string]json.RawMessage)}
			for key, typ := range want {
				made.Arguments[key], _ = json.Marshal(get(args, key, typ))
			}
			if err := args.Err(); err != nil {
				a.Fail(err)
				return
			}
			calls = append(calls, made)
			switch name {
			case "handler raises", "handler gives nothing":
				a.Fail(errors.New("boom"))
			case "declared error":
				a.Refuse("daemon is not ready", "not yet")
			default:
				a.Accept(name != "handler refuses")
			}
		}
		got := converse(t, raw, parts, stub)
		if c.Should == "either" && got.closed {
			// Refused as a whole.
			if len(calls) != 0 || !strings.Contains(got.text, hex.EncodeToString([]byte(amp.CodeUnknown))) {
				t.Errorf("%s: calls %v, answer %s", name, calls, got.text)
			}
			continue
		}
		if c.Should == "reject" {
			c.Calls, c.Answer, c.Closed = nil, failure("1"), true
		}
		if got.text != c.Answer || got.closed != c.Closed {
			t.Errorf("%s: answered %q, closed %v; want %q, %v", name, got.text, got.closed, c.Answer, c.Closed)
		}
		if len(calls) != len(c.Calls) {
			t.Errorf("%s: %d calls, want %d", name, len(calls), len(c.Calls))
			continue
		}
		for i, want := range c.Calls {
			ok := calls[i].Command == want.Command && len(calls[i].Arguments) == len(want.Arguments)
			for key, v := range want.Arguments {
				ok = ok && same(t, calls[i].Arguments[key], v)
			}
			if !ok {
				t.Errorf("%s: call %s, want %s", name, calls[i], want)
			}
		}
	}
	if count < 74 {
		t.Errorf("only %d cases", count)
	}
}

func failure(tag string) string {
	b, _ := amp.Box{"_error": tag, "_error_code": "UNKNOWN", "_error_description": "Unknown Error"}.Append(nil)
	return hex.EncodeToString(b)
}

// outcome is what a connection says, in hex, and whether it ended by itself.
type outcome struct {
	text   string
	closed bool
}

// converse delivers bytes in parts of those sizes and returns what comes back
// until nothing more happens.
func converse(t *testing.T, raw []byte, parts []int, asked func(amp.Ask)) (got outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := amp.NewConn(theirs, 1<<20)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(context.Background(), asked)
		}()
		var heard bytes.Buffer
		silent := make(chan struct{})
		go func() {
			defer close(silent)
			io.Copy(&heard, ours)
		}()
		for _, size := range parts {
			if _, err := ours.Write(raw[:size]); err != nil {
				break
			}
			raw = raw[size:]
		}
		synctest.Wait()
		got = outcome{hex.EncodeToString(heard.Bytes()), c.Err() != nil}
		ours.Close()
		<-ended
		<-silent
	})
	return got
}

func (c call) String() string { return fmt.Sprintf("%s%s", c.Command, c.Arguments) }
