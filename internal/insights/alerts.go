package insights

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// rise is something whose last 24 hours meet the rule of a spike.
type rise struct {
	kind, key string
	ids       []string // of the issues, for a cluster
	today     int
	expected  float64
	chance    float64
	reporters int
	first     string
	last      string
}

// Watch looks at every project, opens an alert for each spike, brings those
// that are open up to date, and ends those that are over. One alert stands for
// one cluster or source, however often it rises.
func Watch(app core.App, now time.Time) error {
	var projects []string
	if err := app.DB().Select("id").From(records.Projects).Column(&projects); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	var failed error
	for _, p := range projects {
		if err := watch(app, p, now.UTC()); err != nil {
			failed = errors.Join(failed, fmt.Errorf("watch project %s: %w", p, err))
		}
	}
	return failed
}

func watch(app core.App, project string, now time.Time) error {
	s := span{app: app, project: project, now: now}
	found, err := s.rises()
	if err != nil {
		return err
	}
	rising := map[string]bool{}
	for _, r := range found {
		rising[r.kind+" "+r.key] = true
		if err := s.raise(r); err != nil {
			return err
		}
	}
	standing, err := app.FindRecordsByFilter(records.Alerts, "project = {:p} && state != 'over'", "", 0, 0, dbx.Params{"p": project})
	if err != nil {
		return err
	}
	for _, a := range standing {
		if rising[a.GetString("kind")+" "+a.GetString("key")] {
			continue
		}
		a.Set("state", "over")
		if err := app.Save(a); err != nil {
			return err
		}
	}
	return nil
}

// rises lists the clusters and sources that meet the rule now.
func (s span) rises() ([]rise, error) {
	today, base := stamp(s.now.Add(-24*time.Hour)), stamp(s.now.AddDate(0, 0, -1-spikeDays))
	var many []struct {
		Issue string `db:"issue"`
		N     int    `db:"n"`
	}
	err := s.app.DB().NewQuery(`SELECT issue, count(*) AS n FROM feedback INDEXED BY idx_feedback_created
		WHERE project = {:p} AND created >= {:today} AND issue != '' GROUP BY issue`).Bind(dbx.Params{"p": s.project, "today": today}).All(&many)
	if err != nil {
		return nil, err
	}
	sums, order := map[string]int{}, []string{}
	for _, m := range many {
		root, err := s.root(m.Issue)
		if err != nil {
			return nil, err
		}
		if _, seen := sums[root]; !seen {
			order = append(order, root)
		}
		sums[root] += m.N
	}
	var out []rise
	for _, issue := range order {
		if sums[issue] < spikeLeast {
			continue
		}
		ids, err := Tree(s.app, issue)
		if err != nil {
			return nil, err
		}
		r := rise{kind: "cluster", key: issue, ids: ids, today: sums[issue]}
		if out, err = s.judge(out, r, `issue != '' AND issue IN (`+quoted(ids)+`)`, dbx.Params{}, today, base); err != nil {
			return nil, err
		}
	}
	var sources []struct {
		Source string `db:"source"`
		N      int    `db:"n"`
	}
	err = s.app.DB().NewQuery(`SELECT source, count(*) AS n FROM feedback INDEXED BY idx_feedback_created
		WHERE project = {:p} AND created >= {:today} GROUP BY source HAVING n >= {:least}`).
		Bind(dbx.Params{"p": s.project, "today": today, "least": spikeLeast}).All(&sources)
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		var earlier int // a source that is new is no spike
		err := s.app.DB().NewQuery(`SELECT EXISTS(SELECT 1 FROM feedback WHERE project = {:p} AND source = {:s} AND created < {:today})`).
			Bind(dbx.Params{"p": s.project, "s": src.Source, "today": today}).Row(&earlier)
		if err != nil {
			return nil, err
		}
		if earlier == 0 {
			continue
		}
		r := rise{kind: "source", key: src.Source, today: src.N}
		if out, err = s.judge(out, r, `project = {:p} AND source = {:s}`, dbx.Params{"p": s.project, "s": src.Source}, today, base); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// judge adds a rise when it meets the rule.
func (s span) judge(out []rise, r rise, where string, p dbx.Params, today, base string) ([]rise, error) {
	p["today"], p["base"] = today, base
	var before int
	if err := s.app.DB().NewQuery(`SELECT count(*) FROM feedback WHERE ` + where + ` AND created >= {:base} AND created < {:today}`).Bind(p).Row(&before); err != nil {
		return out, err
	}
	if !isSpike(r.today, before) {
		return out, nil
	}
	r.expected, r.chance = float64(before)/spikeDays, Chance(r.today, expected(before))
	var seen struct {
		Reporters int    `db:"reporters"`
		First     string `db:"first"`
		Last      string `db:"last"`
	}
	err := s.app.DB().NewQuery(`SELECT count(DISTINCT reporter) AS reporters, min(created) AS first, max(created) AS last
		FROM feedback WHERE ` + where + ` AND created >= {:today}`).Bind(p).One(&seen)
	r.reporters, r.first, r.last = seen.Reporters, seen.First, seen.Last
	return append(out, r), err
}

func (s span) root(issue string) (string, error) {
	for range 100 { // merging refuses circles; the bound is for data written by hand
		var into string
		err := s.app.DB().NewQuery(`SELECT merged_into FROM issues WHERE id = {:id}`).Bind(dbx.Params{"id": issue}).Row(&into)
		if errors.Is(err, sql.ErrNoRows) || err == nil && into == "" {
			return issue, nil
		}
		if err != nil {
			return "", err
		}
		issue = into
	}
	return issue, nil
}

// raise writes an alert: a new one, or the standing one with its new numbers.
// What a person has acknowledged or muted stays so until it is over.
func (s span) raise(r rise) error {
	c, err := s.app.FindCachedCollectionByNameOrId(records.Alerts)
	if err != nil {
		return err
	}
	a, err := s.app.FindFirstRecordByFilter(records.Alerts, "project = {:p} && kind = {:k} && key = {:key}",
		dbx.Params{"p": s.project, "k": r.kind, "key": r.key})
	if err != nil {
		a = core.NewRecord(c)
		a.Set("project", s.project)
		a.Set("kind", r.kind)
		a.Set("key", r.key)
		a.Set("state", "over")
		if r.kind == "cluster" {
			a.Set("issue", r.key)
		}
	}
	muted := a.GetDateTime("muted_until").Time().After(s.now)
	switch state := a.GetString("state"); {
	case muted:
		a.Set("state", "muted")
	case state == "over" || state == "muted":
		a.Set("state", "open")
		a.Set("since", r.first)
		a.Set("by", "")
		a.Set("muted_until", "")
	}
	if a.GetInt("count") == r.today && a.GetString("state") == a.Original().GetString("state") && a.GetDateTime("last").String() == r.last {
		return nil
	}
	factor, err := s.factor(r)
	if err != nil {
		return err
	}
	a.Set("count", r.today)
	a.Set("expected", r.expected)
	a.Set("chance", r.chance)
	a.Set("reporters", r.reporters)
	a.Set("last", r.last)
	a.Set("factor", factor)
	return s.app.Save(a)
}

// What most of a cluster's messages must have in common to be named.
const (
	factorShare = 0.6
	factorLeast = 3 // messages that name it
	factorLook  = 200
)

// factor names what the messages of a rise have in common: one version, system,
// browser or device that most of those which name one agree on.
func (s span) factor(r rise) (string, error) {
	if r.kind != "cluster" {
		return "", nil
	}
	var list []string
	err := s.app.DB().NewQuery(`SELECT coalesce(json_extract(verdict, '$.environment'), '{}') FROM feedback
		WHERE issue != '' AND issue IN (` + quoted(r.ids) + `) AND created >= {:t} ORDER BY created DESC LIMIT {:n}`).
		Bind(dbx.Params{"t": stamp(s.now.Add(-24 * time.Hour)), "n": factorLook}).Column(&list)
	if err != nil {
		return "", err
	}
	counts, named := map[string]int{}, map[string]int{}
	for _, raw := range list {
		env := map[string]string{}
		if json.Unmarshal([]byte(raw), &env) != nil {
			continue
		}
		for k, v := range env {
			counts[k+" "+v]++
			named[k]++
		}
	}
	best, most := "", 0
	for _, k := range []string{"version", "device", "browser", "os"} {
		for fact, n := range counts {
			if len(fact) > len(k) && fact[:len(k)+1] == k+" " && n >= factorLeast && float64(n) >= factorShare*float64(named[k]) && n > most && len(fact) <= 200 {
				best, most = fact, n
			}
		}
	}
	return best, nil
}
