package pipeline

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// ErasedText stands where the text of an erased message was.
const ErasedText = "The text of this message was erased."

// Erased is what an erasure did.
type Erased struct {
	Messages int        `json:"messages"`
	Issues   int        `json:"issues"` // drafts and issues written anew without the words
	Filed    []FiledRef `json:"filed"`  // in trackers, where what was filed stays: erase it there
	Decision string     `json:"decision"`
}

// FiledRef is an issue in a tracker.
type FiledRef struct {
	Number int    `json:"number"`
	Key    string `json:"key"`
	URL    string `json:"url"`
}

// EraseReporter takes a person's words and name out of everything: messages,
// the drafts written from them, decisions, traces, the index, the log. What
// counts stays: tombstones without text. Repeating it does no harm.
func (p *Pipeline) EraseReporter(id string, by *core.Record, requestID string) (Erased, error) {
	rep, err := p.App.FindRecordById(records.Reporters, id)
	if err != nil {
		return Erased{}, Fault(NoReporter, "There is no reporter %q.", id)
	}
	if err := p.May(p.App, by, rep.GetString("project"), triage.Admin, NoReporter); err != nil {
		return Erased{}, err
	}
	named := []string{rep.GetString("external_id"), rep.GetString("handle")}
	var gone []*core.Record
	var out Erased
	unlock := p.lock(rep.GetString("project"))
	err = p.App.RunInTransaction(func(tx core.App) error {
		list, err := tx.FindRecordsByFilter(records.Feedback, "reporter = {:r}", "created", 0, 0, dbx.Params{"r": id})
		if err != nil {
			return fmt.Errorf("messages of reporter: %w", err)
		}
		e := p.erasure(tx, rep.GetString("project"), by, requestID)
		if out, err = e.erase(list, rep.Id, "On request of the reporter, or for them."); err != nil {
			return err
		}
		gone = list
		rep.Set("external_id", "erased:"+rep.Id)
		rep.Set("handle", "")
		rep.Set("erased", types.NowDateTime())
		return tx.Save(rep)
	})
	unlock()
	if err != nil {
		return out, err
	}
	p.forget(gone, named)
	return out, nil
}

// erasure erases messages of one project inside a transaction.
type erasure struct {
	p         *Pipeline
	tx        core.App
	project   string
	by        *core.Record // nil: the server itself
	requestID string
	words     []string // decisions that lose their words
	changes   []string // decisions that lose what they changed too
}

func (p *Pipeline) erasure(tx core.App, project string, by *core.Record, requestID string) *erasure {
	return &erasure{p: p, tx: tx, project: project, by: by, requestID: requestID}
}

// erase empties the messages and whatever was written from them, and appends
// the decision that says so.
func (e *erasure) erase(list []*core.Record, subject, reason string) (Erased, error) {
	out := Erased{Filed: []FiledRef{}}
	titles := map[string][]string{} // issue → titles that the erased messages gave
	ids := make([]string, 0, len(list))
	for _, r := range list {
		if r.GetString("erased") != "" {
			continue
		}
		ids = append(ids, r.Id)
		if issue := r.GetString("issue"); issue != "" {
			titles[issue] = append(titles[issue], r.GetString("title"))
		}
		if err := e.message(r); err != nil {
			return out, err
		}
		out.Messages++
	}
	issues := make([]string, 0, len(titles))
	for issue := range titles {
		issues = append(issues, issue)
	}
	slices.Sort(issues)
	for _, issue := range issues {
		n, filed, err := e.issue(issue, titles[issue], ids)
		if err != nil {
			return out, err
		}
		out.Issues += n
		out.Filed = append(out.Filed, filed...)
	}
	all := append(slices.Clone(ids), issues...)
	if err := e.mentions(all); err != nil {
		return out, err
	}
	if err := e.jobs(all); err != nil {
		return out, err
	}
	if err := records.EraseWords(e.tx, e.words, false); err != nil {
		return out, err
	}
	if err := records.EraseWords(e.tx, e.changes, true); err != nil {
		return out, err
	}
	d := records.Decision{Project: e.project, Subject: records.Reporters, SubjectID: subject, Action: records.Erasure,
		ActorKind: records.BySystem, Actor: "pipeline", Reason: reason, RequestID: e.requestID,
		After: map[string]any{"messages": len(ids), "decisions": append(e.words, e.changes...)}}
	if e.by != nil {
		d.ActorKind, d.Actor = records.ByPerson, e.by.Collection().Name+"/"+e.by.Id
	}
	var err error
	if out.Decision, err = records.Append(e.tx, d); err != nil {
		return out, err
	}
	return out, dropLayer(e.tx, e.project)
}

// message empties one message. What counts stays: when it came, from which
// source, its class, severity, state and issue.
func (e *erasure) message(r *core.Record) error {
	if x := r.GetString("external_id"); x != "" {
		r.Set("external_id", e.p.Vault.ErasedID(e.project, r.GetString("source"), x))
	}
	for field, value := range map[string]any{"subject": "", "content": ErasedText, "permalink": "", "context": nil, "attachments": nil,
		"reasoning": "", "title": "", "verdict": nil, "candidates": nil, "request_id": "", "language": "", "degraded": false, "think_at": "",
		"erased": types.NowDateTime()} {
		r.Set(field, value)
	}
	if s := r.GetString("state"); s == string(triage.Received) || s == string(triage.Held) {
		r.Set("state", string(triage.NoiseHeld)) // nobody can decide on it any more
		r.Set("held_reason", "")
	}
	if err := e.tx.Save(r); err != nil {
		return fmt.Errorf("erase message: %w", err)
	}
	if err := dropDocs(e.tx, r.Id); err != nil {
		return err
	}
	if err := e.belongings(r.Id); err != nil {
		return err
	}
	if err := e.trace(r.Id); err != nil {
		return err
	}
	return e.decisions(r.Id)
}

// belongings deletes what was stored for a message beside its record: its
// embedding, and the files that came with it.
func (e *erasure) belongings(id string) error {
	if e.tx.HasTable("embeddings") {
		if _, err := e.tx.DB().Delete("embeddings", dbxID(id)).Execute(); err != nil {
			return fmt.Errorf("erase embedding: %w", err)
		}
	}
	if !e.tx.HasTable("uploads") {
		return nil
	}
	files, err := e.tx.FindRecordsByFilter("uploads", "feedback = {:id}", "", 0, 0, dbx.Params{"id": id})
	if err != nil {
		return fmt.Errorf("files of the message: %w", err)
	}
	for _, f := range files {
		if err := e.tx.Delete(f); err != nil {
			return fmt.Errorf("erase file: %w", err)
		}
	}
	return nil
}

// jobs deletes the finished jobs about messages and issues, and empties what
// went wrong in the others.
func (e *erasure) jobs(ids []string) error {
	for at := 0; at < len(ids); at += 500 {
		about := ` AND json_extract(json(args), '$.id') IN ('` + strings.Join(ids[at:min(at+500, len(ids))], "','") + `')`
		for _, q := range []string{`DELETE FROM river_job WHERE finalized_at IS NOT NULL`, `UPDATE river_job SET errors = NULL WHERE errors IS NOT NULL`} {
			if _, err := e.tx.DB().NewQuery(q + about).Execute(); err != nil {
				return fmt.Errorf("erase jobs: %w", err)
			}
		}
	}
	return nil
}

// trace empties what steps, the ledger and replies say about a message or an issue.
func (e *erasure) trace(id string) error {
	for _, q := range []string{
		`UPDATE steps SET error = '' WHERE subject_id = {:id} AND error != ''`,
		`UPDATE usage SET outcome = CASE outcome WHEN 'ok' THEN 'ok' ELSE 'erased' END WHERE subject_id = {:id}`,
	} {
		if _, err := e.tx.DB().NewQuery(q).Bind(dbx.Params{"id": id}).Execute(); err != nil {
			return fmt.Errorf("erase trace: %w", err)
		}
	}
	if e.tx.HasTable("replies") {
		_, err := e.tx.DB().NewQuery(`UPDATE replies SET text = '', error = '' WHERE feedback = {:id}`).Bind(dbx.Params{"id": id}).Execute()
		if err != nil {
			return fmt.Errorf("erase replies: %w", err)
		}
	}
	return nil
}

// writes are the parts of an issue that hold words of a message.
var writes = []string{"title", "steps", "observed", "expected", "criteria", "labels", "components", "environment", "missing"}

// decisions notes which decisions on a record lose their words, and which also
// lose what they changed, because that holds text.
func (e *erasure) decisions(id string) error {
	var list []struct {
		ID     string `db:"id"`
		Before string `db:"before"`
		After  string `db:"after"`
		Salt   string `db:"words_salt"`
	}
	err := e.tx.DB().NewQuery(`SELECT id, before, after, words_salt FROM decisions WHERE subject_id = {:id}`).Bind(dbx.Params{"id": id}).All(&list)
	if err != nil {
		return fmt.Errorf("decisions of %s: %w", id, err)
	}
	for _, d := range list {
		var before, after map[string]any
		_ = json.Unmarshal([]byte(d.Before), &before) // one that is no object holds no field
		_ = json.Unmarshal([]byte(d.After), &after)
		what, _ := after["said"].(map[string]any) // components may be words of the message
		if what["components"] != nil || slices.ContainsFunc(writes, func(f string) bool { return before[f] != nil || after[f] != nil }) {
			e.changes = append(e.changes, d.ID)
		} else {
			e.words = append(e.words, d.ID)
		}
	}
	return nil
}

// issue writes an issue anew from a report that stays, or empties it, when the
// erased messages may have given it its words.
func (e *erasure) issue(id string, titles, erased []string) (int, []FiledRef, error) {
	issue, err := e.tx.FindRecordById(records.Issues, id)
	if err != nil {
		return 0, nil, nil // gone already
	}
	left, err := e.tx.FindRecordsByFilter(records.Feedback, "issue = {:i}", "created", 0, 0, dbx.Params{"i": id})
	if err != nil || len(left) == 0 {
		return 0, nil, err
	}
	if !slices.Contains(erased, left[0].Id) && !slices.Contains(titles, issue.GetString("title")) {
		return 0, nil, nil
	}
	blank := triage.Verdict{Spec: triage.Spec{Title: "A report that was erased", Steps: []string{}, Criteria: []string{},
		Labels: records.Strings(issue, "labels"), Components: []string{}, Environment: map[string]string{}, Missing: []string{}}}
	v := blank
	for _, r := range left {
		if r.GetString("erased") == "" {
			if v, err = records.Verdict(r); err != nil {
				return 0, nil, err
			}
			break
		}
	}
	if v.Title == "" {
		v = blank
	}
	specify(issue, v)
	issue.Set("version", issue.GetInt("version")+1)
	if err := e.tx.Save(issue); err != nil {
		return 0, nil, fmt.Errorf("write issue anew: %w", err)
	}
	if _, err := e.tx.DB().NewQuery(`UPDATE deliveries SET error = '' WHERE issue = {:i}`).Bind(dbx.Params{"i": id}).Execute(); err != nil {
		return 0, nil, err
	}
	var filed []FiledRef
	if key := issue.GetString("tracker_key"); key != "" {
		filed = append(filed, FiledRef{Number: issue.GetInt("number"), Key: key, URL: issue.GetString("tracker_url")})
	}
	if err := e.trace(id); err != nil {
		return 0, nil, err
	}
	return 1, filed, e.decisions(id)
}

// mentions takes erased messages and rewritten issues out of what other
// messages remember as similar: titles and shared words.
func (e *erasure) mentions(ids []string) error {
	var list []struct {
		ID         string `db:"id"`
		Candidates string `db:"candidates"`
	}
	err := e.tx.DB().NewQuery(`SELECT id, candidates FROM feedback WHERE project = {:p} AND length(candidates) > 20`).
		Bind(dbx.Params{"p": e.project}).All(&list)
	if err != nil {
		return fmt.Errorf("similar messages: %w", err)
	}
	for _, r := range list {
		if !slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(r.Candidates, id) }) {
			continue
		}
		var all, kept []map[string]any
		if err := json.Unmarshal([]byte(r.Candidates), &all); err != nil {
			continue
		}
		for _, c := range all {
			issue, _ := c["issue"].(string)
			message, _ := c["feedback"].(string)
			if !slices.Contains(ids, issue) && !slices.Contains(ids, message) {
				kept = append(kept, c)
			}
		}
		raw, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		if _, err := e.tx.DB().Update(records.Feedback, dbx.Params{"candidates": string(raw)}, dbxID(r.ID)).Execute(); err != nil {
			return err
		}
	}
	return nil
}

// Forgetting what a database file remembers: how often and how long it is tried.
const (
	forgetEvery = time.Second
	forgetFor   = 45 * time.Second
	logsLate    = 5 * time.Second // PocketBase writes the lines of its log within 3 s
)

// forget takes erased messages out of the index in memory, and their bytes out
// of the files: deleted content is zeroed as it is deleted (secure_delete), and
// the write-ahead logs are emptied. That waits for readers, and for lines of
// the log that are not written yet; it goes on behind the answer.
func (p *Pipeline) forget(gone []*core.Record, named []string) {
	for _, r := range gone {
		p.Forget(r.Id)
	}
	if len(gone) > 0 {
		p.Unlearn(gone[0].GetString("project")) // one erasure is within one project
	}
	p.counts.changed()
	p.forgetLines(named)
	done := p.emptyLogs()
	p.spawn(func() {
		late, end := time.Now().Add(logsLate), time.Now().Add(forgetFor)
		for p.unlessStopping(0) == nil && time.Now().Before(end) {
			if !late.IsZero() && time.Now().After(late) {
				p.forgetLines(named)
				late, done = time.Time{}, false
			}
			if !done {
				done = p.emptyLogs()
			}
			if done && late.IsZero() {
				return
			}
			time.Sleep(forgetEvery)
		}
		if !done {
			p.Log.Error("the write-ahead log could not be emptied; erased text leaves the disk with the next start")
		}
	})
}

// forgetLines removes the lines of the request log that name a person.
func (p *Pipeline) forgetLines(named []string) {
	for _, name := range named {
		if len(name) < 3 {
			continue // would be in every line
		}
		for _, as := range []string{name, url.QueryEscape(name), url.PathEscape(name)} { // addresses are logged as they came
			_, err := p.App.AuxNonconcurrentDB().NewQuery(`DELETE FROM _logs WHERE instr(data, {:n}) OR instr(message, {:n})`).
				Bind(dbx.Params{"n": as}).Execute()
			if err != nil {
				p.Log.Error("erase log lines", "err", err)
			}
		}
	}
}

// emptyLogs moves the write-ahead logs into the databases and truncates them.
func (p *Pipeline) emptyLogs() bool {
	done := true
	for _, db := range []dbx.Builder{p.App.NonconcurrentDB(), p.App.AuxNonconcurrentDB()} {
		var r struct {
			Busy int `db:"busy"`
		}
		if err := db.NewQuery(`PRAGMA wal_checkpoint(TRUNCATE)`).One(&r); err != nil || r.Busy != 0 {
			done = false
		}
	}
	return done
}

// Everything is what is kept of a person, for them to take away.
type Everything struct {
	Reporter  map[string]any   `json:"reporter"`
	Messages  []map[string]any `json:"messages"`
	Issues    []map[string]any `json:"issues"`
	Decisions []map[string]any `json:"decisions"`
	Replies   []map[string]any `json:"replies"`
}

// ExportReporter collects everything about a reporter.
func (p *Pipeline) ExportReporter(id string, by *core.Record) (*Everything, error) {
	rep, err := p.App.FindRecordById(records.Reporters, id)
	if err != nil {
		return nil, Fault(NoReporter, "There is no reporter %q.", id)
	}
	if err := p.May(p.App, by, rep.GetString("project"), triage.Admin, NoReporter); err != nil {
		return nil, err
	}
	out := &Everything{Reporter: rep.PublicExport(), Messages: []map[string]any{}, Issues: []map[string]any{}, Decisions: []map[string]any{}, Replies: []map[string]any{}}
	list, err := p.App.FindRecordsByFilter(records.Feedback, "reporter = {:r}", "created", 0, 0, dbx.Params{"r": id})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, r := range list {
		out.Messages = append(out.Messages, r.PublicExport())
		decisions, err := p.App.FindRecordsByFilter(records.Decisions, "subject_id = {:s}", "@rowid", 0, 0, dbx.Params{"s": r.Id})
		if err != nil {
			return nil, err
		}
		for _, d := range decisions {
			out.Decisions = append(out.Decisions, d.PublicExport())
		}
		issue := r.GetString("issue")
		if issue == "" || seen[issue] {
			continue
		}
		seen[issue] = true
		if i, err := p.App.FindRecordById(records.Issues, issue); err == nil {
			out.Issues = append(out.Issues, map[string]any{"id": i.Id, "number": i.GetInt("number"), "title": i.GetString("title"),
				"state": i.GetString("state"), "tracker_url": i.GetString("tracker_url")})
		}
	}
	if !p.App.HasTable("replies") {
		return out, nil
	}
	replies, err := p.App.FindRecordsByFilter("replies", "reporter = {:r}", "created", 0, 0, dbx.Params{"r": id})
	if err != nil {
		return nil, err
	}
	for _, r := range replies {
		out.Replies = append(out.Replies, r.PublicExport())
	}
	return out, nil
}
