package api

import (
	"context"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// webhookLimit is the largest webhook body; a plugin takes no larger message.
const webhookLimit = 2 << 20

// webhookDeadline is what a sender waits at most; Slack and Discord allow 3 s.
const webhookDeadline = 2500 * time.Millisecond

// webhook is /webhooks/{source}: the raw request goes to the source's plugin,
// what it brings is stored, and only then the plugin's answer is given.
func (a *API) webhook(e *core.RequestEvent) error {
	source, err := e.App.FindFirstRecordByFilter(records.Sources, "(slug = {:s} || id = {:s}) && enabled = true",
		dbx.Params{"s": e.Request.PathValue("source")})
	if err != nil {
		return pipeline.Fault(pipeline.NoSource, "There is no enabled source of this name.")
	}
	raw, err := readBody(e, webhookLimit)
	if err != nil {
		return err
	}
	leave, err := a.enter()
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), webhookDeadline)
	defer cancel()
	reply, err := a.p.TakeWebhook(ctx, source, pipeline.WebhookRequest{
		Method: e.Request.Method, Path: e.Request.PathValue("path"), RawQuery: e.Request.URL.RawQuery,
		Header: e.Request.Header, Body: raw, RemoteAddr: e.RealIP(),
	}, requestID(e))
	if err != nil {
		return err
	}
	for name, values := range reply.Header {
		for _, v := range values {
			e.Response.Header().Add(name, v)
		}
	}
	if len(reply.Body) == 0 {
		return e.NoContent(reply.Status)
	}
	kind := reply.Header.Get("Content-Type")
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	return e.Blob(reply.Status, kind, reply.Body)
}
