package triage

import (
	"errors"
	"fmt"
	"time"
)

// ErrNoAnswer says that a model answered and the answer is of no use: it
// refused, stopped in the middle, or wrote what the checks do not let through.
// The model is up; the same text may well get no better answer.
var ErrNoAnswer = errors.New("no usable answer")

// ErrBudget says that the day's budget for a model is used up; nothing was called.
var ErrBudget = errors.New("the day's budget is used up")

// ErrProjectBudget and ErrSourceBudget say that only one project, or one source
// of it, has used up what it may.
var (
	ErrProjectBudget = fmt.Errorf("of the project: %w", ErrBudget)
	ErrSourceBudget  = fmt.Errorf("of the source: %w", ErrBudget)
)

// Account says whose budget a call to a model is charged to, and what that
// allows a day.
type Account struct {
	Project string
	Source  string
	Tokens  int     // that the project may use; 0: as many as the installation
	Cost    float64 // likewise in money
	Share   float64 // of it that one source may use; 0 or 1: all
}

// ErrPace says that our own rate towards a model is used up for the moment;
// nothing was called.
var ErrPace = errors.New("our own rate towards the model is used up")

// Call is one request to a model, as the ledger keeps it.
type Call struct {
	Model     string
	Kind      string // of the endpoint: "openai", "azure", "ollama", "compatible"
	Mode      string // how the form of the answer was asked for: "strict", "json", "prompt"
	Attempt   int    // counts from 1 within one judgement
	TokensIn  int
	TokensOut int
	Cost      float64 // in the currency of the configured price
	Took      time.Duration
	Outcome   string // "ok", or in a few words what went wrong; never text of the message
}

// Thought is what asking a model gave. Calls is filled when there is an error too.
type Thought struct {
	Verdict Verdict
	Calls   []Call
}

// ModelState is how an engine that asks a model is doing.
type ModelState struct {
	Model      string        `json:"model"`
	Prompt     string        `json:"prompt"` // version
	Kind       string        `json:"kind"`
	Mode       string        `json:"mode"`          // empty until a call has shown what the server can do
	State      string        `json:"state"`         // "ready", "probing", "open", "waiting", "budget" or "setup": why no call is made
	Breaker    string        `json:"breaker"`       // "closed", "open", "half-open"
	Since      *time.Time    `json:"breaker_since"` // when the breaker came into its state; nil: it has always been closed
	NextTry    *time.Time    `json:"next_try"`      // nil: now
	Wait       time.Duration `json:"-"`             // until a call may be made; 0: now
	Problem    string        `json:"problem"`       // empty, or why no call is made now, in a sentence
	Calls      int64         `json:"calls"`         // since the start
	Failed     int64         `json:"failed"`        // of them
	LastError  string        `json:"last_error"`    // of a call, in a few words of ours; empty: none since the start
	LastFailed *time.Time    `json:"last_failed"`
	Tokens     int           `json:"tokens_today"`
	TokenLimit int           `json:"tokens_limit"` // a day; 0: none
	Cost       float64       `json:"cost_today"`
	CostLimit  float64       `json:"cost_limit"` // a day; 0: none
	Priced     bool          `json:"priced"`     // false: no price is configured, so money is not counted
}
