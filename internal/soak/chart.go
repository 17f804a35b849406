package main

import (
	"fmt"
	"math"
	"strings"
)

// Size of a plot in the terminal, in characters.
const (
	chartRows    = 4
	chartColumns = 72
)

// chart draws a series with blocks of eighths, from zero to its greatest number.
func chart(s series) (lines []string) {
	_, most := s.bounds()
	columns := s.columns(chartColumns)
	for row := chartRows - 1; row >= 0; row-- {
		var b strings.Builder
		for _, y := range columns {
			eighths := 0
			if most > 0 && !math.IsNaN(y) {
				eighths = int(math.Round(y/most*chartRows*8)) - row*8
			}
			b.WriteRune([]rune(" ▁▂▃▄▅▆▇█")[min(max(eighths, 0), 8)])
		}
		label := ""
		switch row {
		case chartRows - 1:
			label = fmt.Sprintf("%.1f", most)
		case 0:
			label = "0"
		}
		lines = append(lines, fmt.Sprintf("%8s |%s", label, strings.TrimRight(b.String(), " ")))
	}
	return append([]string{strings.TrimSpace(s.name + " " + s.unit)}, lines...)
}
