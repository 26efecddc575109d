package api

import (
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// createsFeedback recognises the route on which PocketBase creates feedback
// records. It takes a collection's name in any case, and its id.
func createsFeedback(e *core.RequestEvent) bool {
	name := e.Request.PathValue("collection")
	if name == "" || !strings.HasSuffix(strings.TrimSuffix(e.Request.URL.Path, "/"), "/records") {
		return false
	}
	c, err := e.App.FindCachedCollectionByNameOrId(name)
	return err == nil && c.Name == records.Feedback
}

// ingestKey lets a request with an ingest key act as that key, on the two
// routes that take feedback and nowhere else. PocketBase's rules then see the
// key as @request.auth.
func (a *API) ingestKey() *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{
		Id:       "iterateswarmIngestKey",
		Priority: apis.DefaultLoadAuthTokenMiddlewarePriority + 2,
		Func: func(e *core.RequestEvent) error {
			path := strings.TrimSuffix(e.Request.URL.Path, "/")
			toRecords := createsFeedback(e)
			if e.Request.Method != http.MethodPost || (path != "/api/feedback" && !toRecords) {
				return e.Next()
			}
			if key := givenKey(e.Request); key != "" {
				r, err := e.App.FindFirstRecordByFilter(records.Keys, "hash = {:h} && disabled = false", dbx.Params{"h": records.KeyHash(key)})
				if err != nil {
					return pipeline.Fault(pipeline.BadKey, "This ingest key is unknown or disabled.")
				}
				e.Auth = r
			}
			if toRecords {
				if e.Auth != nil && e.Auth.Collection().Name == records.Keys && e.Auth.GetBool("public") {
					return pipeline.Fault(pipeline.BadKey, "A public key posts to /api/feedback only.")
				}
				if err := a.guardRecords(e); err != nil {
					return err
				}
				leave, err := enter(a.slots)
				if err != nil {
					return err
				}
				defer leave()
			}
			return e.Next()
		},
	}
}

// recordTexts are the fields of a feedback record that a caller sets and that
// are texts.
var recordTexts = []string{"content", "source", "user_id", "user_name", "subject", "external_id", "permalink", "project"}

// guardRecords holds a create through the records API to what POST
// /api/feedback asks of a message: the rate of the caller and clean JSON.
func (a *API) guardRecords(e *core.RequestEvent) error {
	if e.Auth != nil { // an anonymous caller is refused by the rule
		bucket, limit := "user:"+e.Auth.Id, guard.Limit{}
		if e.Auth.Collection().Name == records.Keys {
			bucket, limit = keyBucket(e.Auth)
		}
		if err := a.take(bucket, limit); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(e.Request.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	raw, err := readBody(e, bodyLimit)
	if err != nil {
		return err
	}
	body, err := jsonObject(raw)
	if err != nil {
		return err
	}
	for _, f := range recordTexts { // PocketBase would make a text of a number
		if _, isText := body[f].(string); !isText && body[f] != nil {
			return pipeline.Fault(pipeline.BadType, "%s must be a text.", f).At(f)
		}
	}
	e.Request.Body = replay(raw)
	return nil
}

func givenKey(r *http.Request) string {
	if k := r.Header.Get("X-API-Key"); k != "" {
		return k
	}
	if k, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && strings.HasPrefix(k, "isk_") {
		return k
	}
	// A page of another origin sends no header of its own; a public key is no secret.
	if k := r.URL.Query().Get("key"); strings.HasPrefix(k, records.PublicPrefix) {
		return k
	}
	return ""
}
