package control

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"
)

// Config says who this end is, and what the daemon asks of a client.
type Config struct {
	// Software is the name and version of this end, at most 64 printable ASCII
	// characters.
	Software string
	// Features are names of additions to the protocol that this end
	// understands, at most 32 of 32 characters each.
	Features []string
	// Secret is what the client shows and the daemon demands. A daemon with an
	// empty one lets everybody in who can reach it. At most 128 characters.
	Secret Secret
	// Admit is asked by Accept after version and secret proved right and before
	// the daemon's hello; its error refuses the client. Nil admits.
	Admit func(Hello) error
	// Log gets the faults of our own handlers; nil is silent.
	Log *slog.Logger
}

// Hello is what a side says of itself.
type Hello struct {
	Software string   `json:"software"`
	Min      int      `json:"min"` // lowest protocol version it speaks, from 1
	Max      int      `json:"max"` // highest
	Features []string `json:"features,omitempty"`
}

// FeatureResume names the addition by which a client comes back to its session
// on another connection (MethodResume).
const FeatureResume = "resume"

// Has reports whether the side understands an addition.
func (h Hello) Has(feature string) bool { return slices.Contains(h.Features, feature) }

// Secret admits a client. It prints as stars.
type Secret string

const stars = "***"

func (Secret) String() string               { return stars }
func (Secret) GoString() string             { return stars }
func (Secret) LogValue() slog.Value         { return slog.StringValue(stars) }
func (Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// equal compares in constant time, whatever the lengths.
func (s Secret) equal(other string) bool {
	a, b := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(other))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

type helloFrame struct {
	Hello
	Secret string `json:"secret,omitempty"`
}

// Validate checks the form of a hello: names printable and short, versions from
// 1 with Min <= Max.
func (h Hello) Validate() error {
	ok := h.Min >= 1 && h.Min <= h.Max && plain(h.Software, 0, 64) && len(h.Features) <= 32
	for _, name := range h.Features {
		ok = ok && plain(name, 1, 32)
	}
	if !ok {
		return fmt.Errorf("%w: hello out of bounds", ErrMalformed)
	}
	return nil
}

// speaks checks that there is a version in common.
func (h Hello) speaks(own Hello) error {
	if max(h.Min, own.Min) > min(h.Max, own.Max) {
		return fmt.Errorf("%w: the other side (%s) speaks %d to %d, we (%s) speak %d to %d; update the older one",
			ErrVersion, h.Software, h.Min, h.Max, own.Software, own.Min, own.Max)
	}
	return nil
}

// Connect says hello as the client and checks the daemon's answer. It owns nc
// from now on and closes it on an error. Errors: ErrVersion, ErrUnauthorized,
// ErrLimit, ErrTimeout after HelloTimeout, ErrMalformed, ErrClosed.
func Connect(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	return handshake(ctx, nc, func(r *bufio.Reader) (*Conn, error) {
		own, err := cfg.hello()
		if err != nil {
			return nil, err
		}
		if err := writeHello(nc, helloFrame{own, string(cfg.Secret)}); err != nil {
			return nil, err
		}
		peer, err := readHello(r)
		if err != nil {
			return nil, err
		}
		if err := peer.speaks(own); err != nil {
			return nil, err
		}
		return newConn(nc, r, peer.Hello, cfg.Log, MaxFrame, MaxClientFrame), nil
	})
}

// Accept is the daemon's end of Connect: the client speaks first. Errors are
// told to the client before nc is closed.
func Accept(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	return handshake(ctx, nc, func(r *bufio.Reader) (*Conn, error) {
		own, err := cfg.hello()
		if err != nil {
			return nil, err
		}
		peer, err := readHello(r)
		if err != nil {
			return nil, err
		}
		if err := peer.speaks(own); err != nil {
			return nil, err
		}
		if cfg.Secret != "" && !cfg.Secret.equal(peer.Secret) {
			return nil, fmt.Errorf("%w: does the client read the cookie file of this start of the daemon?", ErrUnauthorized)
		}
		if cfg.Admit != nil {
			if err := cfg.Admit(peer.Hello); err != nil {
				return nil, err
			}
		}
		if err := writeHello(nc, helloFrame{Hello: own}); err != nil {
			return nil, err
		}
		return newConn(nc, r, peer.Hello, cfg.Log, MaxClientFrame, MaxFrame), nil
	})
}

// handshake runs one side's hello under the deadline and ctx, and gives notice
// of a failure to the other side.
func handshake(ctx context.Context, nc net.Conn, hello func(*bufio.Reader) (*Conn, error)) (*Conn, error) {
	nc.SetDeadline(time.Now().Add(HelloTimeout))
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	c, err := hello(bufio.NewReader(nc))
	if !stop() {
		nc.Close()
		return nil, fmt.Errorf("control hello: %w", context.Cause(ctx))
	}
	if err != nil {
		farewell(nc, err)
		return nil, fmt.Errorf("control hello: %w", err)
	}
	nc.SetDeadline(time.Time{})
	return c, nil
}

func (cfg Config) hello() (Hello, error) {
	own := Hello{Software: cfg.Software, Min: MinVersion, Max: MaxVersion, Features: cfg.Features}
	return own, own.Validate()
}

func writeHello(nc net.Conn, h helloFrame) error {
	encoded, err := (&frame{Hello: &h}).encode(MaxHelloFrame)
	if err != nil {
		return err
	}
	if err := writeAll(nc, encoded, func() {}); err != nil {
		return networkError(err, false)
	}
	return nil
}

func readHello(r *bufio.Reader) (*helloFrame, error) {
	body, err := readBody(r, MaxHelloFrame, func(bool) {})
	if err != nil {
		return nil, err
	}
	f, err := parseFrame(body)
	if err != nil {
		return nil, err
	}
	switch f.kind() {
	case kindHello:
		return f.Hello, f.Hello.Validate()
	case kindBye:
		return nil, f.Error.received()
	}
	return nil, fmt.Errorf("%w: the first frame must be a hello", ErrMalformed)
}

// linger is how long an end that closes the connection goes on sending what it
// still has to say.
const linger = time.Second

// farewell tells the other side why nc ends, if err is ours to tell, and closes
// nc. It reads on meanwhile, as closing with unread bytes would destroy the
// notice on its way.
func farewell(nc net.Conn, err error) {
	defer nc.Close()
	var theirs *Error
	if errors.As(err, &theirs) || errors.Is(err, ErrClosed) {
		return
	}
	encoded, encodeErr := (&frame{Error: wireError(err)}).encode(MaxHelloFrame)
	if encodeErr != nil {
		return
	}
	nc.SetDeadline(time.Now().Add(linger))
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		io.Copy(io.Discard, nc)
	}()
	if _, err := nc.Write(encoded); err == nil && closeWrite(nc) {
		<-drained
	}
	nc.Close()
	<-drained
}

// closeWrite ends our direction of nc only, where the transport can. The other
// side then sees the end after all that was sent.
func closeWrite(nc net.Conn) bool {
	half, ok := nc.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
