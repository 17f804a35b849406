package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tidyDefaults leaves out of the help what is no default for people: -1, which
// means that a flag was not given, and the zeros of fractions.
func tidyDefaults(cmd *cobra.Command) {
	tidy := func(f *pflag.Flag) {
		switch value := f.Value.(type) {
		case pflag.SliceValue:
			if numbers := value.GetSlice(); f.Value.Type() == "float64Slice" {
				for i, n := range numbers {
					numbers[i] = strings.TrimRight(strings.TrimRight(n, "0"), ".")
				}
				f.DefValue = strings.Join(numbers, ",")
			}
		default:
			if f.DefValue == "-1" {
				f.DefValue = "0"
			}
		}
	}
	cmd.Flags().VisitAll(tidy)
	cmd.PersistentFlags().VisitAll(tidy)
	for _, sub := range cmd.Commands() {
		tidyDefaults(sub)
	}
}
