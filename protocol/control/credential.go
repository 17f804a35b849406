package control

// Credential is what a server asks of the daemon, such as a password. It prints
// as stars, but unlike a Secret it stands in a frame as it is: the client gives
// it to the daemon to be used.
type Credential string

// String returns stars.
func (Credential) String() string { return stars }

// GoString returns stars.
func (Credential) GoString() string { return stars }
