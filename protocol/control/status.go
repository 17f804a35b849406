package control

import "github.com/joinmarket-go/joinmarket/protocol"

// StatusRequest asks for a picture of this client's session, or of more.
type StatusRequest struct {
	// All asks for the daemon's other sessions and its counters as well.
	All bool `json:"all,omitempty"`
}

// StatusAnswer is a picture of the daemon's session of this client and, if it
// was asked for, of the whole daemon.
type StatusAnswer struct {
	Version       string         `json:"version"` // of the daemon's software
	Nick          protocol.Nick  `json:"nick,omitempty"`
	Channels      []ChannelEvent `json:"channels,omitempty"`
	Offers        int            `json:"offers"`        // in the order book
	Makers        int            `json:"makers"`        // nicks with an offer
	Conversations int            `json:"conversations"` // open ones
	Clients       int            `json:"clients"`       // connected to this daemon

	// What follows is empty unless StatusRequest.All is set.

	Since int64 `json:"since,omitempty"` // when the daemon began, Unix seconds
	// Sessions are those of all clients that entered the market, at most
	// MaxStatusSessions, without their nicks: those who share a daemon need not
	// know each other.
	Sessions []SessionStatus `json:"sessions,omitempty"`
	// Counts says how often something happened since then, as "family/name";
	// docs/operations.md lists them. What did not happen is absent.
	Counts map[string]uint64 `json:"counts,omitempty"`
}

// SessionStatus is where a session stands.
type SessionStatus struct {
	Role     Role            `json:"role"`
	Since    int64           `json:"since"`          // when it entered the market, Unix seconds
	Ready    bool            `json:"ready"`          // EventReady was told
	Busy     bool            `json:"busy,omitempty"` // it did not answer in time; what follows is unknown
	Away     bool            `json:"away,omitempty"` // its client is gone and may come back
	Channels []ChannelReport `json:"channels"`
	Peers    int             `json:"peers"`  // nicks heard of
	Offers   int             `json:"offers"` // in its order book
	Makers   int             `json:"makers"` // nicks with an offer
	// Conversations are the open ones by state, as docs/conversation.md names
	// the states.
	Conversations map[string]int `json:"conversations,omitempty"`
	Verdicts      int            `json:"verdicts"`   // messages that wait for the client's verdict
	Signatures    int            `json:"signatures"` // messages that wait for its signature
}

// ChannelReport is where a channel stands. What does not apply to its type is
// empty.
type ChannelReport struct {
	Channel string `json:"channel"`
	// State is connecting, registering, joining, up, waiting (until Next) or
	// ended. A newer daemon may have others.
	State       string `json:"state"`
	Since       int64  `json:"since,omitempty"`  // when State was entered, Unix seconds
	Next        int64  `json:"next,omitempty"`   // of the next attempt, Unix seconds
	Code        string `json:"code,omitempty"`   // of the last trouble, as in ChannelEvent
	Reason      string `json:"reason,omitempty"` // the same as a sentence
	Server      string `json:"server,omitempty"` // host:port
	Queued      int    `json:"queued,omitempty"` // lines that wait to be sent
	LinesIn     uint64 `json:"lines_in,omitempty"`
	LinesOut    uint64 `json:"lines_out,omitempty"`
	Connections uint64 `json:"connections,omitempty"` // that reached a server

	// Of channels of type "onion":

	Directories []DirectoryReport `json:"directories,omitempty"` // in the order configured
	Direct      int               `json:"direct,omitempty"`      // connections to makers or takers
	Serving     bool              `json:"serving,omitempty"`     // others can connect to us
}

// DirectoryReport is where the connection to a directory stands.
type DirectoryReport struct {
	Address string `json:"address"` // host:port
	// State is connecting, greeting, up or waiting (until Next). A newer daemon
	// may have others.
	State       string `json:"state"`
	Since       int64  `json:"since,omitempty"`  // when State was entered, Unix seconds
	Next        int64  `json:"next,omitempty"`   // of the next attempt, Unix seconds
	Reason      string `json:"reason,omitempty"` // of the last trouble: a sentence
	Connections uint64 `json:"connections,omitempty"`
	Peers       int    `json:"peers"`  // nicks whose lines came through it since it is up
	Makers      int    `json:"makers"` // nicks whose offers came through it
	// Few says that it shows far fewer makers than the others: it may hide some.
	Few bool `json:"few,omitempty"`
}
