package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// TakeBatch stores what a source's stream has brought, each message in a commit
// of its own, and its cursor after them: a process that dies between the two
// gets the messages again, and stores each once. It is the host's OnBatch.
func (p *Pipeline) TakeBatch(ctx context.Context, source string, b pluginhost.Batch) ([]pluginhost.Refusal, error) {
	r, err := p.App.FindRecordById(records.Sources, source)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", source, err)
	}
	var refused []pluginhost.Refusal
	for _, it := range b.Items {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := p.takeItem(r, it, "")
		if problem, ok := AsProblem(err); ok && problem.Status() < 500 {
			refused = append(refused, pluginhost.Refusal{ExternalID: it.ExternalID, Why: problem.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if b.Cursor == "" || b.Cursor == r.GetString("cursor") {
		return refused, nil
	}
	// Past the hooks that follow a change of configuration.
	_, err = p.App.DB().Update(records.Sources, dbx.Params{"cursor": b.Cursor}, dbxID(source)).Execute()
	if err != nil {
		return nil, fmt.Errorf("keep the cursor of source %s: %w", source, err)
	}
	return refused, nil
}

// Cursor is where a source's stream goes on. It is the host's Cursor.
func (p *Pipeline) Cursor(_ context.Context, source string) (string, error) {
	var cursor string
	err := p.App.DB().Select("cursor").From(records.Sources).Where(dbxID(source)).Row(&cursor)
	return cursor, err
}

// TakeItems stores what a source's webhook has brought, before the sender gets
// its answer.
func (p *Pipeline) TakeItems(source *core.Record, items []pluginhost.Item, requestID string) error {
	for _, it := range items {
		if err := p.takeItem(source, it, requestID); err != nil {
			return err
		}
	}
	return nil
}

// Sample puts one message through a source, as its plugin would, and returns its
// id. It is marked, so that nobody takes it for a person's.
func (p *Pipeline) Sample(source *core.Record, requestID string) (string, error) {
	r, err := p.ingestItem(source, pluginhost.Item{
		ExternalID: "sample-" + core.GenerateDefaultRandomId(), Title: "Sample message",
		Content:  "This is a sample message. The export button does nothing when I click it.",
		AuthorID: "sample", AuthorHandle: "Sample", ContextJSON: `{"sample":true}`, Created: time.Now(),
	}, requestID)
	if err != nil {
		return "", err
	}
	return r.Id, nil
}

func (p *Pipeline) takeItem(source *core.Record, it pluginhost.Item, requestID string) error {
	_, err := p.ingestItem(source, it, requestID)
	return err
}

func (p *Pipeline) ingestItem(source *core.Record, it pluginhost.Item, requestID string) (*core.Record, error) {
	r, _, err := p.Ingest(Message{
		Project: source.GetString("project"), Source: source.GetString("slug"), ExternalID: it.ExternalID,
		Subject: it.Title, Content: it.Content, Permalink: it.Permalink, AuthorID: it.AuthorID, AuthorName: it.AuthorHandle,
		Context: contextOf(it), Attachments: it.Attachments, RequestID: requestID, fromPlugin: true,
	})
	return r, err
}

// contextOf is what a source knows of a message beside the message.
func contextOf(it pluginhost.Item) map[string]any {
	out := map[string]any{}
	if it.ContextJSON != "" {
		_ = json.Unmarshal([]byte(it.ContextJSON), &out) // the host has checked that it is an object
	}
	if it.InReplyTo != "" {
		out["in_reply_to"] = it.InReplyTo
	}
	if !it.Created.IsZero() {
		out["sent_at"] = it.Created.UTC().Format(time.RFC3339)
	}
	return out
}
