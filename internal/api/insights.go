package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/insights"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// inProject finds the project that a request names and checks the caller's role.
func (a *API) inProject(e *core.RequestEvent, name string, need triage.Role) (*core.Record, error) {
	if err := signedIn(e); err != nil {
		return nil, err
	}
	p, err := records.ProjectBySlug(e.App, name)
	if err != nil {
		return nil, pipeline.Fault(pipeline.NoProject, "There is no project %q, or you are no member of it.", clipped(name)).At("project")
	}
	return p, a.p.May(e.App, caller(e), p.Id, need, pipeline.NoProject)
}

// summary is GET /api/projects/{id}/summary.
func (a *API) summary(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	s, err := insights.Summarize(e.App, p.Id, time.Now())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, s)
}

// wholeNumber reads a number of a query.
func wholeNumber(text string, from, to int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= from && n <= to
}

// report counts what ?project= and ?days= ask for.
func (a *API) report(e *core.RequestEvent) (*insights.Report, error) {
	q := e.Request.URL.Query()
	p, err := a.inProject(e, q.Get("project"), triage.Viewer)
	if err != nil {
		return nil, err
	}
	days := 90
	if d := q.Get("days"); d != "" {
		var ok bool
		if days, ok = wholeNumber(d, 1, insights.MostDays); !ok {
			return nil, pipeline.Fault(pipeline.BadValue, "days is a number from 1 to %d.", insights.MostDays).At("days")
		}
	}
	return insights.Of(e.App, p.Id, days, time.Now())
}

// insights is GET /api/insights.
func (a *API) insights(e *core.RequestEvent) error {
	r, err := a.report(e)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, r)
}

// insightsCSV is GET /api/insights.csv: one chart's numbers as a table.
func (a *API) insightsCSV(e *core.RequestEvent) error {
	r, err := a.report(e)
	if err != nil {
		return err
	}
	chart := e.Request.URL.Query().Get("chart")
	table, ok := chartTable(r, chart)
	if !ok {
		return pipeline.Fault(pipeline.BadValue, "chart is one of volume, severity, clusters, calibration, engines and sources.").At("chart")
	}
	e.Response.Header().Set("Content-Type", "text/csv; charset=utf-8")
	e.Response.Header().Set("Content-Disposition", `attachment; filename="`+chart+`.csv"`)
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, line := range table {
		for i := range line {
			line[i] = triage.CSVCell(line[i])
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return e.String(http.StatusOK, b.String())
}

func chartTable(r *insights.Report, chart string) ([][]string, bool) {
	var t [][]string
	add := func(cells ...any) {
		line := make([]string, len(cells))
		for i, c := range cells {
			switch v := c.(type) {
			case *float64:
				if v != nil {
					line[i] = strconv.FormatFloat(*v, 'f', -1, 64)
				}
			default:
				line[i] = fmt.Sprint(v)
			}
		}
		t = append(t, line)
	}
	switch chart {
	case "volume":
		add("day", "bug", "feature", "question", "noise")
		for _, v := range r.Volume {
			add(v.Day, v.Bug, v.Feature, v.Question, v.Noise)
		}
	case "severity":
		add("week", "critical", "high", "medium", "low")
		for _, v := range r.Severity {
			add(v.Start, v.Critical, v.High, v.Medium, v.Low)
		}
	case "clusters":
		add("issue", "title", "state", "class", "severity", "reports", "before", "delta", "reporters", "last_24_h", "spike")
		for _, v := range r.Clusters {
			add(v.Number, v.Title, v.State, v.Class, v.Severity, v.N, v.Before, v.Delta, v.Reporters, v.Today, v.Spike)
		}
	case "calibration":
		add("confidence_from", "confidence_to", "decisions", "agreed")
		if r.Calibration != nil {
			for _, v := range r.Calibration.Bins {
				add(v.From, v.To, v.N, v.Agreed)
			}
		}
	case "engines":
		add("day", "engine", "messages", "calls", "cost")
		for _, v := range r.Engines {
			add(v.Day, v.Engine, v.N, v.Calls, v.Cost)
		}
	case "sources":
		add("source", "received", "last", "p50_ms", "p95_ms", "usual_gap_s", "silent", "status")
		for _, v := range r.Sources {
			add(v.Source, v.Received, v.Last, v.P50, v.P95, v.Usual, v.Silent, v.Status)
		}
	default:
		return nil, false
	}
	return t, true
}

// mostSeries is how many issues one request for series may name.
const mostSeries = 100

// series is GET /api/projects/{id}/series?issues=A,B&days=14: reports a day.
func (a *API) series(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	q := e.Request.URL.Query()
	days := 14
	if d := q.Get("days"); d != "" {
		var ok bool
		if days, ok = wholeNumber(d, 1, insights.MostDays); !ok {
			return pipeline.Fault(pipeline.BadValue, "days is a number from 1 to %d.", insights.MostDays).At("days")
		}
	}
	mine, err := a.issuesNamed(e, p.Id)
	if err != nil {
		return err
	}
	out, err := insights.Daily(e.App, mine, days, time.Now())
	if err != nil {
		return err
	}
	sources, err := insights.SourcesOf(e.App, mine)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"days": days, "series": out, "sources": sources})
}

// issuesNamed are those of ?issues=ID,ID that are the project's.
func (a *API) issuesNamed(e *core.RequestEvent, project string) ([]string, error) {
	var ids []string
	for _, id := range strings.Split(e.Request.URL.Query().Get("issues"), ",") {
		if records.LooksLikeID(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > mostSeries {
		return nil, pipeline.Fault(pipeline.BadValue, "Name at most %d issues.", mostSeries).At("issues")
	}
	return a.p.IssuesOf(project, ids)
}

// rows is GET /api/projects/{id}/rows: what the inbox shows of issues beside
// their records.
func (a *API) rows(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	mine, err := a.issuesNamed(e, p.Id)
	if err != nil {
		return err
	}
	out, err := insights.Rows(e.App, mine, time.Now())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, out)
}

// alert is POST /api/alerts/{id}/{action}.
func (a *API) alert(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	var body struct {
		Until until `json:"until"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	r, err := a.p.Alert(e.Request.PathValue("id"), e.Request.PathValue("action"), caller(e), body.Until.Time)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"alert": r.PublicExport()})
}

// search is GET /api/search?project=ID&q=WORDS.
func (a *API) search(e *core.RequestEvent) error {
	q := e.Request.URL.Query()
	p, err := a.inProject(e, q.Get("project"), triage.Viewer)
	if err != nil {
		return err
	}
	if n := len(q.Get("q")); n > pipeline.LongestQuery {
		return pipeline.Fault(pipeline.BadValue, "q has at most %d bytes; this one has %d.", pipeline.LongestQuery, n).At("q")
	}
	issues, messages, err := a.p.Search(p.Id, q.Get("q"))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"issues": issues, "feedback": messages})
}
