// Package statustext shows people the status of a daemon.
package statustext

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Of is the text for a daemon's answer at a time. What it shows of peers and
// servers is printable, since control.StatusAnswer.Validate wants that.
func Of(a control.StatusAnswer, now time.Time) string {
	var b strings.Builder
	fmt.Fprint(&b, a.Version)
	if a.Since > 0 {
		fmt.Fprintf(&b, ", up %s", ago(a.Since, now))
	}
	fmt.Fprintf(&b, ", %s\n", number(a.Clients, "client"))
	if len(a.Sessions) == 0 {
		b.WriteString("\nNo client is in the market.\n")
	}
	sessions := slices.SortedFunc(slices.Values(a.Sessions), func(x, y control.SessionStatus) int { return cmp.Compare(x.Since, y.Since) })
	for _, s := range sessions {
		b.WriteString("\n" + session(s, now))
	}
	if counts := countsText(a.Counts); counts != "" {
		b.WriteString("\n" + counts)
	}
	return b.String()
}

func session(s control.SessionStatus, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s for %s: ", s.Role, ago(s.Since, now))
	switch {
	case s.Busy:
		return b.String() + "does not answer\n"
	case !s.Ready:
		b.WriteString("not ready, ")
	}
	if s.Away {
		b.WriteString("client away, ")
	}
	open := 0
	var states []string
	for _, state := range slices.Sorted(maps.Keys(s.Conversations)) {
		open += s.Conversations[state]
		states = append(states, fmt.Sprintf("%d %s", s.Conversations[state], state))
	}
	fmt.Fprintf(&b, "%s, %s of %s, %s", number(s.Peers, "nick"), number(s.Offers, "offer"), number(s.Makers, "maker"), number(open, "conversation"))
	if open > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(states, ", "))
	}
	if s.Verdicts+s.Signatures > 0 {
		fmt.Fprintf(&b, "; %d verdicts and %d signatures awaited", s.Verdicts, s.Signatures)
	}
	b.WriteString("\n")
	for _, c := range s.Channels {
		b.WriteString("  " + channel(c, now) + "\n")
		for _, d := range c.Directories {
			b.WriteString("    " + directory(d, now) + "\n")
		}
	}
	return b.String()
}

func channel(c control.ChannelReport, now time.Time) string {
	text := c.Channel + "  " + c.State
	if c.Since > 0 {
		text += " for " + ago(c.Since, now)
	}
	if c.Server != "" {
		text += " on " + c.Server
	}
	if c.Next > 0 {
		text += ", again in " + ago(now.Unix(), time.Unix(c.Next, 0))
	}
	if c.Code+c.Reason != "" {
		text += ": " + strings.TrimPrefix(c.Code+": "+c.Reason, ": ")
	}
	if c.LinesIn+c.LinesOut > 0 {
		text += fmt.Sprintf("; %d lines in, %d out", c.LinesIn, c.LinesOut)
	}
	if c.Queued > 0 {
		text += fmt.Sprintf(", %d wait", c.Queued)
	}
	if len(c.Directories) > 0 {
		up := 0
		for _, d := range c.Directories {
			if d.State == "up" {
				up++
			}
		}
		text += fmt.Sprintf("; %d of %s, %s", up, directories(len(c.Directories)), number(c.Direct, "direct connection"))
		if c.Serving {
			text += ", others can connect to us"
		}
	}
	return text
}

func directories(n int) string {
	if n == 1 {
		return "1 directory"
	}
	return fmt.Sprintf("%d directories", n)
}

func directory(d control.DirectoryReport, now time.Time) string {
	text := d.Address + "  " + d.State
	if d.Since > 0 {
		text += " for " + ago(d.Since, now)
	}
	if d.Next > 0 {
		text += ", again in " + ago(now.Unix(), time.Unix(d.Next, 0))
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	if d.Peers+d.Makers > 0 {
		text += fmt.Sprintf("; %s heard, %s", number(d.Peers, "nick"), number(d.Makers, "maker"))
	}
	if d.Few {
		text += ", FAR FEWER than the others show"
	}
	return text
}

// countsText has a line for each family.
func countsText(counts map[string]uint64) string {
	families := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		family, cause, _ := strings.Cut(name, "/")
		families[family] = append(families[family], fmt.Sprintf("%s %d", cause, counts[name]))
	}
	var b strings.Builder
	for _, family := range slices.Sorted(maps.Keys(families)) {
		fmt.Fprintf(&b, "%s: %s\n", family, strings.Join(families[family], ", "))
	}
	return b.String()
}

// ago is the time since then, in the two largest units.
func ago(then int64, now time.Time) string {
	d := max(now.Sub(time.Unix(then, 0)), 0).Round(time.Second)
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.String()
}

func number(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
