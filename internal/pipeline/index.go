package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/queue"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// translated ends the id of the document that holds a message's translation.
// The message itself is a document under its own id.
const translated = "/t"

// messageOf is the message that a document of the index belongs to.
func messageOf(doc string) string { return strings.TrimSuffix(doc, translated) }

// docsOf is what the index holds of a message: its words, and those of its
// translation when there is one.
func docsOf(r *core.Record) []vector.Doc {
	d := vector.Doc{ID: r.Id, Project: r.GetString("project"), Group: r.GetString("issue"),
		Title: r.GetString("subject"), Text: r.GetString("content"), At: r.GetDateTime("created").Time()}
	docs := []vector.Doc{d}
	if t := translationOf(r); t != nil {
		d.ID, d.Title, d.Text = r.Id+translated, "", t.Text
		docs = append(docs, d)
	}
	return docs
}

// translationOf is a message's translation, or nil.
func translationOf(r *core.Record) *triage.Translation {
	if !strings.Contains(r.GetString("verdict"), `"translation"`) { // most have none, and a verdict is long
		return nil
	}
	v, err := records.Verdict(r)
	if err != nil {
		return nil // whoever needs the verdict itself says so
	}
	return v.Translation
}

// putDocs brings the table of vectors in line with a message's issue. Call
// reindex after the commit.
func putDocs(ctx context.Context, tx core.App, r *core.Record) error {
	if r.GetString("issue") == "" {
		return dropDocs(tx, r.Id)
	}
	raw, err := queue.Tx(tx)
	if err != nil {
		return err
	}
	for _, d := range docsOf(r) {
		if err := vector.Put(ctx, raw, vector.NewRow(d)); err != nil {
			return err
		}
	}
	return nil
}

// dropDocs takes a message out of the table of vectors.
func dropDocs(tx core.App, id string) error {
	for _, doc := range []string{id, id + translated} {
		if _, err := tx.DB().Delete("vectors", dbxID(doc)).Execute(); err != nil {
			return fmt.Errorf("erase from the index: %w", err)
		}
	}
	return nil
}

// reindex tells the index in memory what a commit has changed.
func (p *Pipeline) reindex(moved []*core.Record) {
	for _, r := range moved {
		p.Forget(r.Id)
		if r.GetString("issue") == "" {
			continue
		}
		for _, d := range docsOf(r) {
			p.Index.Add(d)
		}
	}
}

// Forget takes a message out of the index in memory. Call it after the commit
// that erased it.
func (p *Pipeline) Forget(id string) {
	p.Index.Remove(id)
	p.Index.Remove(id + translated)
}

// searchTranslation looks for messages that are like a message's translation.
func (p *Pipeline) searchTranslation(q vector.Query, r *core.Record) []vector.Hit {
	t := translationOf(r)
	if t == nil {
		return nil
	}
	q.Title, q.Text = "", t.Text
	return p.Index.Search(q)
}
