package llm

import (
	"errors"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// lengths is an embedding that only says how long a text is.
func lengths(s string) []float64 { return []float64{float64(len(s)), 1, 0.5} }

func withEmbeddings(dimension int) func(*Config) {
	return func(c *Config) {
		c.Registry.Embed, c.Registry.Dimension = Model{Name: "e-1", PriceIn: 0.5}, dimension
	}
}

func TestTextsAreEmbeddedInTheirOrder(t *testing.T) {
	t.Parallel()
	message, canaries := llmtest.Secrets()
	for _, kind := range []string{OpenAI, Azure, Ollama, Compatible} {
		s := llmtest.Start(t)
		s.Embed(lengths)
		e := newEngine(t, s, withEmbeddings(3), func(c *Config) {
			c.Registry.Endpoint.Kind = kind
			if kind == Azure {
				c.Registry.Endpoint.URL = strings.TrimSuffix(s.URL, "/v1")
			}
		})
		account := triage.Account{Project: "p", Source: "s"}
		v, call, err := e.Embed(t.Context(), account, []string{"short", message, strings.Repeat("ü", 20_000)})
		if err != nil || len(v) != 3 || v[0][0] != 5 || len(v[1]) != 3 || call == nil || call.Outcome != "ok" || call.Cost == 0 {
			t.Fatalf("%s: %v, call %+v, %v", kind, v, call, err)
		}
		r := s.Requests()[0]
		if r.Path != "/embeddings" || r.Model != "e-1" || !strings.Contains(r.Body, `"dimensions":3`) {
			t.Errorf("%s: request %s %s %.200s", kind, r.Path, r.Model, r.Body)
		}
		for _, c := range canaries {
			if strings.Contains(r.Body, c) {
				t.Errorf("%s: %q left the host", kind, c)
			}
		}
		if n := len([]rune(r.Inputs[2])); n > maxText {
			t.Errorf("%s: %d characters were sent", kind, n)
		}
		if tokens, cost := e.Used("p", "s"); tokens != call.TokensIn || cost != call.Cost {
			t.Errorf("%s: %d tokens, %v in money are booked of %+v", kind, tokens, cost, call)
		}
	}
}

func TestEmbeddingsOfTheWrongLengthAreSaidSo(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	e := newEngine(t, s, withEmbeddings(4))
	if _, call, err := e.Embed(t.Context(), triage.Account{}, []string{"a"}); err == nil || call == nil || call.Outcome != "status 404" {
		t.Errorf("no such model: %v, %+v", err, call)
	}
	s.Embed(lengths)
	e = newEngine(t, s, withEmbeddings(4))
	_, call, err := e.Embed(t.Context(), triage.Account{}, []string{"a"})
	if !errors.Is(err, ErrDimension) || !strings.Contains(err.Error(), "3 numbers, not 4") || call.Outcome != "embeddings of another dimension than configured" {
		t.Errorf("wrong length: %v, %+v", err, call)
	}
	if got := e.State().LastError; got != call.Outcome {
		t.Errorf("last error = %q", got)
	}
	e = newEngine(t, s, withEmbeddings(0), func(c *Config) { c.Tokens = 1 })
	if _, call, err := e.Embed(t.Context(), triage.Account{}, []string{strings.Repeat("a", 100)}); !errors.Is(err, triage.ErrBudget) || call != nil {
		t.Errorf("without a budget: %v, %+v", err, call)
	}
	s.Embed(func(string) []float64 { return []float64{} })
	e = newEngine(t, s, withEmbeddings(0))
	for range 6 {
		if _, _, err := e.Embed(t.Context(), triage.Account{}, []string{"a"}); !errors.Is(err, ErrDimension) {
			t.Errorf("an empty embedding: %v", err)
		}
	}
	if got := e.State().Breaker; got != guard.Closed {
		t.Errorf("breaker %s: judging must go on", got)
	}
}
