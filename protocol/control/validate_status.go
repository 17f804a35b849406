package control

// Bounds of the tables of names and numbers in a status.
const (
	maxCounts = 200
	maxStates = 50
)

// Validate checks that texts are short and printable and counts not negative.
func (a StatusAnswer) Validate() error {
	return check(
		field{plain(a.Version, 0, 64), "version"},
		field{a.Nick == "" || a.Nick.Valid(), "nick"},
		field{size(len(a.Channels), 0, MaxChannels) &&
			all(a.Channels, func(e ChannelEvent) bool { return e.Validate() == nil }), "channels"},
		field{a.Offers >= 0, "offers"},
		field{a.Makers >= 0, "makers"},
		field{a.Conversations >= 0, "conversations"},
		field{a.Clients >= 0, "clients"},
		field{a.Since >= 0, "since"},
		field{size(len(a.Sessions), 0, MaxStatusSessions) &&
			all(a.Sessions, func(s SessionStatus) bool { return s.Validate() == nil }), "sessions"},
		field{names(a.Counts, maxCounts), "counts"},
	)
}

// Validate checks number and form of everything; a newer daemon may have new
// roles and states.
func (s SessionStatus) Validate() error {
	return check(
		field{plain(string(s.Role), 0, 32), "role"},
		field{s.Since >= 0, "since"},
		field{size(len(s.Channels), 0, MaxChannels) &&
			all(s.Channels, func(r ChannelReport) bool { return r.Validate() == nil }), "channels"},
		field{s.Peers >= 0, "peers"},
		field{s.Offers >= 0, "offers"},
		field{s.Makers >= 0, "makers"},
		field{names(s.Conversations, maxStates), "conversations"},
		field{s.Verdicts >= 0, "verdicts"},
		field{s.Signatures >= 0, "signatures"},
	)
}

// Validate checks that texts are short and printable and numbers not negative.
func (r ChannelReport) Validate() error {
	return check(
		field{channelName(r.Channel), "channel"},
		field{plain(r.State, 1, 32), "state"},
		field{r.Since >= 0, "since"},
		field{r.Next >= 0, "next"},
		field{r.Code == "" || reason.MatchString(r.Code), "code"},
		field{freeText(r.Reason), "reason"},
		field{plain(r.Server, 0, 300), "server"},
		field{r.Queued >= 0, "queued"},
		field{size(len(r.Directories), 0, MaxDirectories) &&
			all(r.Directories, func(d DirectoryReport) bool { return d.Validate() == nil }), "directories"},
		field{r.Direct >= 0, "direct"},
	)
}

// Validate checks that texts are short and printable and numbers not negative.
func (d DirectoryReport) Validate() error {
	return check(
		field{plain(d.Address, 1, 300), "address"},
		field{plain(d.State, 1, 32), "state"},
		field{d.Since >= 0, "since"},
		field{d.Next >= 0, "next"},
		field{freeText(d.Reason), "reason"},
		field{d.Peers >= 0, "peers"},
		field{d.Makers >= 0, "makers"},
	)
}

// names checks a table of names and numbers.
func names[N int | uint64](table map[string]N, most int) bool {
	for name, n := range table {
		if !plain(name, 1, 64) || n < 0 {
			return false
		}
	}
	return len(table) <= most
}
