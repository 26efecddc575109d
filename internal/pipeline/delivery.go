package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// The numbers of the delivery protocol. docs/decisions/0003-exactly-once-filing.md
// says where they come from.
const (
	MissesNeeded  = 2              // look-ups without a hit before a create is sent again
	MostRounds    = 2              // creates sent again before a person is asked
	MostAge       = 24 * time.Hour // after which a person is asked
	findSlack     = 5 * time.Minute
	longestCreate = 2 * time.Minute // after which a create that is still "sending" has lost its process; the host's deadline is 20 s
	firstBackoff  = 5 * time.Second
	mostBackoff   = 10 * time.Minute
)

// The states of a delivery.
const (
	deliveryPending    = "pending"     // not sent, or surely not created
	deliverySending    = "sending"     // the intent is committed; the create may be on its way
	deliveryUnknown    = "unknown"     // may or may not exist: look before anything is sent
	deliveryDone       = "done"        // the tracker confirmed it
	deliveryRejected   = "rejected"    // the tracker will never take it as it is
	deliveryNeedsHuman = "needs_human" // looked and sent in vain
)

// changeDelivery reads a delivery again, changes and saves it, in one transaction.
func (p *Pipeline) changeDelivery(d *core.Record, change func(tx core.App, d *core.Record) error) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		fresh, err := tx.FindRecordById(records.Deliveries, d.Id)
		if err != nil {
			return err
		}
		if err := change(tx, fresh); err != nil {
			return err
		}
		if err := tx.Save(fresh); err != nil {
			return fmt.Errorf("save delivery: %w", err)
		}
		return nil
	})
}

// say writes on the issue where its filing stands, and a step into its trace.
func (p *Pipeline) say(tx core.App, d *core.Record, text string, took time.Duration) error {
	issue, err := tx.FindRecordById(records.Issues, d.GetString("issue"))
	if err != nil {
		return err
	}
	issue.Set("filing", clip(text))
	if err := tx.Save(issue); err != nil {
		return fmt.Errorf("save issue: %w", err)
	}
	return p.step(tx, d, "file", d.GetString("error"), took)
}

func (p *Pipeline) step(tx core.App, d *core.Record, name, errText string, took time.Duration) error {
	return records.AppendStep(tx, records.Step{Project: d.GetString("project"), SubjectID: d.GetString("issue"), Name: name,
		Took: took, Attempt: d.GetInt("attempts"), Error: errText, RequestID: d.GetString("request_id")})
}

func (p *Pipeline) interval(tracker *core.Record) time.Duration {
	if ms := tracker.GetInt("interval"); ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
	return m.MinCreateInterval
}

func (p *Pipeline) settleTime(tracker *core.Record) time.Duration {
	if s := tracker.GetFloat("settle"); s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	m, _ := p.Plugins.Manifest(tracker.GetString("plugin"))
	return m.Settle
}

// backoff is the wait after the n-th attempt: 5 s, doubled each time, at most 10 min.
func backoff(n int) time.Duration {
	wait := firstBackoff
	for ; n > 1 && wait < mostBackoff; n-- {
		wait *= 2
	}
	return min(wait, mostBackoff)
}

func in(d time.Duration) types.DateTime { return types.NowDateTime().Add(d) }

func hashOf(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// clip keeps an outside text short enough for its column.
func clip(s string) string {
	if r := []rune(s); len(r) > 1000 {
		return string(r[:999]) + "…"
	}
	return s
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	s = clip(s)
	if s == "" {
		return ""
	}
	if last := s[len(s)-1]; last != '.' && last != '!' && last != '?' {
		s += "."
	}
	return s
}
