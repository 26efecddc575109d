package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"sync"

	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	atOnce       = 64      // events that are being stored; Slack sends again what is not acknowledged
	largestFrame = 1 << 20 // bytes of one event
)

// listen holds a Socket Mode connection open. An event is acknowledged when what
// it brought is stored, and not before.
func (d *desk) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	socket := socketmode.New(d.client, socketmode.OptionReadLimit(largestFrame), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ended := make(chan error, 1)
	go func() { ended <- socket.RunContext(ctx) }()
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case err := <-ended:
			cancel()
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return err
			}
			return fmt.Errorf("closed by Slack: %s", reason(err))
		case e := <-socket.Events:
			req, ok := d.envelope(e)
			if !ok {
				continue
			}
			select {
			case places <- struct{}{}:
			default:
				continue // not acknowledged: Slack sends it again
			}
			all.Go(func() {
				defer func() { <-places }()
				if d.take(ctx, req.Payload) {
					_ = socket.AckCtx(ctx, req.EnvelopeID, nil) // what is not acknowledged comes again
				}
			})
		}
	}
}

// envelope is the raw request of an event. Events that the library cannot read
// are read here all the same.
func (d *desk) envelope(e socketmode.Event) (socketmode.Request, bool) {
	switch e.Type {
	case socketmode.EventTypeConnected:
		d.connected(true)
	case socketmode.EventTypeConnectionError:
		d.connected(false)
		if failed, ok := e.Data.(*api.ConnectionErrorEvent); ok {
			slog.Warn("slack socket mode", "err", reason(failed.ErrorObj))
		}
	case socketmode.EventTypeErrorBadMessage:
		bad, ok := e.Data.(*socketmode.ErrorBadMessage)
		var req socketmode.Request
		if ok && json.Unmarshal(bad.Message, &req) == nil && req.EnvelopeID != "" {
			return req, true
		}
	default:
		if e.Request != nil && e.Request.EnvelopeID != "" {
			return *e.Request, true
		}
	}
	return socketmode.Request{}, false
}

// take stores what an event brings, and says whether it is done with.
func (d *desk) take(ctx context.Context, body json.RawMessage) bool {
	n, err := d.read(body)
	switch {
	case err != nil:
		return true // it will be no better the next time
	case n.mark != nil:
		return d.note(ctx, *n.mark) == nil
	case n.item != nil:
		if d.store(ctx, sdk.Batch{Items: []sdk.Item{*n.item}}) != nil {
			return false
		}
		d.later(n)
	}
	return true
}
