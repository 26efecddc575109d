package records

import (
	"fmt"
	"math"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// An issue loses half its weight in rankHalfLife seconds without a new report.
const rankHalfLife = 3 * 24 * 60 * 60

// Rank orders issues for the inbox: severity × log₂(1 + reporters) × recency,
// where recency halves every three days. It is the logarithm of that product,
// with the moment of the last report in the place of the time gone by: the
// order is the same, and it never has to be computed anew as time passes.
func Rank(issue *core.Record) float64 {
	return rank(issue.GetString("severity"), issue.GetInt("reporter_count"), issue.GetDateTime("last_seen"))
}

// RankOf is Rank for values read from the database.
func RankOf(severity string, reporters int, lastSeen string) (float64, error) {
	at, err := types.ParseDateTime(lastSeen)
	if err != nil {
		return 0, fmt.Errorf("last seen %q: %w", lastSeen, err)
	}
	return rank(severity, reporters, at), nil
}

func rank(severity string, reporters int, at types.DateTime) float64 {
	weight := math.Exp2(float64(triage.Severity(severity).Rank())) // each severity counts twice the one below
	many := math.Log2(1 + float64(max(reporters, 1)))
	return math.Log2(weight*many) + float64(at.Time().Unix())/rankHalfLife
}
