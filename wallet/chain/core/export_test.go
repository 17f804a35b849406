package core

// SetStep has the backend search so many blocks at once.
func SetStep(b *Backend, blocks int32) { b.step = blocks }
