package chaintest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// ErrDrop makes a Fake cut the connection in place of an answer.
var ErrDrop = errors.New("drop the connection")

// Answer is what a Fake says to a question with these parameters: a result, an
// *rpc.Error, or ErrDrop.
type Answer func(params json.RawMessage) (any, error)

// Says is an Answer that is always the same.
func Says(result any) Answer {
	return func(json.RawMessage) (any, error) { return result, nil }
}

// Refuses is an Answer that is always the same error.
func Refuses(code int, message string) Answer {
	return func(json.RawMessage) (any, error) { return nil, &rpc.Error{Code: code, Message: message} }
}

// Fake is a node that says what a test wants, for what real nodes do not do on
// demand.
type Fake struct {
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]Answer
	asked   map[string]int
}

// NewFake runs a fake until the test ends. It knows which network it is on, and
// refuses every other question at first.
func NewFake(t *testing.T, params *chaincfg.Params) *Fake {
	f := &Fake{answers: make(map[string]Answer), asked: make(map[string]int)}
	f.Set("getblockchaininfo", Says(map[string]any{
		"chain": params.Name, "blocks": 0, "bestblockhash": params.GenesisHash.String(),
	}))
	f.Set("getblockhash", Says(params.GenesisHash.String()))
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

// Set changes the answer to a method.
func (f *Fake) Set(method string, answer Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[method] = answer
}

// Asked tells how often a method was called.
func (f *Fake) Asked(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[method]
}

// Access says how to reach the fake.
func (f *Fake) Access() rpc.Config {
	return rpc.Config{
		Addr:     strings.TrimPrefix(f.server.URL, "http://"),
		User:     "user",
		Password: secret.NewText("password"),
	}
}

type fakeRequest struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

type fakeReply struct {
	ID     json.RawMessage `json:"id"`
	Result any             `json:"result"`
	Error  *rpc.Error      `json:"error"`
}

func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var many []fakeRequest
	if json.Unmarshal(body, &many) == nil {
		replies := make([]fakeReply, len(many))
		for i, request := range many {
			replies[i] = f.answer(request)
		}
		json.NewEncoder(w).Encode(replies)
		return
	}
	var one fakeRequest
	if json.Unmarshal(body, &one) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	json.NewEncoder(w).Encode(f.answer(one))
}

func (f *Fake) answer(request fakeRequest) fakeReply {
	f.mu.Lock()
	f.asked[request.Method]++
	answer := f.answers[request.Method]
	f.mu.Unlock()
	if answer == nil {
		answer = Refuses(rpc.CodeNoMethod, "Method not found")
	}
	result, err := answer(request.Params)
	if errors.Is(err, ErrDrop) {
		panic(http.ErrAbortHandler)
	}
	reply := fakeReply{ID: request.ID, Result: result}
	if err != nil && !errors.As(err, &reply.Error) {
		reply.Error = &rpc.Error{Code: rpc.CodeMisc, Message: err.Error()}
	}
	return reply
}
