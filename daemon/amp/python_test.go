package amp

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/amp/amptest"
)

// values are the arguments of an ask. Texts and bytes are strings, JSON values
// are what encoding/json makes of them.
type values map[string]any

// python is a client of the reference implementation, as amp.json describes
// them: it knows the commands and their types from there and nothing else.
type python struct {
	t     *testing.T
	w     *world
	nick  protocol.Nick
	nc    net.Conn
	last  int
	asks  chan heard    // of the daemon, but for questions
	ended chan struct{} // the adapter is through
	err   error         // of Serve, once ended
	boxes chan amp.Box  // to write

	answers map[string]chan amp.Box // by tag; owned by read
	sent    chan sent
	silent  map[string]bool // commands that are not answered; set before they come
	bond    string          // the proof that is given; empty for no answer
	bonds   []amp.Box       // asked for
}

type heard struct {
	command string
	box     amp.Box
}

type sent struct {
	tag    string
	answer chan amp.Box
}

// connect connects a client without saying anything.
func (w *world) connect(nick protocol.Nick) *python {
	w.t.Helper()
	ours, theirs := net.Pipe()
	p := &python{t: w.t, w: w, nick: nick, nc: ours, asks: make(chan heard, 1000), ended: make(chan struct{}),
		boxes: make(chan amp.Box, 1000), answers: make(map[string]chan amp.Box), sent: make(chan sent), silent: make(map[string]bool)}
	go func() {
		defer close(p.ended)
		p.err = Serve(context.Background(), theirs, Config{Serve: w.d.Serve, Secret: "sesame"})
	}()
	go p.read()
	go func() {
		for {
			select {
			case b := <-p.boxes:
				raw, err := b.Append(nil)
				if err != nil {
					p.t.Error(err)
				}
				p.nc.Write(raw) // fails when the daemon is gone, which the reader notices
			case <-p.ended:
				return
			}
		}
	}()
	w.t.Cleanup(func() { p.nc.Close(); <-p.ended })
	return p
}

// read answers what the daemon asks, and sorts out answers.
func (p *python) read() {
	defer close(p.asks)
	boxes := make(chan amp.Box)
	go func() {
		defer close(boxes)
		r := bufio.NewReader(p.nc)
		for {
			b, err := amp.Read(r, 32<<20)
			if err != nil {
				return
			}
			boxes <- b
		}
	}()
	for {
		select {
		case s := <-p.sent:
			p.answers[s.tag] = s.answer
		case b, open := <-boxes:
			if !open {
				for _, answer := range p.answers {
					close(answer)
				}
				return
			}
			if tag := b["_answer"] + b["_error"]; b["_command"] == "" {
				p.answers[tag] <- b
				delete(p.answers, tag)
				continue
			}
			p.asked(b)
		}
	}
}

// asked takes an ask, which must have the arguments of amp.json and no others.
func (p *python) asked(b amp.Box) {
	command := b["_command"]
	types := p.w.calls[command][0].Types
	if types == nil {
		p.t.Errorf("%s is unknown to the reference", command)
		return
	}
	for key := range b {
		name, _, _ := strings.Cut(key, ".")
		if _, ok := types[name]; !ok && key[0] != '_' {
			p.t.Errorf("%s has an argument %s", command, key)
		}
	}
	v := p.get(command, b)
	if p.silent[command] {
		return
	}
	answer := amp.Box{"_answer": b["_ask"], "accepted": "True"}
	switch command {
	case "JMRequestMsgSig":
		msg, signed := v["msg"].(string), v["msg_to_be_signed"].(string)
		if signed != msg+v["hostid"].(string) {
			p.t.Errorf("to be signed: %v", v)
		}
		key := fakeKey(string(p.nick))
		p.post("JMMsgSignature", values{"nick": v["nick"], "cmd": v["cmd"], "hostid": v["hostid"],
			"msg_to_return": msg + " " + key + " " + fakeSignature(key, signed)})
	case "JMRequestMsgSigVerify":
		msg := strings.TrimSuffix(v["msg"].(string), v["hostid"].(string))
		full := v["fullmsg"].(string)
		if full[0] != '!' || !strings.HasSuffix(full, " "+msg+" "+v["pubkey"].(string)+" "+v["sig"].(string)) ||
			v["hashlen"] != int64(10) || v["max_encoded"] != int64(14) {
			p.t.Errorf("to be verified: %v", v)
		}
		valid := v["pubkey"] == fakeKey(v["nick"].(string)) && v["sig"] == fakeSignature(v["pubkey"].(string), v["msg"].(string))
		p.post("JMMsgSignatureVerify", values{"verif_result": valid, "nick": v["nick"], "fullmsg": v["fullmsg"], "hostid": v["hostid"]})
	case "JMFidelityBondProofRequest":
		p.bonds = append(p.bonds, b)
		if p.bond != "" {
			p.post("JMFidelityBondProof", values{"nick": v["takernick"], "proof": p.bond})
		}
	default:
		p.asks <- heard{command, b}
	}
	p.boxes <- answer
}

// get reads the arguments of a command.
func (p *python) get(command string, b amp.Box) values {
	v := make(values)
	args := b.Args()
	for key, typ := range p.w.calls[command][0].Types {
		switch typ {
		case "Unicode":
			v[key] = args.Text(key)
		case "String":
			v[key] = args.Bytes(key)
		case "Integer":
			v[key] = args.Integer(key).Int64()
		case "Boolean":
			v[key] = args.Boolean(key)
		case "JsonEncodable":
			var x any
			args.JSON(key, &x)
			v[key] = x
		case "BigUnicode":
			v[key] = args.Big(key)
		default:
			p.t.Errorf("%s %s: type %s", command, key, typ)
		}
	}
	if err := args.Err(); err != nil {
		p.t.Errorf("%s: %v", command, err)
	}
	return v
}

// put writes the arguments of a command.
func (p *python) put(command string, v values) amp.Box {
	b := amp.Box{}
	for key, typ := range p.w.calls[command][0].Types {
		var err error
		switch x := v[key]; typ {
		case "Unicode", "String":
			b[key] = x.(string)
		case "Integer":
			b[key] = amp.Integer(int64(x.(int)))
		case "Boolean":
			b[key] = amp.Boolean(x.(bool))
		case "JsonEncodable":
			b[key], err = amp.JSON(x)
		case "ListOf(Unicode)":
			b[key], err = amptest.Texts(x.([]string))
		default:
			p.t.Errorf("%s %s: type %s", command, key, typ)
		}
		if err != nil {
			p.t.Error(err)
		}
	}
	return b
}

// post asks without looking at the answer, from the reader.
func (p *python) post(command string, v values) {
	p.last++
	tag := fmt.Sprintf("%x", p.last)
	p.answers[tag] = make(chan amp.Box, 1)
	b := p.put(command, v)
	b["_ask"], b["_command"] = tag, command
	p.boxes <- b
}

// send asks with any box and returns the answer, nil when the connection ends
// without one.
func (p *python) send(command string, b amp.Box) amp.Box {
	answer := make(chan amp.Box, 1)
	tag := "x" + command // one at a time
	select {
	case p.sent <- sent{tag, answer}:
	case <-p.ended:
		return nil
	}
	b["_ask"], b["_command"] = tag, command
	p.boxes <- b
	return <-answer
}

// do asks for what must be accepted.
func (p *python) do(command string, v values) {
	p.t.Helper()
	if got := p.send(command, p.put(command, v)); got["accepted"] != "True" {
		p.t.Fatalf("%s: %s is answered %v", p.nick, command, got)
	}
}

// expect returns the next ask of the daemon, which must be this and come within
// ten minutes of the bubble's time.
func (p *python) expect(command string) values {
	p.t.Helper()
	return p.get(command, p.expectBox(command))
}

func (p *python) expectBox(command string) amp.Box {
	p.t.Helper()
	select {
	case h := <-p.asks:
		if h.command != command {
			p.t.Fatalf("%s: heard %q %.300q, want %s", p.nick, h.command, h.box, command)
		}
		return h.box
	case <-time.After(10 * time.Minute):
		p.t.Fatalf("%s: no %s", p.nick, command)
	}
	return nil
}

// quiet checks that nothing is asked.
func (p *python) quiet() {
	p.t.Helper()
	synctest.Wait()
	select {
	case h, open := <-p.asks:
		if open {
			p.t.Errorf("%s: unexpected %s %.200q", p.nick, h.command, h.box)
		}
	default:
	}
}
