package linear

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/rest"
)

var errNoTeam = errors.New("no such team in Linear")

// nodes is a page of a list.
type nodes[T any] struct {
	Nodes    []T `json:"nodes"`
	PageInfo struct {
		HasNextPage bool   `json:"hasNextPage"`
		EndCursor   string `json:"endCursor"`
	} `json:"pageInfo"`
}

// faults are the errors in an answer. Linear sends them with 200 and with 400.
type faults []struct {
	Message    string `json:"message"`
	Extensions struct {
		Code    string `json:"code"`
		Type    string `json:"type"`
		Message string `json:"userPresentableMessage"`
	} `json:"extensions"`
}

func faultsOf(body []byte) faults {
	var answer struct {
		Errors faults `json:"errors"`
	}
	_ = json.Unmarshal(body, &answer) // another body has no errors
	return answer.Errors
}

// is reports whether one of them is of a kind; Linear names it in one of two
// places, in capitals or in words.
func (f faults) is(code string) bool {
	words := strings.ToLower(strings.ReplaceAll(code, "_", " "))
	for _, e := range f {
		if e.Extensions.Code == code || strings.EqualFold(e.Extensions.Type, words) {
			return true
		}
	}
	return false
}

func (f faults) String() string {
	var said []string
	for _, e := range f {
		text := e.Extensions.Message
		if text == "" {
			text = e.Message
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// faulty is an answer with errors.
type faulty struct{ faults }

func (f *faulty) Error() string { return "Linear says: " + rest.Short(f.String(), 300) }

func faultsIn(err error) faults {
	if f, ok := errors.AsType[*faulty](err); ok {
		return f.faults
	}
	return nil
}

// send sends one operation.
func (t *Tracker) send(ctx context.Context, query string, variables map[string]any, id string) rest.Answer {
	return t.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: "graphql", RequestID: id,
		Body: map[string]any{"query": query, "variables": variables}})
}

// ask reads something.
func (t *Tracker) ask(ctx context.Context, query string, variables map[string]any, v any) error {
	answer := t.send(ctx, query, variables, "")
	return read(answer, v)
}

// read takes the data out of an answer.
func read(answer rest.Answer, v any) error {
	if answer.Err == nil {
		if f := faultsOf(answer.Body); len(f) > 0 {
			return &faulty{f}
		}
	}
	if !answer.OK() {
		return answer.Problem()
	}
	var whole struct {
		Data json.RawMessage `json:"data"`
	}
	if err := answer.JSON(&whole); err != nil {
		return err
	}
	if len(whole.Data) == 0 || string(whole.Data) == "null" {
		return errors.New("the answer of Linear holds no data")
	}
	if err := json.Unmarshal(whole.Data, v); err != nil {
		return errors.New("the answer of Linear cannot be read")
	}
	return nil
}

// failed says what an answer to a change proves that did not confirm it.
func failed(answer rest.Answer) sdk.CreateReply {
	reply := answer.Failed()
	f := faultsOf(answer.Body)
	if answer.Err != nil || len(f) == 0 {
		return reply
	}
	reply.Message = (&faulty{f}).Error()
	switch {
	case f.is("RATELIMITED"):
		reply.Outcome, reply.RetryAfter = sdk.NotCreated, resetIn(answer.Header, time.Now())
	case f.is("AUTHENTICATION_ERROR"), f.is("FORBIDDEN"), f.is("INVALID_INPUT"), f.is("USER_ERROR"), f.is("GRAPHQL_VALIDATION_FAILED"), f.is("FEATURE_NOT_ACCESSIBLE"):
		reply.Outcome, reply.RetryAfter = sdk.Rejected, 0
	case answer.Status < 400 || answer.Status >= 500:
		reply.Outcome = sdk.Unknown
	}
	return reply
}

// resetIn reads Linear's own headers, which count in milliseconds.
func resetIn(h http.Header, now time.Time) time.Duration {
	if at, err := strconv.ParseInt(h.Get("X-RateLimit-Requests-Reset"), 10, 64); err == nil {
		return rest.Bound(time.UnixMilli(at).Sub(now))
	}
	return rest.RetryAfter(h, now)
}

const (
	pageSize = 50
	maxPages = 400 // 20,000 issues; more is an error, not a miss
)

// pages reads a list to its end. query takes $after and first gives the list of
// an answer.
func pages[D, T any](ctx context.Context, t *Tracker, query string, variables map[string]any, list func(*D) nodes[T]) ([]T, error) {
	var all []T
	for range maxPages {
		var data D
		if err := t.ask(ctx, query, variables, &data); err != nil {
			return nil, err
		}
		page := list(&data)
		all = append(all, page.Nodes...)
		if !page.PageInfo.HasNextPage || page.PageInfo.EndCursor == "" {
			return all, nil
		}
		variables["after"] = page.PageInfo.EndCursor
	}
	return nil, errors.New("more than " + strconv.Itoa(maxPages) + " pages")
}

// unique keeps the first of each.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if strings.TrimSpace(s) != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
