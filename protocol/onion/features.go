package onion

import "slices"

const (
	// FeaturePeerList is announced by who knows GetPeerList and features in peer
	// lists.
	FeaturePeerList = "peerlist_features"
	// FeaturePing is announced by who knows Ping and Pong.
	FeaturePing = "ping"
)

// Features are the names of what a bot can do beyond the reference, distinct.
type Features []string

// Bounds of the features of one bot; what is beyond is let pass.
const (
	maxFeatures    = 16
	maxFeatureName = 32 // characters
)

// Has reports whether name is among f.
func (f Features) Has(name string) bool { return slices.Contains(f, name) }

// add is f with name, unless it is no name, is there, or is too many.
func (f Features) add(name string) Features {
	if !isFeature(name) || f.Has(name) || len(f) == maxFeatures {
		return f
	}
	return append(f, name)
}

// isFeature: names stand in peer lists, so they are of few characters.
func isFeature(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || 'z' < c) && (c < 'A' || 'Z' < c) && (c < '0' || '9' < c) && c != '_' && c != '-' {
			return false
		}
	}
	return 0 < len(name) && len(name) <= maxFeatureName
}
