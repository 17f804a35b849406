package history

// Repeated calls each with every output to a script of the wallet that an
// earlier output has paid: all but the first to each script, in the order of
// the chain and of the outputs. Who paid, and whether the first is spent, does
// not matter. An unconfirmed output can lose its place to a later one that is
// confirmed before it.
func (h History) Repeated(own func(script []byte) bool, each func(Output)) {
	paid := make(map[string]bool)
	h.Outputs(func(out Output) {
		switch {
		case out.Value <= 0 || !own(out.PkScript):
		case paid[string(out.PkScript)]:
			each(out)
		default:
			paid[string(out.PkScript)] = true
		}
	})
}
