package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/internal/vector"
)

// offer lists the issues that the model is to compare a message with. There are
// none when code is sure by itself. An issue made of a message that must not
// leave this host is never among them.
func (p *Pipeline) offer(settings records.Settings, r *core.Record) ([]triage.Candidate, error) {
	found, err := p.search(settings, r)
	if err != nil || found.target != nil || found.closed != nil || len(found.candidates) == 0 {
		return nil, err
	}
	var ids []any
	for _, c := range found.candidates {
		ids = append(ids, c.Issue)
	}
	local, err := p.fromHere(ids)
	if err != nil {
		return nil, err
	}
	var out []triage.Candidate
	for _, c := range found.candidates {
		if local[c.Issue] {
			continue
		}
		issue, err := p.App.FindRecordById(records.Issues, c.Issue)
		if err != nil {
			return nil, fmt.Errorf("offer an issue: %w", err)
		}
		lead := issue.GetString("observed")
		if steps := records.Strings(issue, "steps"); lead == "" && len(steps) > 0 {
			lead = steps[0]
		}
		out = append(out, triage.Candidate{ID: c.Issue, Title: issue.GetString("title"), Lead: lead})
	}
	return out, nil
}

// fromHere tells which issues have a report from a source whose text stays on this host.
func (p *Pipeline) fromHere(issues []any) (map[string]bool, error) {
	out := map[string]bool{}
	if len(p.LocalSources) == 0 {
		return out, nil
	}
	var sources []any
	for _, s := range p.LocalSources {
		sources = append(sources, s)
	}
	var ids []string
	err := p.App.DB().Select("issue").Distinct(true).From(records.Feedback).
		Where(dbx.And(dbx.In("issue", issues...), dbx.In("source", sources...))).Column(&ids)
	if err != nil {
		return nil, fmt.Errorf("look for sources that stay here: %w", err)
	}
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// heed follows the model's word that a message is the same as an issue it was
// offered, when code found none by itself: the message joins, or is a
// regression of a closed issue. What a person set apart stays apart, and a
// project can ask to have it suggested only.
func (p *Pipeline) heed(settings records.Settings, r *core.Record, f *found) error {
	if f.target != nil || f.closed != nil {
		return nil
	}
	v, err := records.Verdict(r)
	if err != nil || v.DuplicateOf == "" {
		return err
	}
	apart, err := p.apartFrom(r.Id)
	if err != nil {
		return err
	}
	issues, err := p.roots([]vector.Hit{{Group: v.DuplicateOf}})
	if err != nil {
		return err
	}
	issue := issues[v.DuplicateOf]
	if issue == nil || apart[issue.ID] || apart[v.DuplicateOf] {
		return nil
	}
	says := fmt.Sprintf("%s says that it is the same. %s", v.Engine, v.DuplicateWhy)
	if settings.JoinVerified != nil && !*settings.JoinVerified {
		f.whyNot = fmt.Sprintf("Like issue %d; the project has such pairs suggested only. %s", issue.Number, says)
		return nil
	}
	at := slices.IndexFunc(f.candidates, func(c candidate) bool { return c.Issue == issue.ID })
	if at >= 0 {
		f.score = f.candidates[at].Score
		f.candidates = slices.Delete(f.candidates, at, at+1)
	}
	f.why = strings.TrimSpace(says)
	if issue.State == string(triage.Closed) {
		f.closed = issue
	} else {
		f.target = issue
	}
	return nil
}
