package pipeline

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// demoFile holds the messages that show how the product works: written by us,
// in several languages, with duplicates, questions, noise and an attack.
//
//go:embed demo.json
var demoFile []byte

// LoadDemo takes the demo messages in, by the way that every message takes.
// Those that are there already stay; it returns how many were new.
func (p *Pipeline) LoadDemo(project string, by *core.Record, requestID string) (int, error) {
	if err := p.May(p.App, by, project, triage.Admin, NoProject); err != nil {
		return 0, err
	}
	var items []struct{ Source, Author, Title, Text string }
	if err := json.Unmarshal(demoFile, &items); err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	n := 0
	for i, it := range items {
		_, isNew, err := p.Ingest(Message{Project: project, Source: it.Source, ExternalID: fmt.Sprintf("demo-%d", i+1), Subject: it.Title,
			Content: it.Text, AuthorID: it.Author, AuthorName: it.Author, Context: map[string]any{"demo": true}, RequestID: requestID, demo: true})
		if err != nil {
			return n, fmt.Errorf("demo message %d: %w", i+1, err)
		}
		if isNew {
			n++
		}
	}
	return n, nil
}

// DemoGone is what RemoveDemo took away.
type DemoGone struct {
	Messages int        `json:"messages"`
	Issues   int        `json:"issues"`
	Filed    []FiledRef `json:"filed"` // in trackers, where they stay
}

// RemoveDemo takes the demo messages away, and the issues and reporters that
// came of nothing else. Their decisions stay in the chain, without words.
func (p *Pipeline) RemoveDemo(project string, by *core.Record, requestID string) (DemoGone, error) {
	if err := p.May(p.App, by, project, triage.Admin, NoProject); err != nil {
		return DemoGone{}, err
	}
	defer p.lock(project)()
	var out DemoGone
	var list []*core.Record
	err := p.App.RunInTransaction(func(tx core.App) error {
		out = DemoGone{Filed: []FiledRef{}}
		var err error
		if list, err = tx.FindRecordsByFilter(records.Feedback, "project = {:p} && demo = true", "created", 0, 0, dbx.Params{"p": project}); err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		erased, err := p.erasure(tx, project, by, requestID).erase(list, project, "The demo messages were removed.")
		if err != nil {
			return err
		}
		out.Messages, out.Filed = len(list), erased.Filed
		var issues, reporters []string
		seen := map[string]bool{"": true}
		for _, r := range list {
			if id := r.GetString("issue"); !seen[id] {
				seen[id], issues = true, append(issues, id)
			}
			if id := r.GetString("reporter"); !seen[id] {
				seen[id], reporters = true, append(reporters, id)
			}
			if err := tx.Delete(r); err != nil {
				return fmt.Errorf("remove demo message: %w", err)
			}
		}
		for _, id := range issues {
			gone, err := removeUnused(tx, records.Issues, id, `SELECT (SELECT count(*) FROM feedback WHERE issue = {:id} AND issue != '')
				+ (SELECT count(*) FROM issues WHERE merged_into = {:id} AND merged_into != '')`)
			if err != nil {
				return err
			}
			out.Issues += gone
		}
		for _, id := range reporters {
			if _, err := removeUnused(tx, records.Reporters, id, `SELECT count(*) FROM feedback WHERE reporter = {:id}`); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	p.forget(list, nil)
	return out, nil
}

// removeUnused deletes a record that nothing uses any more.
func removeUnused(tx core.App, collection, id, uses string) (int, error) {
	var n int
	if err := tx.DB().NewQuery(uses).Bind(dbx.Params{"id": id}).Row(&n); err != nil || n > 0 {
		return 0, err
	}
	r, err := tx.FindRecordById(collection, id)
	if err != nil {
		return 0, nil // gone already
	}
	return 1, tx.Delete(r)
}
