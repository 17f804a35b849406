//go:build !unix

package tor

// joinGroup says what to do about a file of Tor's that this user may not open.
func joinGroup(string) string { return "run this program as the user that Tor runs as" }
