package plugins_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/iterateswarm/iterateswarm/plugins"
	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/sdktest"
)

// A webhook that a plugin takes, by the plugin's name.
var requests = map[string]func() sdk.WebhookRequest{
	"webhook": func() sdk.WebhookRequest {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			panic(err)
		}
		at, body := time.Now(), []byte(`{"content":"It crashes"}`)
		signature, err := signer.Sign("msg_1", at, body)
		if err != nil {
			panic(err)
		}
		return sdk.WebhookRequest{Method: "POST", Body: body,
			Header: http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {fmt.Sprint(at.Unix())}, "Webhook-Signature": {signature}}}
	},
	"slack": func() sdk.WebhookRequest {
		at, body := fmt.Sprint(time.Now().Unix()), `{"type":"event_callback","event":{"type":"message","user":"U2","channel":"C2","text":"It crashes","ts":"1700000001.000200"}}`
		return sdk.WebhookRequest{Method: "POST", Body: []byte(body),
			Header: http.Header{"X-Slack-Request-Timestamp": {at}, "X-Slack-Signature": {"v0=" + hash("v0:"+at+":"+body)}}}
	},
	"discord": func() sdk.WebhookRequest {
		at, body := fmt.Sprint(time.Now().Unix()), `{"type":2,"id":"1156284521323905034","channel_id":"645027906669510667","user":{"id":"53908232506183680","username":"ann"},`+
			`"data":{"type":1,"name":"feedback","options":[{"name":"text","value":"It crashes"}]}}`
		return sdk.WebhookRequest{Method: "POST", Body: []byte(body),
			Header: http.Header{"X-Signature-Timestamp": {at}, "X-Signature-Ed25519": {hex.EncodeToString(ed25519.Sign(discordKey, []byte(at+body)))}}}
	},
	"github-issues": func() sdk.WebhookRequest {
		body := `{"action":"opened","issue":{"number":7,"title":"Crash","body":"It crashes","user":{"id":42,"login":"ann"}},"repository":{"full_name":"o/r"}}`
		return sdk.WebhookRequest{Method: "POST", Body: []byte(body),
			Header: http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"issues"}, "X-Hub-Signature-256": {"sha256=" + hash(body)}}}
	},
}

// hash is the HMAC-SHA256 that Slack and GitHub sign with.
func hash(message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// Every bundled plugin keeps the protocol, in a process of its own.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, m := range plugins.Manifests() {
		t.Run(m.Name, func(t *testing.T) {
			config, err := json.Marshal(configs()[m.Name])
			if err != nil {
				t.Fatal(err)
			}
			sdktest.Run(t, sdktest.Subject{
				Command: func() *exec.Cmd { return exec.Command(os.Args[0], "plugin", m.Name) },
				Config:  string(config),
				Request: requests[m.Name],
			})
		})
	}
}
