package onlooker

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Chance is how unlikely a trait must be to differ so much, were it drawn by one
// law, to be called a difference. About twenty traits are compared, so that a
// sound program is called different once in 50,000 runs; and of a thousand
// transactions a habit shows that concerns one in ten.
const Chance = 1e-6

// Differences names the traits in which two sets of transactions differ, with
// the probability that they do so by chance.
func Differences(ours, others []Seen) (differ []string) {
	note := func(trait string, p float64) {
		if p < Chance {
			differ = append(differ, fmt.Sprintf("%s (by chance: %.1g)", trait, p))
		}
	}
	for _, trait := range traits(ours, others, func(s Seen) []string { return slices.Collect(maps.Keys(s.Words)) }) {
		count := func(set []Seen) map[string]int {
			counts := map[string]int{}
			for _, s := range set {
				counts[s.Words[trait]]++
			}
			return counts
		}
		note(trait, chiSquare(count(ours), count(others)))
	}
	for _, trait := range traits(ours, others, func(s Seen) []string { return slices.Collect(maps.Keys(s.Numbers)) }) {
		numbers := func(set []Seen) (list []float64) {
			for _, s := range set {
				list = append(list, s.Numbers[trait])
			}
			return list
		}
		note(trait, kolmogorovSmirnov(numbers(ours), numbers(others)))
	}
	return differ
}

// traits are the names of all traits, in order.
func traits(ours, others []Seen, names func(Seen) []string) (all []string) {
	for _, s := range slices.Concat(ours, others) {
		all = append(all, names(s)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// chiSquare is the probability that counts of two samples of one law differ by as
// much as these (Pearson). Words that occur too seldom for the law to hold count
// as one.
func chiSquare(a, b map[string]int) float64 {
	const seldom = 5
	sum := func(m map[string]int) (n float64) {
		for _, count := range m {
			n += float64(count)
		}
		return n
	}
	na, nb := sum(a), sum(b)
	words := slices.Sorted(maps.Keys(a))
	for _, word := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[word]; !there {
			words = append(words, word)
		}
	}
	var rows [][2]float64
	var rest [2]float64
	for _, word := range words {
		row := [2]float64{float64(a[word]), float64(b[word])}
		if (row[0]+row[1])*min(na, nb)/(na+nb) < seldom {
			rest[0], rest[1] = rest[0]+row[0], rest[1]+row[1]
			continue
		}
		rows = append(rows, row)
	}
	if rest[0]+rest[1] > 0 {
		rows = append(rows, rest)
	}
	x := 0.0
	for _, row := range rows {
		for i, n := range []float64{na, nb} {
			expected := (row[0] + row[1]) * n / (na + nb)
			x += (row[i] - expected) * (row[i] - expected) / expected
		}
	}
	return chiSquareTail(x, len(rows)-1)
}

// chiSquareTail is the probability of x or more with so many degrees of freedom:
// the finite sums for even and odd numbers of them.
func chiSquareTail(x float64, freedom int) float64 {
	if freedom < 1 || x <= 0 {
		return 1
	}
	tail, term, from := 0.0, math.Exp(-x/2), 2
	if freedom%2 == 1 {
		tail, term, from = math.Erfc(math.Sqrt(x/2)), math.Exp(-x/2)*math.Sqrt(2*x/math.Pi), 3
	}
	for k := from; k <= freedom; k += 2 {
		tail += term
		term *= x / float64(k)
	}
	return min(1, tail)
}

// kolmogorovSmirnov is about the probability that two samples of one law are as
// far apart as these; with equal values among them it is less.
func kolmogorovSmirnov(a, b []float64) float64 {
	slices.Sort(a)
	slices.Sort(b)
	apart, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		at := min(a[i], b[j])
		for i < len(a) && a[i] == at {
			i++
		}
		for j < len(b) && b[j] == at {
			j++
		}
		apart = max(apart, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	n := float64(len(a)) * float64(len(b)) / float64(len(a)+len(b))
	lambda := (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n)) * apart
	return min(1, 2*math.Exp(-2*lambda*lambda))
}
