package llm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

const (
	maxReply = 1 << 20  // bytes of an answer, after decompression
	maxFault = 64 << 10 // bytes that are read of an answer with a bad status
)

// maxOutput is how many tokens an answer may have. A usual one has 300. The
// models of the big providers may think before they write, and that counts;
// the others often have room for 8,000 in all.
func (e Endpoint) maxOutput() int {
	if e.Kind == OpenAI || e.Kind == Azure {
		return 8000
	}
	return 2500
}

// client speaks with one server. Its two services are made without openai's
// own defaults, which would read the environment.
type client struct {
	registry   Registry
	chat       openai.ChatCompletionService
	responses  responses.ResponseService
	embeddings openai.EmbeddingService
	tokens     *tokens // nil: there is a key, or none is needed
}

func newClient(r Registry) (*client, error) {
	if err := r.complete(); err != nil {
		return nil, err
	}
	opts := []option.RequestOption{
		option.WithMaxRetries(0), // Engine.ask tries again
		option.WithHTTPClient(httpClient()),
		option.WithMiddleware(watch),
	}
	e := r.Endpoint
	c := &client{registry: r}
	if e.Kind == Azure {
		opts = append(opts, azure.WithEndpoint(e.URL, e.APIVersion))
		if e.Entra.isSet() {
			c.tokens = &tokens{from: e.Entra, http: httpClient()}
			opts = append(opts, azure.WithTokenCredential(c.tokens))
		} else {
			opts = append(opts, azure.WithAPIKey(e.Key))
		}
		if isLoopback(e.URL) {
			opts = append(opts, azure.WithUnsafeAllowHTTP())
		}
	} else {
		opts = append(opts, option.WithBaseURL(e.URL))
		if e.Key != "" {
			opts = append(opts, option.WithAPIKey(e.Key))
		}
	}
	c.chat, c.responses = openai.NewChatCompletionService(opts...), responses.NewResponseService(opts...)
	c.embeddings = openai.NewEmbeddingService(opts...)
	return c, nil
}

// httpClient goes to the configured server only: no proxy from the
// environment, no redirects. Deadlines come with each call.
func httpClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     60 * time.Second,
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// watch turns every answer that is no success into a statusError, before
// openai's own reading of it loses the status, and caps the others.
func watch(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	res, err := next(req)
	if err != nil {
		return res, err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxFault)) // what can be read will do
		return nil, &statusError{status: res.StatusCode, code: faultCode(text), text: string(text), after: retryAfter(res.Header, time.Now())}
	}
	res.Body = &capped{res.Body, maxReply}
	return res, nil
}

var cleanCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)

// faultCode is the server's own word for what went wrong.
func faultCode(text []byte) string {
	var body struct {
		Error struct {
			Code any    `json:"code"`
			Type string `json:"type"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &body) != nil {
		return ""
	}
	if code, ok := body.Error.Code.(string); ok && cleanCode.MatchString(code) {
		return code
	}
	if cleanCode.MatchString(body.Error.Type) {
		return body.Error.Type
	}
	return ""
}

// capped is a body that fails when it is longer than left.
type capped struct {
	io.ReadCloser
	left int
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		var one [1]byte
		if n, err := c.ReadCloser.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, ErrTooLarge
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// answer is what a model said.
type answer struct {
	text    string
	refusal string
	finish  string // "stop", "length", "content_filter", "tool_calls", …
	in, out int    // tokens
}

// exchange makes one request.
func (c *client) exchange(ctx context.Context, q query, m mode) (answer, error) {
	if c.registry.Endpoint.Kind == OpenAI {
		return c.respond(ctx, q, m)
	}
	a, err := c.complete(ctx, q, m)
	var status *statusError
	if c.tokens != nil && errors.As(err, &status) && status.status == http.StatusUnauthorized {
		c.tokens.forget() // it may have been withdrawn
	}
	return a, err
}

// complete is a chat completion.
func (c *client) complete(ctx context.Context, q query, m mode) (answer, error) {
	p := openai.ChatCompletionNewParams{
		Model:    c.registry.Judge.Name,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(q.instructions(m))},
	}
	for _, t := range q.turns {
		if t.fromModel {
			p.Messages = append(p.Messages, openai.AssistantMessage(t.text))
		} else {
			p.Messages = append(p.Messages, openai.UserMessage(t.text))
		}
	}
	most := param.NewOpt(int64(c.registry.Endpoint.maxOutput()))
	if c.registry.Endpoint.Kind == Azure {
		p.MaxCompletionTokens = most
	} else {
		p.MaxTokens = most // the name that every compatible server knows
	}
	switch m {
	case strict:
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "verdict", Strict: param.NewOpt(true), Schema: q.schema}}
	case jsonMode:
		p.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	}
	res, err := c.chat.New(ctx, p)
	if err != nil {
		return answer{}, err
	}
	a := answer{in: int(res.Usage.PromptTokens), out: int(res.Usage.CompletionTokens)}
	if len(res.Choices) > 0 {
		a.text, a.refusal, a.finish = res.Choices[0].Message.Content, res.Choices[0].Message.Refusal, res.Choices[0].FinishReason
	}
	return a, nil
}

// respond is OpenAI's own way. Nothing is kept there.
func (c *client) respond(ctx context.Context, q query, m mode) (answer, error) {
	p := responses.ResponseNewParams{
		Model:           c.registry.Judge.Name,
		Instructions:    param.NewOpt(q.instructions(m)),
		MaxOutputTokens: param.NewOpt(int64(c.registry.Endpoint.maxOutput())),
		Store:           param.NewOpt(false),
	}
	for _, t := range q.turns {
		role := responses.EasyInputMessageRoleUser
		if t.fromModel {
			role = responses.EasyInputMessageRoleAssistant
		}
		item := responses.ResponseInputItemParamOfMessage(t.text, role)
		item.OfMessage.Type = responses.EasyInputMessageTypeMessage // OpenAI's document wants it, its server does not
		p.Input.OfInputItemList = append(p.Input.OfInputItemList, item)
	}
	switch m {
	case strict:
		p.Text.Format.OfJSONSchema = &responses.ResponseFormatTextJSONSchemaConfigParam{
			Name: "verdict", Strict: param.NewOpt(true), Schema: q.schema}
	case jsonMode:
		p.Text.Format.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	}
	res, err := c.responses.New(ctx, p)
	if err != nil {
		return answer{}, err
	}
	a := answer{in: int(res.Usage.InputTokens), out: int(res.Usage.OutputTokens), finish: "stop"}
	switch {
	case res.Status == responses.ResponseStatusIncomplete && res.IncompleteDetails.Reason == "content_filter":
		a.finish = "content_filter"
	case res.Status == responses.ResponseStatusIncomplete:
		a.finish = "length"
	case res.Status != responses.ResponseStatusCompleted:
		a.finish = string(res.Status)
	}
	for _, item := range res.Output {
		switch item.Type {
		case "message":
			for _, part := range item.Content {
				a.text += part.Text
				a.refusal += part.Refusal
			}
		case "reasoning":
		default:
			a.finish = "tool_calls"
		}
	}
	return a, nil
}

// instructions holds the schema where the server does not enforce one. OpenAI
// wants the word JSON in there for its JSON mode; it is.
func (q query) instructions(m mode) string {
	if m == strict {
		return q.system
	}
	return q.system + "\nThe JSON schema of the answer:\n" + q.brief
}
