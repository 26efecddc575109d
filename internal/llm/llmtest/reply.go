package llmtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reply is what the server does with a request.
type Reply struct {
	status  int
	header  map[string]string
	raw     string // the whole body, when it is not a completion
	text    string // what the model said
	refusal string
	finish  string
	delay   time.Duration
	fault   string // "hang", "reset", "cut", "huge"
}

// Text is a completion with that content.
func Text(s string) Reply { return Reply{text: s, finish: "stop"} }

// Cut is a completion that stopped because it was too long.
func Cut(s string) Reply { return Reply{text: s, finish: "length"} }

// Filtered is a completion that the server's own filter has stopped.
func Filtered() Reply { return Reply{finish: "content_filter"} }

// Refusal is a completion in which the model declines, in the field for it.
func Refusal() Reply { return Reply{refusal: "I can't help with that.", finish: "stop"} }

// ToolCall is a completion that calls a tool that nobody offered.
func ToolCall() Reply { return Reply{finish: "tool_calls"} }

// Status is an answer with a status, a body, and names and values of headers.
func Status(code int, body string, header ...string) Reply {
	r := Reply{status: code, raw: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
	return r
}

// HTML is a page with status 200, as a proxy puts in the place of a server.
func HTML() Reply { return Status(200, "<html>try later</html>", "Content-Type", "text/html") }

// Hang never answers.
func Hang() Reply { return Reply{fault: "hang"} }

// Reset breaks the connection after the header.
func Reset() Reply { return Reply{fault: "reset"} }

// Broken ends in the middle of the JSON.
func Broken() Reply { return Reply{text: "{}", fault: "cut"} }

// Huge is a body of 30 MB.
func Huge() Reply { return Reply{fault: "huge"} }

// After lets a reply take time.
func (r Reply) After(d time.Duration) Reply {
	r.delay = d
	return r
}

func (r Reply) write(w http.ResponseWriter, req *http.Request, asked Request, done <-chan struct{}) {
	wait := func(d <-chan time.Time) {
		select {
		case <-d:
		case <-req.Context().Done():
		case <-done:
		}
	}
	if r.delay > 0 {
		wait(time.After(r.delay))
	}
	if r.fault == "hang" {
		wait(nil)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
		_, _ = fmt.Fprint(w, r.raw)
		return
	}
	body := r.completion(asked)
	switch r.fault {
	case "reset":
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte(`{"id":`))
		panic(http.ErrAbortHandler)
	case "cut":
		_, _ = w.Write(body[:len(body)/2])
	case "huge":
		_, _ = w.Write([]byte(`{"id":"`))
		chunk := []byte(strings.Repeat("x", 1<<20))
		for range 30 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		_, _ = w.Write([]byte(`"}`))
	default:
		_, _ = w.Write(body)
	}
}

// completion writes a reply in the form of the route that was asked.
func (r Reply) completion(asked Request) []byte {
	in, out := len(asked.Body)/4, 1+len(r.text)/4
	var body any
	if strings.HasSuffix(asked.Path, "/responses") {
		status, details := "completed", any(nil)
		switch r.finish {
		case "length":
			status, details = "incomplete", map[string]any{"reason": "max_output_tokens"}
		case "content_filter":
			status, details = "incomplete", map[string]any{"reason": "content_filter"}
		}
		part := map[string]any{"type": "output_text", "text": r.text, "annotations": []any{}}
		if r.refusal != "" {
			part = map[string]any{"type": "refusal", "refusal": r.refusal}
		}
		output := []any{map[string]any{"type": "message", "id": "m1", "status": "completed", "role": "assistant", "content": []any{part}}}
		if r.finish == "tool_calls" {
			output = []any{map[string]any{"type": "function_call", "id": "f1", "call_id": "c1", "name": "close_issue", "arguments": "{}"}}
		}
		body = map[string]any{"id": "r1", "object": "response", "created_at": 1, "status": status, "incomplete_details": details,
			"model": asked.Model, "output": output, "usage": map[string]any{"input_tokens": in, "output_tokens": out, "total_tokens": in + out}}
	} else {
		m := map[string]any{"role": "assistant", "content": r.text, "refusal": nil}
		if r.refusal != "" {
			m["content"], m["refusal"] = nil, r.refusal
		}
		if r.finish == "tool_calls" {
			m["tool_calls"] = []any{map[string]any{"id": "c1", "type": "function", "function": map[string]any{"name": "close_issue", "arguments": "{}"}}}
		}
		body = map[string]any{"id": "c1", "object": "chat.completion", "created": 1, "model": asked.Model,
			"choices": []any{map[string]any{"index": 0, "message": m, "finish_reason": r.finish}},
			"usage":   map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}}
	}
	raw, _ := json.Marshal(body) // maps of texts and numbers
	return raw
}

// Answer is a model's answer that a test can change before it is sent.
type Answer map[string]any

// Say is a valid answer to a request. Its evidence is the first words of the
// message; its class follows one word of it.
func Say(r Request) Answer {
	text := r.Text
	class, severity := "bug", "high"
	switch low := strings.ToLower(text); {
	case strings.Contains(low, "please add"), strings.Contains(low, "would be nice"):
		class, severity = "feature", "medium"
	case strings.HasSuffix(strings.TrimSpace(low), "?"):
		class, severity = "question", "low"
	}
	plain, _, _ := strings.Cut(text, "[") // no part of a placeholder
	quote := []rune(strings.TrimSpace(plain))
	quote = quote[:min(len(quote), 40)]
	a := Answer{
		"class": class, "severity": severity, "confidence": 0.91, "language": "en",
		"reasoning": "The report says what happens.", "title": "Model title: something does not work",
		"steps": []string{"Do what the report says"}, "observed": "It does not work.", "expected": "It works.",
		"criteria": []string{"What the report describes works."}, "labels": []string{}, "components": []string{},
		"environment": map[string]string{"version": "", "os": "", "browser": "", "device": ""},
		"missing":     []string{"the version"}, "evidence": []map[string]string{{"field": "class", "quote": string(quote)}},
		"duplicate_of": "none", "duplicate_reason": "", "translation": "",
	}
	if class == "question" {
		a["steps"], a["criteria"] = []string{}, []string{}
	}
	return a
}

// JSON is the answer as text.
func (a Answer) JSON() string {
	raw, _ := json.Marshal(a)
	return string(raw)
}

// With returns the answer with one field changed; nil removes it.
func (a Answer) With(field string, value any) Answer {
	b := Answer{}
	for k, v := range a {
		b[k] = v
	}
	if value == nil {
		delete(b, field)
	} else {
		b[field] = value
	}
	return b
}

// Good is a valid answer as text.
func Good(r Request) string { return Say(r).JSON() }

// Dice answers 70 % of the requests well and the others with every fault there
// is, in the shares of docs/llm.md. The same seed throws the same dice.
func Dice(seed uint64) func(Request) Reply { return dice(seed, TooMany) }

// FastDice is Dice with the times of a 429 divided by scale, for a run that is as
// much shorter.
func FastDice(seed uint64, scale time.Duration) func(Request) Reply {
	return dice(seed, func(form int) Reply {
		if form == 2 || form == 3 { // no time that can be read
			return TooMany(form)
		}
		wait := [...]time.Duration{time.Second, 2 * time.Second, 0, 0, 2 * time.Minute, 250 * time.Millisecond}[form] / scale
		return Status(429, tooMany, "Retry-After-Ms", strconv.Itoa(int(wait.Milliseconds())))
	})
}

func dice(seed uint64, busy func(form int) Reply) func(Request) Reply {
	return func(r Request) Reply {
		d := rand.New(rand.NewPCG(seed, uint64(r.Number)))
		switch n := d.IntN(100); {
		case n < 70:
			return Text(Good(r))
		case n < 76:
			return Status(500, "boom")
		case n < 80:
			return Status(503, `{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}`)
		case n < 85:
			return busy(d.IntN(6))
		case n < 88:
			return Hang()
		case n < 91:
			return Reset()
		case n < 93:
			return Broken()
		case n < 94:
			return Cut(`{"class":"bu`)
		case n < 96:
			if d.IntN(2) == 0 {
				return HTML()
			}
			return Huge()
		case n < 98:
			return Text(Say(r).With("severity", "catastrophic").JSON())
		case n < 99:
			return Refusal()
		}
		return Text("I'm sorry, but I can't help with that.")
	}
}

const tooMany = `{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}`

// TooMany is a 429 with one of the forms of Retry-After.
func TooMany(form int) Reply {
	body := tooMany
	switch form {
	case 0:
		return Status(429, body, "Retry-After", "1")
	case 1:
		return Status(429, body, "Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
	case 2:
		return Status(429, body)
	case 3:
		return Status(429, body, "Retry-After", "soon")
	case 4:
		return Status(429, body, "Retry-After", "86400")
	}
	return Status(429, body, "Retry-After-Ms", "250")
}
