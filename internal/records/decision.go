package records

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Who decided.
const (
	ByEngine = "engine"
	ByRule   = "rule"
	ByPerson = "person"
	BySystem = "system"
)

// Decision is one row of the audit: what was proposed or done, by whom, and
// what it changed. Rows are appended and never changed.
type Decision struct {
	Project   string
	Subject   string // Feedback or Issues
	SubjectID string
	Action    string
	ActorKind string
	Actor     string // id of the person, name of the engine
	Before    any
	After     any
	Reason    string
	Engine    string
	Prompt    string // prompt or weights version
	InputHash string // SHA-256 of the text that was judged, hex
	UndoOf    string
	RequestID string
}

// Append writes d as the next link of the chain and returns its id. It must run
// inside a transaction: the hash of the row before it is read there.
func Append(tx core.App, d Decision) (string, error) {
	before, err := json.Marshal(d.Before)
	if err != nil {
		return "", fmt.Errorf("decision before: %w", err)
	}
	after, err := json.Marshal(d.After)
	if err != nil {
		return "", fmt.Errorf("decision after: %w", err)
	}
	var previous string
	err = tx.DB().NewQuery("SELECT hash FROM decisions ORDER BY rowid DESC LIMIT 1").Row(&previous)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("last decision: %w", err)
	}
	id := core.GenerateDefaultRandomId()
	created := types.NowDateTime().String()
	hash := link(previous, id, d, string(before), string(after), created)
	_, err = tx.DB().Insert(Decisions, dbx.Params{
		"id": id, "project": d.Project, "subject": d.Subject, "subject_id": d.SubjectID,
		"action": d.Action, "actor_kind": d.ActorKind, "actor": d.Actor,
		"before": string(before), "after": string(after), "reason": d.Reason,
		"engine": d.Engine, "prompt_version": d.Prompt, "input_hash": d.InputHash,
		"undo_of": d.UndoOf, "request_id": d.RequestID,
		"previous_hash": previous, "hash": hash, "created": created,
	}).Execute()
	if err != nil {
		return "", fmt.Errorf("append decision: %w", err)
	}
	return id, nil
}

func link(previous, id string, d Decision, before, after, created string) string {
	h := sha256.New()
	for _, s := range []string{previous, id, d.Project, d.Subject, d.SubjectID, d.Action, d.ActorKind, d.Actor,
		before, after, d.Reason, d.Engine, d.Prompt, d.InputHash, d.UndoOf, d.RequestID, created} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// VerifyChain walks all decisions and returns how many there are. The error
// names the first row that does not fit its hash or its predecessor.
func VerifyChain(app core.App) (int, error) {
	rows, err := app.DB().NewQuery(`SELECT id, project, subject, subject_id, action, actor_kind, actor, before, after,
		reason, engine, prompt_version, input_hash, undo_of, request_id, created, previous_hash, hash
		FROM decisions ORDER BY rowid`).Rows()
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n, previous := 0, ""
	for rows.Next() {
		var d Decision
		var id, before, after, created, prev, hash string
		if err := rows.Rows.Scan(&id, &d.Project, &d.Subject, &d.SubjectID, &d.Action, &d.ActorKind, &d.Actor, &before, &after,
			&d.Reason, &d.Engine, &d.Prompt, &d.InputHash, &d.UndoOf, &d.RequestID, &created, &prev, &hash); err != nil {
			return n, err
		}
		if prev != previous || hash != link(prev, id, d, before, after, created) {
			return n, fmt.Errorf("decision %s (number %d) was changed, or one before it was removed", id, n+1)
		}
		previous = hash
		n++
	}
	return n, rows.Err()
}

// Step is one row of a message's trace.
type Step struct {
	Project   string
	SubjectID string
	Name      string
	Engine    string
	Took      time.Duration
	Tokens    int     // sent and received
	Cost      float64 // in the currency of the configured prices
	Attempt   int
	Error     string
	RequestID string
}

// AppendStep writes one row of the trace.
func AppendStep(tx core.App, s Step) error {
	_, err := tx.DB().Insert(Steps, dbx.Params{
		"id": core.GenerateDefaultRandomId(), "project": s.Project, "subject_id": s.SubjectID, "name": s.Name,
		"engine": s.Engine, "ms": float64(s.Took.Microseconds()) / 1000, "tokens": s.Tokens, "cost": s.Cost,
		"attempt": s.Attempt, "error": s.Error, "request_id": s.RequestID, "created": types.NowDateTime().String(),
	}).Execute()
	if err != nil {
		return fmt.Errorf("append step %s: %w", s.Name, err)
	}
	return nil
}
