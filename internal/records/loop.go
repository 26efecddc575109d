package records

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

// Loop says what people are told by themselves. A nil field leaves it to the
// project; what the project leaves out is off.
type Loop struct {
	Acknowledge *bool `json:"acknowledge,omitempty"` // we have it
	Ask         *bool `json:"ask,omitempty"`         // what is missing to reproduce it
	Filed       *bool `json:"filed,omitempty"`       // it is in the tracker
	Fixed       *bool `json:"fixed,omitempty"`       // it is done
	Declined    *bool `json:"declined,omitempty"`    // it will not be done
	Annotate    *bool `json:"annotate,omitempty"`    // labels and a comment where the message is
}

// On says whether a kind of reply goes out by itself, by what the source says
// and else by what its project says.
func (l Loop) On(kind string, project Loop) bool {
	own, of := l.field(kind), project.field(kind)
	if own == nil {
		own = of
	}
	return own != nil && *own
}

func (l Loop) field(kind string) *bool {
	return map[string]*bool{"acknowledge": l.Acknowledge, "ask": l.Ask, "filed": l.Filed, "fixed": l.Fixed,
		"declined": l.Declined, "annotate": l.Annotate}[kind]
}

// LoopOf reads what a source says.
func LoopOf(source *core.Record) (Loop, error) {
	var l Loop
	if raw := source.GetString("loop"); raw == "" || raw == "null" {
		return l, nil
	}
	if err := source.UnmarshalJSONField("loop", &l); err != nil {
		return l, fmt.Errorf("loop of source %s: %w", source.GetString("slug"), err)
	}
	return l, nil
}
