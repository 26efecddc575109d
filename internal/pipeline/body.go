package pipeline

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// originalsShown is how many reports an issue's body quotes; it counts them all.
const originalsShown = 3

// createRequest renders an issue as the tracker will see it: nothing in it
// mentions, closes, links or commands anything.
func (p *Pipeline) createRequest(d, issue *core.Record) (pluginhost.CreateRequest, error) {
	draft := triage.IssueDraft{
		Spec: triage.Spec{
			Title: issue.GetString("title"), Steps: records.Strings(issue, "steps"),
			Observed: issue.GetString("observed"), Expected: issue.GetString("expected"),
			Criteria: records.Strings(issue, "criteria"), Components: records.Strings(issue, "components"),
			Missing: records.Strings(issue, "missing"),
		},
		Class: triage.Class(issue.GetString("class")), Severity: triage.Severity(issue.GetString("severity")),
		Reports: issue.GetInt("report_count"), Reporters: issue.GetInt("reporter_count"),
	}
	if err := issue.UnmarshalJSONField("environment", &draft.Environment); err != nil {
		draft.Environment = nil // a hand-written value of another shape; the rest of the issue stands
	}
	if p.PublicURL != "" {
		draft.ItemURL = p.PublicURL + "/issues/" + issue.Id
	}
	reports, err := p.App.FindRecordsByFilter(records.Feedback, "issue = {:i}", "created", originalsShown, 0, dbx.Params{"i": issue.Id})
	if err != nil {
		return pluginhost.CreateRequest{}, fmt.Errorf("read reports: %w", err)
	}
	for i, r := range reports {
		if i == 0 {
			draft.Confidence, draft.Reasoning, draft.Engine = r.GetFloat("confidence"), r.GetString("reasoning"), r.GetString("engine")
		}
		text := r.GetString("content")
		if s := r.GetString("subject"); s != "" {
			text = s + "\n\n" + text
		}
		handle := ""
		if rep, err := p.App.FindRecordById(records.Reporters, r.GetString("reporter")); err == nil {
			handle = rep.GetString("handle")
		}
		draft.Originals = append(draft.Originals, triage.Original{Source: r.GetString("source"), Handle: handle,
			At: r.GetDateTime("created").Time(), Permalink: r.GetString("permalink"), Text: text})
	}
	return pluginhost.CreateRequest{
		Key: d.GetString("key"), Title: triage.IssueTitle(issue.GetString("title")), Body: triage.IssueBody(draft),
		Labels: records.Strings(issue, "labels"), Assignees: records.Strings(issue, "assignees"),
		Class: issue.GetString("class"), Severity: issue.GetString("severity"),
		Reference: fmt.Sprint(issue.GetInt("number")), RequestID: d.GetString("request_id"),
	}, nil
}
