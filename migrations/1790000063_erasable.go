package migrations

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
)

// Messages can be erased: their text goes, a tombstone stays. The chain of
// decisions holds salted hashes of what was said instead of the words, so that
// the words can go and the chain still verifies. Rows that are there get theirs.
func init() {
	m.Register(func(app core.App) error {
		feedback, err := app.FindCollectionByNameOrId("feedback")
		if err != nil {
			return err
		}
		feedback.Fields.Add(&core.DateField{Name: "erased"}) // when the text went
		feedback.Fields.Add(&core.BoolField{Name: "demo"})   // one of the items that show how the product works
		feedback.AddIndex("idx_feedback_demo", false, "project", "demo = 1")
		feedback.AddIndex("idx_feedback_reporter", false, "reporter, created", "")
		if err := app.Save(feedback); err != nil {
			return err
		}
		reporters, err := app.FindCollectionByNameOrId("reporters")
		if err != nil {
			return err
		}
		reporters.Fields.Add(&core.DateField{Name: "erased"})
		if err := app.Save(reporters); err != nil {
			return err
		}
		decisions, err := app.FindCollectionByNameOrId("decisions")
		if err != nil {
			return err
		}
		decisions.Fields.Add(one("subject", "feedback", "issues", "reporters", "projects"))
		for _, name := range []string{"changes_salt", "changes_hash", "words_salt", "words_hash"} {
			decisions.Fields.Add(text(name, 64))
		}
		if err := app.Save(decisions); err != nil {
			return err
		}
		return rechain(app)
	}, func(app core.App) error {
		for name, fields := range map[string][]string{"feedback": {"erased", "demo"}, "reporters": {"erased"},
			"decisions": {"changes_salt", "changes_hash", "words_salt", "words_hash"}} {
			c, err := app.FindCollectionByNameOrId(name)
			if err != nil {
				return err
			}
			c.RemoveIndex("idx_feedback_demo")
			c.RemoveIndex("idx_feedback_reporter")
			for _, f := range fields {
				c.Fields.RemoveByName(f)
			}
			if err := app.Save(c); err != nil {
				return err
			}
		}
		return nil
	})
}

type oldDecision struct {
	Rowid     int64  `db:"rowid"`
	ID        string `db:"id"`
	Project   string `db:"project"`
	Subject   string `db:"subject"`
	SubjectID string `db:"subject_id"`
	Action    string `db:"action"`
	ActorKind string `db:"actor_kind"`
	Actor     string `db:"actor"`
	Before    string `db:"before"`
	After     string `db:"after"`
	Reason    string `db:"reason"`
	Engine    string `db:"engine"`
	Prompt    string `db:"prompt_version"`
	InputHash string `db:"input_hash"`
	UndoOf    string `db:"undo_of"`
	RequestID string `db:"request_id"`
	Created   string `db:"created"`
	Previous  string `db:"previous_hash"`
	Hash      string `db:"hash"`
}

// rechain gives the rows of before their new hashes. A row that does not fit
// its old hash keeps it: what was broken stays broken.
func rechain(app core.App) error {
	var last int64
	was, is := "", ""
	for {
		var list []oldDecision
		err := app.DB().NewQuery(`SELECT rowid, id, project, subject, subject_id, action, actor_kind, actor, before, after, reason,
			engine, prompt_version, input_hash, undo_of, request_id, created, previous_hash, hash FROM decisions
			WHERE rowid > {:last} ORDER BY rowid LIMIT 1000`).Bind(dbx.Params{"last": last}).All(&list)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, d := range list {
			old := hashOf(was, d.ID, d.Project, d.Subject, d.SubjectID, d.Action, d.ActorKind, d.Actor, d.Before, d.After,
				d.Reason, d.Engine, d.Prompt, d.InputHash, d.UndoOf, d.RequestID, d.Created)
			whole := old == d.Hash && d.Previous == was
			was, last = d.Hash, d.Rowid
			changesSalt, wordsSalt := salt(), salt()
			changes, words := hashOf(changesSalt, d.Before, d.After), hashOf(wordsSalt, d.Reason, d.InputHash)
			hash := d.Hash
			if whole {
				hash = hashOf(is, d.ID, d.Project, d.Subject, d.SubjectID, d.Action, d.ActorKind, d.Actor, changes, words,
					d.Engine, d.Prompt, d.UndoOf, d.RequestID, d.Created)
			}
			_, err := app.DB().NewQuery(`UPDATE decisions SET changes_salt = {:cs}, changes_hash = {:c}, words_salt = {:ws}, words_hash = {:w},
				previous_hash = {:p}, hash = {:h} WHERE rowid = {:r}`).
				Bind(dbx.Params{"cs": changesSalt, "c": changes, "ws": wordsSalt, "w": words, "p": is, "h": hash, "r": d.Rowid}).Execute()
			if err != nil {
				return err
			}
			is = hash
		}
	}
}

func salt() string {
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
