package plugins_test

import (
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
