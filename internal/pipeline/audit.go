package pipeline

import (
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// Audit is how the chain of decisions is.
type Audit struct {
	Whole    bool      `json:"whole"`
	Problem  string    `json:"problem"` // the first row that does not fit
	Verified int       `json:"verified"`
	Mine     int       `json:"decisions"` // of the project; the chain is the installation's
	Last     string    `json:"last"`      // hash of the last row: write it down elsewhere to prove later that nothing was cut off
	At       time.Time `json:"at"`
	Took     float64   `json:"took_ms"`
}

// Audit walks the chain of decisions now.
func (p *Pipeline) Audit(project string) (Audit, error) {
	out := Audit{At: time.Now().UTC(), Whole: true}
	n, err := records.VerifyChain(p.App)
	out.Verified = n
	if err != nil {
		out.Whole, out.Problem = false, err.Error()
	}
	out.Took = float64(time.Since(out.At).Microseconds()) / 1000
	err = p.App.DB().NewQuery(`SELECT coalesce(sum(n), 0) FROM decision_days WHERE project = {:p}`).Bind(dbx.Params{"p": project}).Row(&out.Mine)
	if err != nil {
		return out, err
	}
	var last []string
	err = p.App.DB().NewQuery(`SELECT hash FROM decisions ORDER BY rowid DESC LIMIT 1`).Column(&last)
	if len(last) > 0 {
		out.Last = last[0]
	}
	return out, err
}
