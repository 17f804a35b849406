package core

// SetStep has the backend search so many blocks at once.
func SetStep(b *Backend, blocks int32) { b.step = blocks }

// Flat is how a scan puts a descriptor.
func Flat(desc string) string { return flat(desc) }
