package api

import (
	"context"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// webhookLimit is the largest webhook body; a plugin takes no larger message.
const webhookLimit = 2 << 20

// webhookDeadline is what a sender waits at most; Slack and Discord allow 3 s.
const webhookDeadline = 2500 * time.Millisecond

// webhookRate is how often one address may send: 600 a minute. A service sends
// for all its users from a few addresses.
var webhookRate = guard.Limit{Burst: 600, Every: 100 * time.Millisecond}

// mostAsking is how many requests wait for plugins at once.
const mostAsking = 64

// webhook is /webhooks/{source}: the raw request goes to the source's plugin,
// what it brings is stored, and only then the plugin's answer is given.
func (a *API) webhook(e *core.RequestEvent) error {
	if err := a.take("webhook:"+guard.AddrKey(e.RealIP()), webhookRate); err != nil {
		return err
	}
	source, err := records.SourceBySlug(e.App, e.Request.PathValue("source"))
	if err != nil || !source.GetBool("enabled") {
		return pipeline.Fault(pipeline.NoSource, "There is no enabled source of this name.")
	}
	raw, err := readBody(e, webhookLimit)
	if err != nil {
		return err
	}
	reply, err := a.askSource(e, source, raw)
	if err != nil {
		return err
	}
	if len(reply.Items) > 0 {
		leave, err := enter(a.slots)
		if err != nil {
			return err
		}
		err = a.p.TakeItems(source, reply.Items, requestID(e))
		leave()
		if err != nil {
			return err
		}
	}
	return answerSender(e, reply.Status, reply.Header, reply.Body)
}

// trackerWebhook is /webhooks/trackers/{id}: the raw request goes to the
// tracker's plugin, what it says has changed is followed, and only then its
// answer is given.
func (a *API) trackerWebhook(e *core.RequestEvent) error {
	if err := a.take("webhook:"+guard.AddrKey(e.RealIP()), webhookRate); err != nil {
		return err
	}
	tracker, err := e.App.FindRecordById(records.Trackers, e.Request.PathValue("id"))
	if err != nil || !tracker.GetBool("enabled") {
		return pipeline.Fault(pipeline.NoInstance, "There is no enabled tracker with this id.")
	}
	raw, err := readBody(e, webhookLimit)
	if err != nil {
		return err
	}
	leave, err := enter(a.asking)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), webhookDeadline)
	defer cancel()
	reply, err := a.p.AskTracker(ctx, tracker, request(e, raw), requestID(e))
	leave()
	if err != nil {
		return err
	}
	if len(reply.Changes) > 0 {
		leave, err := enter(a.slots)
		if err != nil {
			return err
		}
		err = a.p.TakeChanges(tracker, reply.Changes)
		leave()
		if err != nil {
			return err
		}
	}
	return answerSender(e, reply.Status, reply.Header, reply.Body)
}

// request is a request as a plugin sees it.
func request(e *core.RequestEvent, raw []byte) pipeline.WebhookRequest {
	return pipeline.WebhookRequest{
		Method: e.Request.Method, Path: e.Request.PathValue("path"), RawQuery: e.Request.URL.RawQuery,
		Header: e.Request.Header, Body: raw, RemoteAddr: e.RealIP(),
	}
}

// answerSender gives a plugin's answer to the sender of a webhook.
func answerSender(e *core.RequestEvent, status int, header http.Header, body []byte) error {
	for name, values := range header {
		for _, v := range values {
			e.Response.Header().Add(name, v)
		}
	}
	if len(body) == 0 {
		return e.NoContent(status)
	}
	kind := header.Get("Content-Type")
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	return e.Blob(status, kind, body)
}

// askSource calls the plugin. It has places of its own: anybody may send, and
// a plugin that is slow must not keep messages from other doors out.
func (a *API) askSource(e *core.RequestEvent, source *core.Record, raw []byte) (pipeline.WebhookReply, error) {
	leave, err := enter(a.asking)
	if err != nil {
		return pipeline.WebhookReply{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), webhookDeadline)
	defer cancel()
	return a.p.AskSource(ctx, source, request(e, raw), requestID(e))
}
