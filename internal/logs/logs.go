// Package logs keeps what programs tell bounded, whatever peers do: each cause
// gets a few lines a second, a line holds one event, and the files on the disk
// have a fixed size in all.
package logs

import (
	"io"
	"log/slog"
	"math"
)

const (
	// PerSecond is how many lines a second each message gets, told apart by its
	// constant text.
	PerSecond = 10
	// FileSize and Files bound what is kept on the disk, the present file
	// included.
	FileSize = 4 << 20
	Files    = 4
)

// New returns a logger that writes lines of at least the level of their part to
// console and of at least info to the file at path, whose folder exists. Values are quoted, so
// that no text of a peer can begin a line of its own or reach the terminal. The
// file is made with the first line; what cannot be written there is lost.
func New(console io.Writer, levels *Levels, path string) *slog.Logger {
	return With(slog.NewTextHandler(console, all), levels, path)
}

// With is New with another form of the lines of the console, whose handler takes
// lines of any level.
func With(console slog.Handler, levels *Levels, path string) *slog.Logger {
	return slog.New(Limit(slog.NewMultiHandler(
		filter{console, levels, math.MaxInt, ""},
		filter{slog.NewTextHandler(newFile(path, FileSize, Files), all), levels, slog.LevelInfo, ""},
	), PerSecond))
}

// all leaves the choice to filter.
var all = &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
