package pipeline

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// livesThere finds a report of an issue that is itself an issue in a tracker: it
// was opened there by hand and is triaged in place. Such an issue is not filed
// a second time.
func (p *Pipeline) livesThere(issue *core.Record) (*core.Record, error) {
	sources, err := p.App.FindRecordsByFilter(records.Sources, "project = {:p}", "", 0, 0, dbx.Params{"p": issue.GetString("project")})
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	for _, source := range sources {
		if m, _ := p.Plugins.Manifest(source.GetString("plugin")); !m.Can(sdk.CanAnnotate) {
			continue
		}
		reports, err := p.App.FindRecordsByFilter(records.Feedback, "issue = {:i} && source = {:s} && permalink != ''", "created", sweepRows, 0,
			dbx.Params{"i": issue.Id, "s": source.GetString("slug")})
		if err != nil {
			return nil, fmt.Errorf("read reports: %w", err)
		}
		for _, r := range reports {
			if numberThere(r) != "" {
				return r, nil
			}
		}
	}
	return nil, nil
}

// numberThere is the number that a message has as an issue of its tracker; a
// comment or a discussion has none.
func numberThere(r *core.Record) string {
	var at struct {
		Issue int64 `json:"issue"`
	}
	if err := r.UnmarshalJSONField("context", &at); err != nil || at.Issue <= 0 {
		return ""
	}
	return nameOf("", at.Issue)
}

// filedThere marks an issue as filed where its report lives.
func (p *Pipeline) filedThere(d, report *core.Record) error {
	return p.filed(d, numberThere(report), "", report.GetString("permalink"), "adopt", 0)
}
