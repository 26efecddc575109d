package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// serveRun is the plugin's end of Run: one stream, on which batches go out and
// results come back.
func serveRun(source Runner, stream pb.Source_RunServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	r := &running{stream: stream, waiting: make(map[int64]chan *pb.BatchResult)}
	go func() { cancel(r.listen()) }()
	err = source.Run(ctx, first.GetStart().GetCursor(), func(ctx context.Context, b Batch) error {
		return r.store(ctx, b)
	})
	if errors.Is(err, context.Canceled) && stream.Context().Err() == nil {
		return context.Cause(ctx)
	}
	return err
}

// running is a stream of Run in the plugin.
type running struct {
	stream pb.Source_RunServer

	mu      sync.Mutex
	seq     int64
	waiting map[int64]chan *pb.BatchResult
	ended   error
}

// listen hands out results until the stream ends.
func (r *running) listen() error {
	for {
		m, err := r.stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the host has ended the stream")
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ended = err
			for _, c := range r.waiting {
				close(c)
			}
			r.waiting = nil
			return err
		}
		r.mu.Lock()
		c := r.waiting[m.GetResult().GetSeq()]
		delete(r.waiting, m.GetResult().GetSeq())
		r.mu.Unlock()
		if c != nil {
			c <- m.GetResult()
		}
	}
}

// store sends a batch until the host has it.
func (r *running) store(ctx context.Context, b Batch) error {
	if len(b.Items) > MaxBatch {
		return fmt.Errorf("a batch of %d items, at most %d are taken", len(b.Items), MaxBatch)
	}
	message := &pb.Batch{Items: itemsToWire(b.Items), Cursor: utf8(b.Cursor)}
	for {
		result, err := r.send(ctx, message)
		if err != nil {
			return err
		}
		if result.GetStored() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(millis(result.GetRetryAfterMs()), time.Second)):
		}
	}
}

// send sends a batch once and waits for what the host says.
func (r *running) send(ctx context.Context, message *pb.Batch) (*pb.BatchResult, error) {
	c := make(chan *pb.BatchResult, 1)
	r.mu.Lock()
	if r.waiting == nil {
		defer r.mu.Unlock()
		return nil, r.ended
	}
	r.seq++
	message.Seq = r.seq
	r.waiting[r.seq] = c
	err := r.stream.Send(message)
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case result, ok := <-c:
		if !ok {
			r.mu.Lock()
			defer r.mu.Unlock()
			return nil, r.ended
		}
		return result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Run reads a source's stream until ctx or the stream ends. It gives every
// batch to store, one at a time, and tells the plugin how it went. An error of
// store that has a method RetryAfter() time.Duration names the wait.
func (c *Client) Run(ctx context.Context, cursor string, store Store) error {
	stream, err := c.source.Run(ctx)
	if err != nil {
		return err
	}
	start := &pb.RunRequest{Message: &pb.RunRequest_Start{Start: &pb.RunStart{Cursor: utf8(cursor)}}}
	if err := send(stream, start); err != nil {
		return err
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		result := &pb.BatchResult{Seq: m.Seq, Stored: true}
		if err := store(ctx, Batch{Items: itemsFromWire(m.Items), Cursor: m.Cursor}); err != nil {
			result.Stored, result.Error = false, utf8(err.Error())
			var wait interface{ RetryAfter() time.Duration }
			if errors.As(err, &wait) {
				result.RetryAfterMs = wait.RetryAfter().Milliseconds()
			}
		}
		if err := send(stream, &pb.RunRequest{Message: &pb.RunRequest_Result{Result: result}}); err != nil {
			return err
		}
	}
}

// send sends on a stream that may have ended: why it has ended is what the next
// Recv tells.
func send(stream pb.Source_RunClient, m *pb.RunRequest) error {
	if err := stream.Send(m); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
