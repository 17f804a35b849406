package coins

// Cause says why a coin is frozen.
type Cause string

// The causes.
const (
	ByUser   Cause = "user"   // the user said so
	ByReuse  Cause = "reuse"  // it came to an address that had been paid before
	ByBond   Cause = "bond"   // it is a fidelity bond
	ByImport Cause = "import" // a file of labels, or the wallet of another program, says so
)

// Valid reports whether there is such a cause.
func (c Cause) Valid() bool {
	switch c {
	case ByUser, ByReuse, ByBond, ByImport:
		return true
	}
	return false
}
