package llm

// mode is how the form of an answer is asked for. A server that does not know
// one answers with a 4xx; then the next is tried, and what worked is remembered.
type mode int

const (
	strict     mode = iota // a JSON schema that the server enforces
	jsonMode               // any JSON; the schema stands in the prompt
	promptOnly             // nothing but the prompt
)

// String is the mode's name in the ledger.
func (m mode) String() string { return [...]string{"strict", "json", "prompt"}[m] }

func (e *Engine) currentMode() (m mode, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mode, e.known
}

// works remembers the mode in which a call has succeeded.
func (e *Engine) works(m mode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mode, e.known = m, true
}
