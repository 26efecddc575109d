package pipeline

import "github.com/pocketbase/pocketbase/core"

// Retriage is filled in below.
func (p *Pipeline) Retriage(id, engine string, by *core.Record, requestID string) (*core.Record, error) {
	return nil, Fault(IllegalMove, "not yet")
}
