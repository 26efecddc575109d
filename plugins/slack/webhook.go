package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// handOver is how long a marked message may take to be noted; Slack waits three
// seconds for an answer.
const handOver = time.Second

// HandleWebhook answers 401 with an empty body to every request whose signature
// is not in order, whatever the reason. It asks nobody: what needs Slack's API is
// noted for Run.
func (s *Source) HandleWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if req.Method != http.MethodPost {
		return sdk.WebhookReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"POST"}}}, nil
	}
	if !signed(s.config.SigningSecrets, req.Header, req.Body, s.now()) {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	if e := req.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return says(http.StatusUnsupportedMediaType, "The body is compressed; send it as it is."), nil
	}
	body := req.Body
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) { // shortcuts come as a form with one field
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("payload") == "" {
			return says(http.StatusBadRequest, "The body is neither an event nor a form with a payload."), nil
		}
		body = []byte(form.Get("payload"))
	}
	n, err := s.read(body)
	if err != nil {
		return says(http.StatusBadRequest, "The body is not an event of Slack."), nil
	}
	s.mu.Lock()
	d := s.desk
	s.mu.Unlock()
	switch {
	case n.challenge != "":
		b, _ := json.Marshal(map[string]string{"challenge": n.challenge}) // strings always encode
		return sdk.WebhookReply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: b}, nil
	case n.mark != nil:
		ctx, cancel := context.WithTimeout(ctx, handOver)
		defer cancel()
		if d == nil || d.note(ctx, *n.mark) != nil {
			reply := says(http.StatusServiceUnavailable, "The message cannot be noted just now; send it again.")
			reply.Header.Set("Retry-After", "30")
			return reply, nil
		}
	case n.item != nil:
		if d != nil {
			d.later(n)
		}
		return sdk.WebhookReply{Status: http.StatusOK, Items: []sdk.Item{*n.item}}, nil
	}
	return sdk.WebhookReply{Status: http.StatusOK}, nil
}

func says(status int, message string) sdk.WebhookReply {
	b, _ := json.Marshal(map[string]string{"message": message}) // strings always encode
	return sdk.WebhookReply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: append(b, '\n')}
}
