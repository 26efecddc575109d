package insights

import (
	"math"
)

// The rule of a spike. One day out of a thousand looks like that by chance when
// messages come independently of each other.
const (
	spikeChance = 0.001 // of so many messages or more in 24 hours
	spikeLeast  = 5     // messages in 24 hours
	spikeDays   = 14    // days before, whose mean is expected
	spikeFloor  = 0.5   // a day, expected at least: what is new has no mean yet
)

// SpikeRule is the rule in a sentence, for the screens.
const SpikeRule = "A spike: at least 5 messages in 24 hours, and so many come by chance less than once in 1,000 days, " +
	"when the mean of the 14 days before (at least half a message a day) is what is expected (Poisson)."

// Expected is the mean of a day when n messages came in the 14 days before.
func expected(n int) float64 { return math.Max(float64(n)/spikeDays, spikeFloor) }

// Chance is how likely k messages or more are, when mean are expected.
func Chance(k int, mean float64) float64 {
	if k <= 0 {
		return 1
	}
	if mean <= 0 {
		return 0
	}
	// The upper tail, summed from its first term: 1 - CDF would lose small values.
	logTerm := float64(k)*math.Log(mean) - mean
	lg, _ := math.Lgamma(float64(k) + 1)
	term := math.Exp(logTerm - lg)
	sum := term
	for i := k + 1; term > sum*1e-12 && i < k+10_000; i++ {
		term *= mean / float64(i)
		sum += term
	}
	return math.Min(sum, 1)
}

// isSpike applies the rule to the messages of the last 24 hours and of the 14
// days before.
func isSpike(today, before int) bool {
	return today >= spikeLeast && Chance(today, expected(before)) < spikeChance
}
