package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A place is one server.
type place struct{ URL, Admin string }

// A target is what a suite asks. The parts are servers of their own, since
// their settings differ and two of them are made ill.
type target struct {
	Main  place // its buckets never empty
	Small place // a server with the default bucket: 20, and one more every 3 s
	Tally place // a server where nobody else counts
	Flaky place // a server whose tracker is the GitHub in Hub
	Frail place // a server that Lock and Halt make ill

	Key    func(burst int, every time.Duration) string        // makes an ingest key of Small
	File   func(issue string) (title, body string, err error) // approves on Main and reads what the tracker has
	Labels []string                                           // the labels of the project on Main
	Hub    *hub
	Open   time.Duration                     // how long the breaker of Flaky stays open
	Lock   func() (unlock func(), err error) // takes the database of Frail
	Halt   func() error                      // stops the queue of Frail, for good
}

// at is the same target with another server in every place: what the checks
// may use stays real, only the answers come from elsewhere.
func (t target) at(url string) *target {
	for _, p := range []*place{&t.Main, &t.Small, &t.Tally, &t.Flaky, &t.Frail} {
		p.URL = url
	}
	return &t
}

// A check is one promise. run calls it.
type check struct {
	number int
	name   string
	ask    func(p *probe)
	waits  bool // it mostly waits, on a server of its own: asked beside the others
}

// A probe asks a target and notes what is wrong.
type probe struct {
	*target
	faults []string
}

type stopped struct{}

// run asks one check of a target and returns what is wrong.
func run(c check, on *target) (faults []string) {
	p := &probe{target: on}
	defer func() {
		faults = p.faults
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	c.ask(p)
	return
}

// fault notes something wrong.
func (p *probe) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// stop notes something wrong that makes the rest meaningless.
func (p *probe) stop(format string, args ...any) {
	p.fault(format, args...)
	panic(stopped{})
}

// send returns the answer to a call; none at all ends the check.
func (p *probe) send(c call) answer {
	a, err := c.do()
	if err != nil {
		p.stop("%v", err)
	}
	return a
}

func (p *probe) get(url string) answer { return p.send(call{method: "GET", url: url}) }

// json decodes an answer of the given status into v.
func (p *probe) json(a answer, status int, v any) {
	if a.status != status {
		p.stop("status = %d, want %d: %s", a.status, status, clip(string(a.body)))
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		p.stop("Content-Type = %q, want JSON", kind)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		p.stop("answer: %v: %s", err, clip(string(a.body)))
	}
}

// problem wants a numbered error.
func (p *probe) problem(a answer, code int) {
	if err := isProblem(a, code); err != nil {
		p.fault("%v", err)
	}
}

// isProblem says why an answer is not the error with this number, if it is not.
func isProblem(a answer, code int) error {
	var e struct {
		Code    int
		Message string
		Help    string
		Field   string
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return fmt.Errorf("answer %d is no JSON: %s", a.status, clip(string(a.body)))
	}
	if e.Code != code || a.status != code/100 || len(e.Message) < 10 || e.Help != fmt.Sprintf("docs/errors.md#%d", code) {
		return fmt.Errorf("answer = %d %s, want %d with a sentence and help", a.status, clip(string(a.body)), code)
	}
	return nil
}

// A verdict is the original's answer, with our two keys.
type verdict struct {
	FeedbackID, Classification, Severity, Reasoning, Title                     string
	Confidence                                                                 float64
	ReproductionSteps, AcceptanceCriteria, SuggestedLabels, AffectedComponents []string
	ProcessingTime, Engine, DuplicateOf                                        string
}

// post sends a message as the original's script does.
func (p *probe) post(content, source string) verdict {
	a := p.send(call{method: "POST", url: p.Main.URL + "/api/feedback?wait=20s",
		body: map[string]string{"content": content, "source": source, "user_id": "test"}})
	var v verdict
	p.json(a, 200, &v)
	for _, key := range []string{"FeedbackID", "Classification", "Severity", "Confidence", "Reasoning", "Title", "ReproductionSteps",
		"AcceptanceCriteria", "SuggestedLabels", "ProcessingTime", "AffectedComponents"} {
		if !strings.Contains(string(a.body), `"`+key+`":`) {
			p.fault("the answer lacks %s", key)
		}
	}
	if !(v.Confidence > 0 && v.Confidence <= 1) {
		p.fault("Confidence = %v, want in (0, 1]", v.Confidence)
	}
	if d, err := time.ParseDuration(v.ProcessingTime); err != nil || d <= 0 || !strings.HasSuffix(v.ProcessingTime, "s") {
		p.fault("ProcessingTime = %q, want seconds", v.ProcessingTime)
	}
	return v
}

// stored is a message as the records API shows it.
type stored struct {
	ID, Content, Class, Severity, State, Issue, Source, RequestID, Subject string
	Context                                                                map[string]any
	Evidence                                                               []struct{ Start, End int }
}

// read fetches a message back; one that is not there ends the check.
func (p *probe) read(id string) stored {
	r, err := readFeedback(p.Main.URL, p.Main.Admin, id)
	if err != nil {
		p.stop("%v", err)
	}
	return r
}

func readFeedback(base, token, id string) (stored, error) {
	a, err := call{method: "GET", url: base + "/api/collections/feedback/records/" + id, token: token}.do()
	if err != nil {
		return stored{}, err
	}
	var raw struct {
		ID, Content, Class, Severity, State, Issue, Source, Subject string
		RequestID                                                   string `json:"request_id"`
		Context                                                     map[string]any
		Verdict                                                     struct{ Evidence []struct{ Start, End int } }
	}
	if a.status != 200 {
		return stored{}, fmt.Errorf("read %s: %d %s", id, a.status, clip(string(a.body)))
	}
	if err := json.Unmarshal(a.body, &raw); err != nil {
		return stored{}, fmt.Errorf("read %s: %w", id, err)
	}
	if raw.ID != id {
		return stored{}, fmt.Errorf("read %s: the answer is about %q", id, raw.ID)
	}
	return stored{ID: raw.ID, Content: raw.Content, Class: raw.Class, Severity: raw.Severity, State: raw.State, Issue: raw.Issue,
		Source: raw.Source, Subject: raw.Subject, RequestID: raw.RequestID, Context: raw.Context, Evidence: raw.Verdict.Evidence}, nil
}

// kept checks that a message is stored byte for byte as it was sent.
func (p *probe) kept(v verdict, content string) stored {
	r := p.read(v.FeedbackID)
	if r.Content != content {
		p.fault("stored %q, sent %q", clip(r.Content), clip(content))
	}
	if r.Class != v.Classification || r.Severity != v.Severity {
		p.fault("stored %s/%s, answered %s/%s", r.Class, r.Severity, v.Classification, v.Severity)
	}
	return r
}

// one checks a value against those that are right.
func (p *probe) one(what, got string, want ...string) {
	for _, w := range want {
		if got == w {
			return
		}
	}
	p.fault("%s = %q, want %s", what, got, strings.Join(want, " or "))
}

// decodeInto decodes a 200 loosely.
func decodeInto(a answer, v any) error {
	if a.status != 200 {
		return fmt.Errorf("status %d: %s", a.status, clip(string(a.body)))
	}
	return json.Unmarshal(a.body, v)
}
