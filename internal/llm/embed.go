package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Embeds names the model that makes embeddings and the length they have; "" when
// none is configured, 0 when the length is the model's own.
func (e *Engine) Embeds() (model string, dimension int) {
	return e.cfg.Registry.Embed.Name, e.cfg.Registry.Dimension
}

// embedTimeout is how long a message waits for its embedding.
const embedTimeout = 10 * time.Second

// Embed turns texts into vectors of one length, in one call and without a second
// try: nothing depends on it. What is sensitive in them does not leave the host.
// The call is there for the ledger when one was made.
func (e *Engine) Embed(ctx context.Context, a triage.Account, texts []string) ([][]float32, *triage.Call, error) {
	model := e.cfg.Registry.Embed
	ctx, cancel := context.WithTimeout(ctx, min(e.cfg.Timeout, embedTimeout))
	defer cancel()
	sent, size := make([]string, len(texts)), 0
	for i, s := range texts {
		sent[i] = cut(newRedactor(s).redact(s), maxText)
		size += len(sent[i])
	}
	var out [][]float32
	var made *triage.Call
	err := e.guarded(ctx, spending{a, model, size / bytesPerToken, 0, e.embedBreaker}, func(ctx context.Context) (int, int, error) {
		start := time.Now()
		e.calls.Add(1)
		vectors, tokens, err := e.embed(ctx, sent)
		var status *statusError
		if err != nil && !errors.As(err, &status) && !errors.Is(err, ErrDimension) {
			tokens = size / bytesPerToken // sent, and perhaps charged
		}
		made = &triage.Call{Model: model.Name, Kind: e.cfg.Registry.Endpoint.Kind, Mode: "embed", Attempt: 1,
			TokensIn: tokens, Cost: model.cost(tokens, 0), Took: time.Since(start), Outcome: "ok"}
		if err != nil {
			made.Outcome = outcomeOf(ctx, err)
			e.failedWith(made.Outcome)
		}
		switch {
		case errors.Is(err, ErrDimension):
			err = guard.Permanent(guard.Ignore(err))
		case errors.As(err, &status):
			err = status.mark(e.cfg.Busy) // what is wrong with this model stops no judgement
		}
		out = vectors
		return tokens, 0, err
	})
	return out, made, err
}

// ErrDimension says that the embeddings have another length than configured, or
// cannot be told apart.
var ErrDimension = errors.New("the embeddings do not have the configured dimension")

// embed makes one request.
func (c *client) embed(ctx context.Context, texts []string) (vectors [][]float32, tokens int, err error) {
	p := openai.EmbeddingNewParams{Model: c.registry.Embed.Name, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts},
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat}
	if c.registry.Dimension > 0 {
		p.Dimensions = param.NewOpt(int64(c.registry.Dimension))
	}
	res, err := c.embeddings.New(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	tokens = int(res.Usage.PromptTokens)
	if len(res.Data) != len(texts) {
		return nil, tokens, fmt.Errorf("%d embeddings for %d texts", len(res.Data), len(texts))
	}
	vectors = make([][]float32, len(texts))
	for _, d := range res.Data {
		if d.Index < 0 || int(d.Index) >= len(texts) || vectors[d.Index] != nil {
			return nil, tokens, errors.New("embeddings without an order")
		}
		want := c.registry.Dimension
		if want == 0 {
			want = len(res.Data[0].Embedding)
		}
		if len(d.Embedding) == 0 || len(d.Embedding) != want {
			return nil, tokens, fmt.Errorf("%w: %d numbers, not %d", ErrDimension, len(d.Embedding), want)
		}
		v := make([]float32, want)
		for i, x := range d.Embedding {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, tokens, errors.New("an embedding with no numbers")
			}
			v[i] = float32(x)
		}
		vectors[d.Index] = v
	}
	return vectors, tokens, nil
}
