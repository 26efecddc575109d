package records

import (
	"crypto/rand"
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
	changes := leaf{salt: newSalt()}
	words := leaf{salt: newSalt()}
	changes.hash = hashOf(changes.salt, string(before), string(after))
	words.hash = hashOf(words.salt, d.Reason, d.InputHash)
	hash := link(previous, id, d, changes.hash, words.hash, created)
	_, err = tx.DB().Insert(Decisions, dbx.Params{
		"id": id, "project": d.Project, "subject": d.Subject, "subject_id": d.SubjectID,
		"action": d.Action, "actor_kind": d.ActorKind, "actor": d.Actor,
		"before": string(before), "after": string(after), "reason": d.Reason,
		"engine": d.Engine, "prompt_version": d.Prompt, "input_hash": d.InputHash,
		"undo_of": d.UndoOf, "request_id": d.RequestID,
		"changes_salt": changes.salt, "changes_hash": changes.hash, "words_salt": words.salt, "words_hash": words.hash,
		"previous_hash": previous, "hash": hash, "created": created,
	}).Execute()
	if err != nil {
		return "", fmt.Errorf("append decision: %w", err)
	}
	return id, nil
}

// leaf is a part of a decision that can be erased. The chain holds its salted
// hash; when the salt is gone too, nobody can tell from the hash what it was.
type leaf struct{ salt, hash string }

func newSalt() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // crypto/rand never fails on supported systems
	return hex.EncodeToString(b)
}

func hashOf(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func link(previous, id string, d Decision, changes, words, created string) string {
	return hashOf(previous, id, d.Project, d.Subject, d.SubjectID, d.Action, d.ActorKind, d.Actor,
		changes, words, d.Engine, d.Prompt, d.UndoOf, d.RequestID, created)
}

// Erasure is the action of the decision that says which decisions lost their
// words. Whoever empties a row without one is found out.
const Erasure = "erase"

// EraseWords takes the reason, the hash of the judged text and, with changes,
// what was changed out of decisions. The chain goes on verifying once an
// Erasure names them; append it in the same transaction.
func EraseWords(tx core.App, ids []string, changes bool) error {
	set := dbx.Params{"reason": "", "input_hash": "", "words_salt": ""}
	if changes {
		set["before"], set["after"], set["changes_salt"] = "null", "null", ""
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		some := make([]any, n)
		for i := range some {
			some[i] = ids[i]
		}
		if _, err := tx.DB().Update(Decisions, set, dbx.In("id", some...)).Execute(); err != nil {
			return fmt.Errorf("erase decisions: %w", err)
		}
		ids = ids[n:]
	}
	return nil
}

// VerifyChain walks all decisions and returns how many there are. The error
// names the first row that does not fit its hash or its predecessor, or whose
// words are gone without an erasure.
func VerifyChain(app core.App) (int, error) {
	rows, err := app.DB().NewQuery(`SELECT id, project, subject, subject_id, action, actor_kind, actor, before, after,
		reason, engine, prompt_version, input_hash, undo_of, request_id, created, previous_hash, hash,
		changes_salt, changes_hash, words_salt, words_hash FROM decisions ORDER BY rowid`).Rows()
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n, previous := 0, ""
	empty := map[string]int{} // decisions without words that no erasure has named yet, with their numbers
	for rows.Next() {
		var d Decision
		var changes, words leaf
		var id, before, after, created, prev, hash string
		if err := rows.Rows.Scan(&id, &d.Project, &d.Subject, &d.SubjectID, &d.Action, &d.ActorKind, &d.Actor, &before, &after,
			&d.Reason, &d.Engine, &d.Prompt, &d.InputHash, &d.UndoOf, &d.RequestID, &created, &prev, &hash,
			&changes.salt, &changes.hash, &words.salt, &words.hash); err != nil {
			return n, err
		}
		n++
		if prev != previous || hash != link(prev, id, d, changes.hash, words.hash, created) ||
			!fits(changes, "null", "null", before, after) || !fits(words, "", "", d.Reason, d.InputHash) {
			return n - 1, fmt.Errorf("decision %s (number %d) was changed, or one before it was removed", id, n)
		}
		previous = hash
		if changes.salt == "" || words.salt == "" {
			empty[id] = n
		}
		if d.Action == Erasure {
			var named struct {
				Decisions []string `json:"decisions"`
			}
			if err := json.Unmarshal([]byte(after), &named); err != nil {
				return n, fmt.Errorf("decision %s (number %d) names no decisions: %w", id, n, err)
			}
			for _, e := range named.Decisions {
				delete(empty, e)
			}
		}
	}
	for id, number := range empty {
		return number - 1, fmt.Errorf("decision %s (number %d) was emptied, and no erasure names it", id, number)
	}
	return n, rows.Err()
}

// fits checks one part of a decision: it is what was hashed, or it was erased.
func fits(l leaf, goneA, goneB, a, b string) bool {
	if l.salt == "" {
		return a == goneA && b == goneB
	}
	return l.hash == hashOf(l.salt, a, b)
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
