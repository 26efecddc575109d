package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// sink is where imported messages go. The error is about one message, unless
// it wraps errSink: then going on is pointless.
type sink interface {
	put(ctx context.Context, m pipeline.Message) (isNew bool, err error)
	Close() error
}

var errSink = errors.New("import stopped")

// dry stores nothing.
type dry struct{}

func (dry) put(context.Context, pipeline.Message) (bool, error) { return true, nil }

// Close does nothing.
func (dry) Close() error { return nil }

// direct writes into the data directory, which no server holds meanwhile. The
// jobs wait for the next start.
type direct struct {
	s       *Server
	project string
}

func newDirect(ctx context.Context, o Options, project string) (*direct, error) {
	s, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	p, err := records.ProjectBySlug(s.App, project)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("no project %q", project), s.Close(ctx))
	}
	return &direct{s: s, project: p.Id}, nil
}

func (d *direct) put(_ context.Context, m pipeline.Message) (bool, error) {
	m.Project = d.project
	_, isNew, err := d.s.Pipeline.Ingest(m)
	if problem, ok := pipeline.AsProblem(err); ok && problem.Code == pipeline.OtherMessage {
		return false, nil // a row is known by its id
	}
	return isNew, err
}

// Close gives the data directory back.
func (d *direct) Close() error { return d.s.Close(context.Background()) }

// remote posts to a running server.
type remote struct{ url, key, project string }

func (r *remote) put(ctx context.Context, m pipeline.Message) (bool, error) {
	body := map[string]any{"content": m.Content, "source": m.Source, "external_id": m.ExternalID, "title": m.Subject,
		"user_id": m.AuthorID, "permalink": m.Permalink}
	if r.project != "" {
		body["project"] = r.project
	}
	if extra, ok := m.Context.(map[string]any); ok {
		for k, v := range extra {
			if _, taken := body[k]; !taken {
				body[k] = v
			}
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	for {
		isNew, wait, err := r.post(ctx, raw)
		if wait == 0 {
			return isNew, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, fmt.Errorf("%w: %w", errSink, ctx.Err())
		}
	}
}

// post sends one message; wait is positive when it is to be sent again then.
func (r *remote) post(ctx context.Context, raw []byte) (isNew bool, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/api/feedback", bytes.NewReader(raw))
	if err != nil {
		return false, 0, fmt.Errorf("%w: %w", errSink, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", r.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, 0, fmt.Errorf("%w: %w", errSink, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return false, 0, fmt.Errorf("%w: %w", errSink, err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return res.Header.Get("X-Feedback-Known") == "", 0, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after, ok := guard.ParseRetryAfter(res.Header.Get("Retry-After"), time.Now())
		if !ok || after == 0 {
			after = time.Second
		}
		return false, after, nil
	}
	var problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(answer, &problem) // not ours, then the status has to do
	if problem.Code == pipeline.OtherMessage {
		return false, 0, nil // a row is known by its id
	}
	err = fmt.Errorf("HTTP %d: %s", res.StatusCode, problem.Message)
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusNotFound {
		err = fmt.Errorf("%w: %w", errSink, err)
	}
	return false, 0, err
}

// Close does nothing; the server keeps what it took.
func (r *remote) Close() error { return nil }
