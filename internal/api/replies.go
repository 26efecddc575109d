package api

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// bindReplies adds the routes by which people are told something.
func (a *API) bindReplies(r *router.Router[*core.RequestEvent]) {
	r.POST("/api/feedback/{id}/reply", a.reply)
	r.POST("/api/replies/{id}/retry", a.resend)
	r.GET("/api/issues/{id}/notify", a.preview)
	r.POST("/api/issues/{id}/notify", a.notify)
}

// reply is POST /api/feedback/{id}/reply.
func (a *API) reply(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Kind pipeline.ReplyKind `json:"kind"`
		Text string             `json:"text"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	r, err := a.p.Answer(e.Request.PathValue("id"), body.Kind, body.Text, pipeline.Act{By: caller(e), RequestID: requestID(e)})
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"reply": r.Id})
}

// resend is POST /api/replies/{id}/retry.
func (a *API) resend(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	r, err := a.p.Resend(e.Request.PathValue("id"), pipeline.Act{By: caller(e), RequestID: requestID(e)})
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"reply": r.Id, "state": r.GetString("state")})
}

// preview is GET /api/issues/{id}/notify: whom a notice would reach.
func (a *API) preview(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	n, err := a.p.Preview(e.Request.PathValue("id"), pipeline.ReplyKind(e.Request.URL.Query().Get("kind")), pipeline.Act{By: caller(e)})
	if err != nil {
		return err
	}
	type reporter struct {
		ID     string `json:"id"`
		Handle string `json:"handle"`
		Source string `json:"source"`
	}
	list := []reporter{}
	for _, r := range n.Reporters {
		list = append(list, reporter{r.Reporter, r.Handle, r.Source})
	}
	return e.JSON(http.StatusOK, map[string]any{"n": n.Count, "silent": n.Silent, "reporters": list, "text": n.Text})
}

// notify is POST /api/issues/{id}/notify.
func (a *API) notify(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Kind pipeline.ReplyKind `json:"kind"`
		Text string             `json:"text"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	n, err := a.p.Notify(e.Request.PathValue("id"), body.Kind, body.Text, pipeline.Act{By: caller(e), RequestID: requestID(e)})
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"n": n})
}
