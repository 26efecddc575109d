package sdk_test

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// pager is a complete source: it takes {"id":"…","text":"…"} from a service
// that sends a shared key along.
type pager struct {
	Key string `json:"key"`
}

func (p *pager) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name: "pager", Kind: sdk.KindSource, Version: "0.1.0",
		Description:  "Takes what people answer to a page.",
		ConfigSchema: `{"type":"object","required":["key"],"properties":{"key":{"type":"string","secret":true,"minLength":16}}}`,
	}
}

func (p *pager) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic { return c.Decode(p) }

func (p *pager) Check(context.Context) sdk.Health {
	return sdk.Health{OK: true, Detail: "Waiting for requests."}
}

func (p *pager) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if subtle.ConstantTimeCompare([]byte(req.Header.Get("X-Pager-Key")), []byte(p.Key)) != 1 {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	var m struct{ ID, Text string }
	if err := json.Unmarshal(req.Body, &m); err != nil || m.ID == "" || m.Text == "" {
		return sdk.WebhookReply{Status: http.StatusBadRequest, Body: []byte("id and text are needed\n")}, nil
	}
	return sdk.WebhookReply{
		Status: http.StatusOK,
		Items:  []sdk.Item{{ExternalID: m.ID, Content: m.Text}},
	}, nil
}

// A whole plugin is one type and one call.
func ExampleServe() {
	sdk.Serve(&pager{})
}
