// Package prometheus tells machines how a program fares: numbers for Prometheus,
// and whether it is alive and ready, over HTTP on this machine only.
//
// It writes the text format itself, a page of code: the usual library brings
// protobuf, reflection and a registry of globals into a process that should stay
// small, for a few numbers that we gather anyway.
package prometheus

import (
	"fmt"
	"io"
	"runtime/metrics"
	"strings"
)

// Metric is a number or, with a label, several.
type Metric struct {
	Name   string
	Help   string
	Type   string // gauge or counter
	Label  string // empty: one number
	Values []Value
}

// Value is one number; Label is empty in metrics that have none.
type Value struct {
	Label string
	N     float64
}

// Write writes metrics in the text format, version 0.0.4.
func Write(w io.Writer, all []Metric) {
	for _, m := range all {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", m.Name, m.Help, m.Name, m.Type)
		for _, v := range m.Values {
			label := ""
			if m.Label != "" {
				label = "{" + m.Label + `="` + escape.Replace(v.Label) + `"}`
			}
			fmt.Fprintf(w, "%s%s %v\n", m.Name, label, v.N)
		}
	}
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Memory is what the runtime has of the system and did not give back, in bytes.
func Memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
