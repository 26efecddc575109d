package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// How embeddings are used: they put the similar issues that are suggested, and
// offered to the model, into another order. They join nothing.
const (
	meaningHits  = 40        // messages found by their words that are ordered by meaning too
	meaningShare = 0.5       // of a suggestion's place that the meaning decides; not measured, see docs/llm.md
	meaningFloor = 0.10      // lowest score by words of such a suggestion
	embedBatch   = 32        // messages in one call, when old ones are embedded anew
	embedRest    = time.Hour // between two looks through all messages
	embedPause   = time.Minute
)

// embeds reports whether messages are embedded.
func (p *Pipeline) embeds() (model string, dimension int, ok bool) {
	if p.Model == nil {
		return "", 0, false
	}
	model, dimension = p.Model.Embeds()
	return model, dimension, model != ""
}

// embed stores the embedding of a message that has none of the current model. A
// failure costs nothing but the order of suggestions; embedEvery comes back to it.
func (p *Pipeline) embed(ctx context.Context, r *core.Record, t trial) error {
	model, dimension, ok := p.embeds()
	if !ok || r.GetInt("thoughts") > 0 {
		return nil
	}
	if have, err := p.embedded(model, dimension, r.Id); err != nil || have[r.Id] != nil {
		return err
	}
	if err := p.embedAll(ctx, []*core.Record{r}, t.requestID); err != nil {
		p.Log.Debug("message not embedded", "feedback", r.Id, "err", err)
	}
	return nil
}

// embedAll embeds messages of one account in one call.
func (p *Pipeline) embedAll(ctx context.Context, rs []*core.Record, requestID string) error {
	settings, _, err := p.read(p.App, rs[0].GetString("project"))
	if err != nil {
		return err
	}
	account, err := p.account(rs[0], settings)
	if err != nil {
		return err
	}
	texts := make([]string, len(rs))
	for i, r := range rs {
		texts[i] = strings.TrimSpace(r.GetString("subject") + "\n" + r.GetString("content"))
	}
	vectors, call, err := p.Model.Embed(ctx, account, texts)
	if call == nil {
		return err
	}
	model, _ := p.Model.Embeds()
	return errors.Join(err, p.App.RunInTransaction(func(tx core.App) error {
		if err := records.AppendUsage(tx, account, rs[0].Id, requestID, *call); err != nil {
			return err
		}
		for i, v := range vectors {
			data := vector.Pack(v)
			if data == nil {
				continue
			}
			_, err := tx.DB().NewQuery(`INSERT INTO embeddings (id, model, dimension, data) SELECT {:id}, {:m}, {:n}, {:data}
				WHERE EXISTS (SELECT 1 FROM feedback WHERE id = {:id})
				ON CONFLICT (id) DO UPDATE SET model = excluded.model, dimension = excluded.dimension, data = excluded.data`).
				Bind(dbx.Params{"id": rs[i].Id, "m": model, "n": len(v), "data": data}).Execute()
			if err != nil {
				return fmt.Errorf("store embedding: %w", err)
			}
		}
		return nil
	}))
}

// embedded reads the embeddings of messages that the current model made.
func (p *Pipeline) embedded(model string, dimension int, ids ...any) (map[string][]byte, error) {
	var rows []struct {
		ID   string `db:"id"`
		Data []byte `db:"data"`
	}
	where := dbx.And(dbx.In("id", ids...), dbx.HashExp{"model": model})
	if dimension > 0 {
		where = dbx.And(where, dbx.HashExp{"dimension": dimension})
	}
	if err := p.App.DB().Select("id", "data").From("embeddings").Where(where).All(&rows); err != nil {
		return nil, fmt.Errorf("read embeddings: %w", err)
	}
	out := make(map[string][]byte, len(rows))
	for _, r := range rows {
		out[r.ID] = r.Data
	}
	return out, nil
}

// byMeaning puts hits into the order of their words and their meaning together.
// Without an embedding of the message it changes nothing.
func (p *Pipeline) byMeaning(id string, hits []vector.Hit) ([]vector.Hit, bool, error) {
	model, dimension, ok := p.embeds()
	if !ok || len(hits) == 0 {
		return hits, false, nil
	}
	ids := []any{id}
	for _, h := range hits {
		ids = append(ids, messageOf(h.ID))
	}
	have, err := p.embedded(model, dimension, ids...)
	if err != nil || have[id] == nil {
		return hits, false, err
	}
	place := make(map[string]float64, len(hits))
	for _, h := range hits {
		place[h.ID] = (1-meaningShare)*h.Score + meaningShare*vector.Cosine(have[id], have[messageOf(h.ID)])
	}
	out := slices.Clone(hits)
	slices.SortStableFunc(out, func(a, b vector.Hit) int { return cmp.Compare(place[b.ID], place[a.ID]) })
	return out, true, nil
}

// embedEvery embeds the messages that have no embedding of the current model:
// after the model was changed, or when it could not be asked. Whole batches, one
// after the other, as far as the budget goes.
func (p *Pipeline) embedEvery(ctx context.Context) {
	if _, _, ok := p.embeds(); !ok {
		return
	}
	cursor := ""
	for {
		pause := p.Sweep
		next, err := p.embedMissing(ctx, cursor)
		switch {
		case err != nil && ctx.Err() == nil:
			p.Log.Warn("messages not embedded", "err", err)
			pause = embedPause
		case next == "":
			pause = embedRest
			fallthrough
		default:
			cursor = next
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// embedMissing embeds the next few messages after cursor, and returns where to go
// on; empty at the end.
func (p *Pipeline) embedMissing(ctx context.Context, cursor string) (string, error) {
	model, dimension, _ := p.embeds()
	var ids []string
	err := p.App.DB().NewQuery(`SELECT v.id FROM vectors v LEFT JOIN embeddings e ON e.id = v.id AND e.model = {:m} AND ({:n} = 0 OR e.dimension = {:n})
		WHERE v.id > {:c} AND e.id IS NULL AND v.id NOT LIKE '%/t' ORDER BY v.id LIMIT {:most}`).
		Bind(dbx.Params{"m": model, "n": dimension, "c": cursor, "most": embedBatch}).Column(&ids)
	if err != nil || len(ids) == 0 {
		return "", wrap("look for messages to embed", err)
	}
	rs, err := p.App.FindRecordsByIds(records.Feedback, ids)
	if err != nil {
		return cursor, err
	}
	groups := map[triage.Account][]*core.Record{}
	for _, r := range rs {
		if !p.expectsModel(r) {
			continue
		}
		account, err := p.account(r, records.Settings{})
		if err != nil {
			return cursor, err
		}
		groups[account] = append(groups[account], r)
	}
	for _, group := range groups {
		if err := p.embedAll(ctx, group, ""); err != nil {
			return cursor, err
		}
	}
	return ids[len(ids)-1], nil
}
