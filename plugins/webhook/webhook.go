// Package webhook is the source for everything that can send an HTTP request:
// a form, a script, another product. Requests are signed as the Standard
// Webhooks specification says, version 1.0 (standardwebhooks.com):
//
//	webhook-id: msg_2f…                    names the message; a repeat is stored once
//	webhook-timestamp: 1767323045          seconds since 1970, at most 5 minutes off
//	webhook-signature: v1,BASE64 v1,BASE64 HMAC-SHA256 of "id.timestamp.body"
//
// The body is a JSON object, {"content": "…"} or {"type": "…", "data":
// {"content": "…"}}, with the optional fields title, user_id, user_name,
// external_id, permalink and source beside content.
package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["secrets"],
  "properties": {
    "secrets": {
      "type": "array", "title": "Signing secrets", "secret": true,
      "items": {"type": "string", "maxLength": 200},
      "description": "Each is whsec_ and 24 to 64 random bytes in base64. List the new one beside the old one to change it."
    }
  }
}`

// Source is the plugin. Its methods may be called at once.
type Source struct {
	now  func() time.Time
	keys [][]byte
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:         "webhook",
		Kind:         sdk.KindSource,
		Version:      "1.0.0",
		Description:  "Takes feedback from anything that can send a signed HTTP request (Standard Webhooks).",
		ConfigSchema: schema,
	}
}

// Configure decodes the secrets.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	var conf struct {
		Secrets []string `json:"secrets"`
	}
	wrong := c.Decode(&conf)
	if len(wrong) == 0 && len(conf.Secrets) == 0 {
		wrong = append(wrong, sdk.Wrong("secrets", "is empty"))
	}
	var keys [][]byte
	for i, secret := range conf.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 24 || len(key) > 64 {
			d := sdk.Wrong("secrets", "has at position %d no secret of 24 to 64 bytes in base64", i+1)
			d.Detail = `This makes one: echo "whsec_$(openssl rand -base64 32)".`
			wrong = append(wrong, d)
		}
		keys = append(keys, key)
	}
	if len(wrong) > 0 {
		return wrong
	}
	s.keys = keys
	return nil
}

// Check has nobody to ask.
func (s *Source) Check(context.Context) sdk.Health {
	return sdk.Health{OK: true, Detail: fmt.Sprintf("Waiting for requests, with %d signing secrets.", len(s.keys))}
}

// HandleWebhook answers 401 with an empty body to every request whose signature
// is not in order, whatever the reason; 400 with a sentence to a signed request
// that holds no feedback; and 200 to the rest, with one item.
func (s *Source) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if req.Method != http.MethodPost {
		return sdk.WebhookReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"POST"}}}, nil
	}
	signed, ok := verify(s.keys, req.Header, req.Body, s.now())
	if !ok {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	if e := req.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return refuse(http.StatusUnsupportedMediaType, "", "The body is compressed; send it as it is."), nil
	}
	item, wrong := parse(req.Body)
	if wrong != nil {
		return refuse(wrong.status, wrong.field, wrong.message), nil
	}
	if item.ExternalID == "" {
		item.ExternalID = signed.id
	}
	item.Created = signed.at
	return answer(http.StatusOK, map[string]string{"external_id": item.ExternalID}, item), nil
}

func refuse(status int, field, message string) sdk.WebhookReply {
	body := map[string]string{"message": message}
	if field != "" {
		body["field"] = field
	}
	return answer(status, body)
}

func answer(status int, body map[string]string, items ...sdk.Item) sdk.WebhookReply {
	b, _ := json.Marshal(body) // strings always encode
	return sdk.WebhookReply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: append(b, '\n'), Items: items}
}
