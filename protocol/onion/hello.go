package onion

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Errors of hellos.
var (
	// ErrHello: a text is no hello. The reference ignores it.
	ErrHello = errors.New("not a hello of the onion channel")
	// ErrRefused: a hello of a program, version or place that we do not talk to.
	// A directory answers it, accepting nothing.
	ErrRefused = errors.New("hello refused")
)

const (
	appName    = "joinmarket"
	maxNetwork = 16 // characters
	maxNick    = 64 // characters of a directory's nick
)

// ClientHello is what all but directories say first.
type ClientHello struct {
	Location Location
	Features Features
	Nick     protocol.Nick // claimed
	Network  string        // as NetworkName gives it
}

// Message is the message that says h, with the bytes of the reference.
func (h ClientHello) Message() Message {
	b := []byte(`{"app-name": "` + appName + `", "directory": false, "location-string": `)
	b = appendText(b, string(h.Location))
	b = append(b, `, "proto-ver": `+strconv.Itoa(protocol.Version)+`, "features": `...)
	b = h.Features.append(b)
	b = append(b, `, "nick": `...)
	b = appendText(b, string(h.Nick))
	b = append(b, `, "network": `...)
	b = appendText(b, h.Network)
	return Message{HelloClient, string(append(b, '}'))}
}

// ParseClientHello reads the text of a HelloClient. It fails with ErrHello if the
// form is wrong, and with ErrRefused for another program or version, a directory,
// or a nick or location that is none (see ParseLocation). Whether the network is
// ours is left to ask.
func ParseClientHello(text string, loopback bool) (ClientHello, error) {
	f, err := parseFields(text)
	if err != nil {
		return ClientHello{}, err
	}
	var (
		app       = f.text("app-name")
		directory = f.truth("directory")
		location  = f.text("location-string")
		version   = f.integer("proto-ver")
		h         = ClientHello{Features: f.features(), Nick: protocol.Nick(f.text("nick")), Network: NetworkName(f.text("network"))}
	)
	if f.missing != "" {
		return ClientHello{}, fmt.Errorf("%w: %s is missing or of another type", ErrHello, f.missing)
	}
	var locationErr error
	h.Location, locationErr = ParseLocation(location, loopback)
	switch {
	case app != appName || directory || version != protocol.Version:
		return ClientHello{}, fmt.Errorf("%w: another program or version", ErrRefused)
	case !h.Nick.Valid():
		return ClientHello{}, fmt.Errorf("%w: %w", ErrRefused, protocol.ErrNick)
	case locationErr != nil:
		return ClientHello{}, fmt.Errorf("%w: %w", ErrRefused, locationErr)
	case !isNetwork(h.Network):
		return ClientHello{}, fmt.Errorf("%w: no network", ErrRefused)
	}
	return h, nil
}

// DirectoryHello is a directory's answer to a ClientHello.
type DirectoryHello struct {
	Features Features
	Accepted bool
	Nick     string // printable ASCII; it is never spoken to
	Network  string // as NetworkName gives it
	MOTD     string // what the operator tells everybody; any text
}

// Message is the message that says h, with the bytes of the reference.
func (h DirectoryHello) Message() Message {
	version := strconv.Itoa(protocol.Version)
	b := []byte(`{"app-name": "` + appName + `", "directory": true, "proto-ver-min": ` + version + `, "proto-ver-max": ` + version + `, "features": `)
	b = h.Features.append(b)
	b = append(b, `, "accepted": `...)
	b = strconv.AppendBool(b, h.Accepted)
	b = append(b, `, "nick": `...)
	b = appendText(b, h.Nick)
	b = append(b, `, "network": `...)
	b = appendText(b, h.Network)
	b = append(b, `, "motd": `...)
	b = appendText(b, h.MOTD)
	return Message{HelloDirectory, string(append(b, '}'))}
}

// ParseDirectoryHello reads the text of a HelloDirectory. It fails with ErrHello
// if the form is wrong, and with ErrRefused if we are not accepted or it is
// another program, none of a directory, or of versions without ours. Whether the
// network is ours is left to ask.
func ParseDirectoryHello(text string) (DirectoryHello, error) {
	f, err := parseFields(text)
	if err != nil {
		return DirectoryHello{}, err
	}
	var (
		app       = f.text("app-name")
		directory = f.truth("directory")
		least     = f.integer("proto-ver-min")
		most      = f.integer("proto-ver-max")
		h         = DirectoryHello{Features: f.features(), Accepted: f.truth("accepted"), Nick: f.text("nick"), Network: NetworkName(f.text("network"))}
	)
	if f.has("motd") {
		h.MOTD = f.text("motd")
	}
	switch {
	case f.missing != "":
		return DirectoryHello{}, fmt.Errorf("%w: %s is missing or of another type", ErrHello, f.missing)
	case app != appName || !directory || protocol.Version < least || most < protocol.Version:
		return DirectoryHello{}, fmt.Errorf("%w: another program or version, or not a directory", ErrRefused)
	case len(h.Nick) > maxNick || !protocol.Printable(h.Nick) || !isNetwork(h.Network):
		return DirectoryHello{}, fmt.Errorf("%w: no nick or network", ErrRefused)
	}
	return h, nil
}

func isNetwork(name string) bool {
	return 0 < len(name) && len(name) <= maxNetwork && protocol.Printable(name)
}

// append writes f as an object of true values.
func (f Features) append(to []byte) []byte {
	to = append(to, '{')
	for i, name := range f {
		if i > 0 {
			to = append(to, ", "...)
		}
		to = append(appendText(to, name), ": true"...)
	}
	return append(to, '}')
}

// fields are the members of a hello. A getter gives a zero value, and notes the
// name, if there is none of its type.
type fields struct {
	of      map[string]value
	missing string
}

func parseFields(text string) (*fields, error) {
	f := &fields{of: map[string]value{}}
	err := parseObject(text, func(key string, v value) error {
		f.of[key] = v
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHello, err)
	}
	return f, nil
}

func (f *fields) has(key string) bool {
	_, ok := f.of[key]
	return ok
}

func (f *fields) get(key string, k kind) value {
	v, ok := f.of[key]
	if !ok || v.kind != k {
		f.missing = key
		return value{}
	}
	return v
}

func (f *fields) text(key string) string   { return f.get(key, kindText).text }
func (f *fields) truth(key string) bool    { return f.get(key, kindBool).truth }
func (f *fields) integer(key string) int64 { return f.get(key, kindInteger).number }

// features are those that are true; a value of another type is none.
func (f *fields) features() (names Features) {
	for _, m := range f.get("features", kindObject).object {
		if m.value.truth {
			names = names.add(m.key)
		}
	}
	return names
}
