// Package rpc asks a Bitcoin node by JSON-RPC over HTTP, with what Bitcoin Core
// and btcd have in common: the transport and the questions about blocks.
//
// The node may be on another machine and may be broken: replies are bounded,
// ids are checked, and every call ends at a time limit.
package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

const (
	// DefaultTimeout bounds a call where Config does not.
	DefaultTimeout = 30 * time.Second
	// maxReply bounds a reply in bytes. The largest honest ones are lists of
	// all transactions of a wallet and batches of blocks or filters.
	maxReply = 128 << 20
	// maxInFlight bounds the calls at one time: btcd serves ten clients, Core
	// has four to sixteen threads.
	maxInFlight = 4
	// idleTimeout is shorter than the 30 seconds after which Core closes a
	// connection that is not used.
	idleTimeout = 10 * time.Second
	dialTimeout = 10 * time.Second
)

// Config says how to reach the node.
type Config struct {
	Addr string // host:port
	// User and Password, unless CookieFile is set.
	User     string
	Password secret.Text
	// CookieFile is where the node writes "user:password" at each start. It is
	// read at the first call, and again when the node refuses what it said.
	CookieFile string
	// TLS is nil for plain HTTP.
	TLS *tls.Config
	// Timeout bounds each call; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Client is one user of a node. It is safe for use from several goroutines.
type Client struct {
	url  string // without path
	path string
	*shared
}

// shared is common to a client and its views of wallets.
type shared struct {
	addr     string
	http     *http.Client
	timeout  time.Duration
	maxReply int64 // in bytes
	login    login
	slots    chan struct{} // one value per call under way
	lastID   atomic.Int64
}

// New returns a client. It does not connect.
func New(cfg Config) (*Client, error) {
	if host, port, err := net.SplitHostPort(cfg.Addr); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("address of the node: %q is not host:port", cfg.Addr)
	}
	if cfg.CookieFile == "" && (cfg.User == "" || cfg.Password.Empty()) {
		return nil, errors.New("access to the node: a user and a password, or a cookie file, must be configured")
	}
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &Client{
		url: scheme + "://" + cfg.Addr,
		shared: &shared{
			addr:     cfg.Addr,
			timeout:  timeout,
			maxReply: maxReply,
			login:    login{user: cfg.User, password: cfg.Password, file: cfg.CookieFile},
			slots:    make(chan struct{}, maxInFlight),
			http: &http.Client{
				// No proxy from the environment: credentials go to the node only.
				Transport: &http.Transport{
					DialContext:         dialer.DialContext,
					TLSClientConfig:     cfg.TLS,
					TLSHandshakeTimeout: dialTimeout,
					IdleConnTimeout:     idleTimeout,
					MaxIdleConnsPerHost: maxInFlight,
					DisableCompression:  true,
				},
				CheckRedirect: func(*http.Request, []*http.Request) error {
					return errors.New("the node redirects, which no node does")
				},
			},
		},
	}, nil
}

// Wallet returns a view of the same client that asks the node's wallet of that
// name (Bitcoin Core only).
func (c *Client) Wallet(name string) *Client {
	return &Client{url: c.url, path: "/wallet/" + url.PathEscape(name), shared: c.shared}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call asks one question. params is a []any, or a map[string]any for named
// parameters; nil means none. The answer is decoded into result unless that is
// nil.
//
// Errors: *Error if the node answers with one, chain.ErrUnreachable if it does
// not answer, refuses the credentials or is starting, and the context's.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.call(ctx, method, params, result, true)
}

// CallSlow is Call without a time limit of its own, for what takes hours. It is
// not repeated when the connection breaks, since the node may still be busy
// with it.
func (c *Client) CallSlow(ctx context.Context, method string, params, result any) error {
	return c.call(ctx, method, params, result, false)
}

func (c *Client) call(ctx context.Context, method string, params, result any, repeat bool) error {
	request := c.request(method, params)
	body, err := c.post(ctx, request, repeat)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var reply reply
	if err := json.Unmarshal(body, &reply); err != nil {
		return fmt.Errorf("%s: %w", method, c.nonsense(err))
	}
	if err := reply.decode(request.ID, result); err != nil {
		return fmt.Errorf("%s: %w", method, c.coded(err))
	}
	return nil
}

// Query is one question of a batch.
type Query struct {
	Method string
	Params any
	Result any   // see Call
	Err    error // *Error, or a result of the wrong type
}

// Batch asks many questions at once and fills in the results and errors of
// each. The error it returns is that of the batch as a whole.
func (c *Client) Batch(ctx context.Context, queries []*Query) error {
	if len(queries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	requests := make([]request, len(queries))
	byID := make(map[int64]*Query, len(queries))
	for i, q := range queries {
		requests[i] = c.request(q.Method, q.Params)
		byID[requests[i].ID] = q
	}
	name := queries[0].Method
	body, err := c.post(ctx, requests, true)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var replies []reply
	if err := json.Unmarshal(body, &replies); err != nil {
		// Instead of a list, a node that is starting gives a single error.
		var single reply
		if json.Unmarshal(body, &single) == nil && single.Error != nil {
			return fmt.Errorf("%s: %w", name, c.coded(single.Error))
		}
		return fmt.Errorf("%s: %w", name, c.nonsense(err))
	}
	for i := range replies {
		q := byID[replies[i].ID]
		if q == nil {
			return fmt.Errorf("%s: %w", name, c.nonsense(errors.New("an answer that nobody asked for")))
		}
		delete(byID, replies[i].ID)
		q.Err = c.coded(replies[i].decode(replies[i].ID, q.Result))
		if errors.Is(q.Err, chain.ErrUnreachable) {
			return fmt.Errorf("%s: %w", name, q.Err)
		}
	}
	if len(byID) != 0 {
		return fmt.Errorf("%s: %w", name, c.nonsense(fmt.Errorf("%d answers are missing", len(byID))))
	}
	return nil
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      int64  `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

func (c *Client) request(method string, params any) request {
	if params == nil {
		params = []any{}
	}
	return request{Version: "1.0", ID: c.lastID.Add(1), Method: method, Params: params}
}

type reply struct {
	ID     int64           `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

func (r *reply) decode(id int64, result any) error {
	switch {
	case r.Error != nil:
		return r.Error
	case r.ID != id:
		return fmt.Errorf("answer %d to question %d", r.ID, id)
	case result == nil:
		return nil
	}
	return json.Unmarshal(r.Result, result)
}

// post sends one JSON value and returns the reply's. repeat allows net/http to
// send it once more on a new connection, if the node closed the one that was
// idle.
func (c *Client) post(ctx context.Context, value any, repeat bool) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, c.network(ctx, ctx.Err())
	}

	authorization, err := c.login.header("")
	if err != nil {
		return nil, err
	}
	status, answer, err := c.exchange(ctx, body, authorization, repeat)
	if err == nil && refused(status) {
		again, loginErr := c.login.header(authorization)
		if loginErr != nil {
			return nil, loginErr
		}
		if again != authorization { // the node has written a new cookie
			status, answer, err = c.exchange(ctx, body, again, repeat)
		}
	}
	switch {
	case err != nil:
		return nil, c.network(ctx, err)
	case refused(status):
		return nil, fmt.Errorf("%w: %s refuses the credentials (status %d): check %s",
			chain.ErrUnreachable, c.addr, status, c.login.source())
	case status == http.StatusServiceUnavailable:
		return nil, fmt.Errorf("%w: %s is too busy", chain.ErrUnreachable, c.addr)
	case status == http.StatusOK, status == http.StatusNotFound, status == http.StatusBadRequest,
		status == http.StatusInternalServerError: // may carry a JSON-RPC error
		return answer, nil
	}
	return nil, c.nonsense(fmt.Errorf("status %d", status))
}

func refused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

func (c *Client) exchange(ctx context.Context, body []byte, authorization authorization, repeat bool) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+c.path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", string(authorization))
	if repeat {
		request.Header["X-Idempotency-Key"] = nil // for net/http; it is not sent
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, c.maxReply+1))
	if err == nil && int64(len(answer)) > c.maxReply {
		err = fmt.Errorf("a reply of more than %d bytes", c.maxReply)
	}
	return response.StatusCode, answer, err
}
