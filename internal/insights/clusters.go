package insights

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// How many issues are looked at, largest first, and shown.
const (
	largestIssues = 100
	topClusters   = 20
)

// Cluster is an issue with what was reported about it in the time looked at.
type Cluster struct {
	Issue     string `json:"issue"`
	Number    int    `json:"number"`
	Title     string `json:"title"`
	State     string `json:"state"`
	Class     string `json:"class"`
	Severity  string `json:"severity"`
	N         int    `json:"n"`
	Before    int    `json:"before"` // in the time of the same length before
	Delta     int    `json:"delta"`
	Reporters int    `json:"reporters"` // of all time
	Today     int    `json:"today"`     // in the last 24 hours
	Spike     bool   `json:"spike"`
}

// clusters ranks the largest issues that are still written about.
func (s span) clusters(r *Report) error {
	r.Clusters = []Cluster{}
	var list []struct {
		ID        string `db:"id"`
		Number    int    `db:"number"`
		Title     string `db:"title"`
		State     string `db:"state"`
		Class     string `db:"class"`
		Severity  string `db:"severity"`
		Reporters int    `db:"reporter_count"`
	}
	err := s.app.DB().NewQuery(`SELECT id, number, title, state, class, severity, reporter_count FROM issues INDEXED BY idx_issues_reports
		WHERE project = {:p} AND reporter_count > 0 AND merged_into = '' AND last_seen >= {:from} ORDER BY reporter_count DESC LIMIT {:most}`).
		Bind(with(s.params(), "most", largestIssues)).All(&list)
	if err != nil || len(list) == 0 {
		return err
	}
	at := map[string]int{}
	ids := make([]string, len(list))
	for n, i := range list {
		at[i.ID], ids[n] = n, i.ID
		r.Clusters = append(r.Clusters, Cluster{Issue: i.ID, Number: i.Number, Title: i.Title, State: i.State, Class: i.Class,
			Severity: i.Severity, Reporters: i.Reporters})
	}
	today, base := stamp(s.now.Add(-24*time.Hour)), stamp(s.now.AddDate(0, 0, -1-spikeDays))
	var sums []struct {
		Root   string `db:"root"`
		N      int    `db:"n"`
		Before int    `db:"before"`
		Today  int    `db:"today"`
		Base   int    `db:"base"`
	}
	err = s.app.DB().NewQuery(forest(ids) + ` SELECT root, sum(f.created >= {:from}) AS n, sum(f.created >= {:before} AND f.created < {:from}) AS before,
		sum(f.created >= {:today}) AS today, sum(f.created >= {:base} AND f.created < {:today}) AS base
		FROM tree CROSS JOIN feedback f INDEXED BY idx_feedback_seen ON f.issue = tree.id AND f.issue != '' AND f.created >= {:oldest} GROUP BY root`).
		Bind(dbx.Params{"from": s.from, "before": s.before, "today": today, "base": base, "oldest": min(s.before, base)}).All(&sums)
	if err != nil {
		return err
	}
	for _, c := range sums {
		x := &r.Clusters[at[c.Root]]
		x.N, x.Before, x.Delta, x.Today, x.Spike = c.N, c.Before, c.N-c.Before, c.Today, isSpike(c.Today, c.Base)
	}
	slices.SortStableFunc(r.Clusters, func(a, b Cluster) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(b.Delta, a.Delta)) })
	r.Clusters = r.Clusters[:min(len(r.Clusters), topClusters)]
	return nil
}

// Tree lists an issue and all that were merged into it, at any depth.
func Tree(app core.App, issue string) ([]string, error) {
	var ids []string
	err := app.DB().NewQuery(`WITH RECURSIVE tree(id) AS (
		SELECT {:root} UNION SELECT i.id FROM issues i JOIN tree t ON i.merged_into = t.id AND i.merged_into != '') SELECT id FROM tree`).
		Bind(dbx.Params{"root": issue}).Column(&ids)
	return ids, err
}

// Daily counts the reports of issues on each of the last days, the oldest
// first, merged issues included.
func Daily(app core.App, issues []string, days int, now time.Time) (map[string][]int, error) {
	now = now.UTC()
	first := now.AddDate(0, 0, 1-days)
	out := map[string][]int{}
	for _, id := range issues {
		out[id] = make([]int, days)
	}
	if len(issues) == 0 {
		return out, nil
	}
	var list []row
	err := app.DB().NewQuery(forest(issues) + ` SELECT root AS k, substr(f.created, 1, 10) AS day, count(*) AS n
		FROM tree CROSS JOIN feedback f INDEXED BY idx_feedback_seen ON f.issue = tree.id AND f.issue != '' AND f.created >= {:from} GROUP BY 1, 2`).
		Bind(dbx.Params{"from": first.Format(day)}).All(&list)
	if err != nil {
		return nil, fmt.Errorf("count reports: %w", err)
	}
	start, _ := time.Parse(day, first.Format(day))
	for _, c := range list {
		if d, err := time.Parse(day, c.Day); err == nil {
			if i := int(d.Sub(start).Hours() / 24); i >= 0 && i < days {
				out[c.K][i] += c.N
			}
		}
	}
	return out, nil
}

// SourcesOf counts the reports of issues by source, merged issues included.
func SourcesOf(app core.App, issues []string) (map[string]map[string]int, error) {
	out := map[string]map[string]int{}
	if len(issues) == 0 {
		return out, nil
	}
	var list []struct {
		Root   string `db:"root"`
		Source string `db:"source"`
		N      int    `db:"n"`
	}
	err := app.DB().NewQuery(forest(issues) + ` SELECT root, f.source, count(*) AS n
		FROM tree CROSS JOIN feedback f INDEXED BY idx_feedback_seen ON f.issue = tree.id AND f.issue != '' GROUP BY 1, 2`).All(&list)
	if err != nil {
		return nil, fmt.Errorf("count sources: %w", err)
	}
	for _, c := range list {
		if out[c.Root] == nil {
			out[c.Root] = map[string]int{}
		}
		out[c.Root][c.Source] = c.N
	}
	return out, nil
}

// forest begins a query that knows, as tree(root, id), the issues named and all
// that were merged into each.
func forest(issues []string) string {
	return `WITH RECURSIVE tree(root, id) AS (SELECT id, id FROM issues WHERE id IN (` + quoted(issues) + `)
		UNION SELECT t.root, i.id FROM tree t CROSS JOIN issues i INDEXED BY idx_issues_merged ON i.merged_into = t.id AND i.merged_into != '')`
}

// quoted makes a list of record ids for IN; they hold letters and digits only.
func quoted(ids []string) string { return "'" + strings.Join(ids, "','") + "'" }

func stamp(t time.Time) string {
	d, _ := types.ParseDateTime(t.UTC())
	return d.String()
}
