package api

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
)

// metrics is what /metrics shows: counters of this process, and gauges that a
// query answers when they are read.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	received *prometheus.CounterVec
	sources  bounded
}

// mostSources is how many sources are counted each by its name.
const mostSources = 50

// bounded lets the first few names through and calls the rest "other": what
// strangers name must not fill the memory.
type bounded struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (b *bounded) name(s string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.seen[s] && len(b.seen) >= mostSources {
		return "other"
	}
	b.seen[s] = true
	return s
}

func newMetrics(p *pipeline.Pipeline) *metrics {
	reg := prometheus.NewRegistry()
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "iterateswarm_http_requests_total", Help: "Requests answered, by route and status."},
			[]string{"method", "route", "status"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "iterateswarm_feedback_received_total", Help: "New messages stored since the process started, by source."},
			[]string{"source"}),
		sources: bounded{seen: map[string]bool{}},
	}
	reg.MustRegister(m.requests, m.received, &counted{p: p}, &pluginMetrics{p: p}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// A message that is known already is no record that is created.
	p.App.OnRecordAfterCreateSuccess(records.Feedback).BindFunc(func(e *core.RecordEvent) error {
		m.received.WithLabelValues(m.sources.name(e.Record.GetString("source"))).Inc()
		return e.Next()
	})
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) request(method, pattern string, status int) {
	if pattern == "" {
		pattern = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(method, pattern, strconv.Itoa(status)).Inc()
}

// prometheus is GET /metrics.
func (a *API) prometheus(e *core.RequestEvent) error {
	if err := a.mayCount(e); err != nil {
		return err
	}
	a.metrics.handler.ServeHTTP(e.Response, e.Request)
	return nil
}

// counted collects the numbers that come from the database.
type counted struct{ p *pipeline.Pipeline }

var (
	descFeedback   = prometheus.NewDesc("iterateswarm_feedback", "Messages stored, by state.", []string{"state"}, nil)
	descIssues     = prometheus.NewDesc("iterateswarm_issues", "Issues, by state, without merged ones.", []string{"state"}, nil)
	descDeliveries = prometheus.NewDesc("iterateswarm_deliveries", "Deliveries to trackers, by state.", []string{"state"}, nil)
	descJobs       = prometheus.NewDesc("iterateswarm_jobs", "Unfinished and discarded jobs, by state.", []string{"state"}, nil)
	descBreaker    = prometheus.NewDesc("iterateswarm_breaker_open", "The worst breaker: 0 closed, 0.5 half-open, 1 open.", nil, nil)
	descDecided    = prometheus.NewDesc("iterateswarm_decisions", "Decisions of people on the class, by whether they agreed with the engine.", []string{"agreed"}, nil)
	descDegraded   = prometheus.NewDesc("iterateswarm_feedback_degraded", "Messages that have the offline verdict and wait to be thought over by the model.", nil, nil)
	descLLMBreaker = prometheus.NewDesc("iterateswarm_llm_breaker_open", "The model's breaker: 0 closed, 0.5 half-open, 1 open.", []string{"model"}, nil)
	descLLMCalls   = prometheus.NewDesc("iterateswarm_llm_calls_total", "Calls to the model since the process started, by whether they failed.", []string{"model", "failed"}, nil)
	descLLMTokens  = prometheus.NewDesc("iterateswarm_llm_tokens_today", "Tokens used since midnight UTC.", []string{"model"}, nil)
	descLLMCost    = prometheus.NewDesc("iterateswarm_llm_cost_today", "Money spent since midnight UTC, in the currency of the configured prices.", []string{"model"}, nil)
	descLLMState   = prometheus.NewDesc("iterateswarm_llm_state", "1 for the state the model is in: ready, probing, open, waiting, budget or setup.", []string{"model", "state"}, nil)
	descLLMWait    = prometheus.NewDesc("iterateswarm_llm_wait_seconds", "Time until the model may be called; 0: now.", []string{"model"}, nil)
	descLLMLimit   = prometheus.NewDesc("iterateswarm_llm_tokens_limit", "Tokens that may be used a day; 0: no limit.", []string{"model"}, nil)
	descTook       = prometheus.NewDesc("iterateswarm_settle_seconds_mean", "Mean time from stored to settled of the last 100 messages.", nil, nil)
)

// Describe sends the descriptions of all numbers.
func (c *counted) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descFeedback, descIssues, descDeliveries, descJobs, descBreaker, descDecided, descTook,
		descDegraded, descLLMBreaker, descLLMCalls, descLLMTokens, descLLMCost, descLLMState, descLLMWait, descLLMLimit} {
		ch <- d
	}
}

// Collect counts and sends all numbers.
func (c *counted) Collect(ch chan<- prometheus.Metric) {
	s, err := c.p.Stats()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descFeedback, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, m := range []struct {
		desc   *prometheus.Desc
		counts map[string]int
	}{{descFeedback, s.Feedback}, {descIssues, s.Issues}, {descDeliveries, s.Deliveries}, {descJobs, s.Jobs}} {
		for state, n := range m.counts {
			gauge(m.desc, float64(n), state)
		}
	}
	open := map[string]float64{guard.Closed: 0, guard.HalfOpen: 0.5, guard.Open: 1}
	gauge(descBreaker, open[s.Breaker])
	gauge(descDegraded, float64(s.Degraded))
	if m := s.Model; m != nil {
		gauge(descLLMBreaker, open[m.Breaker], m.Model)
		gauge(descLLMTokens, float64(m.Tokens), m.Model)
		gauge(descLLMCost, m.Cost, m.Model)
		gauge(descLLMState, 1, m.Model, m.State)
		gauge(descLLMWait, m.Wait.Seconds(), m.Model)
		gauge(descLLMLimit, float64(m.TokenLimit), m.Model)
		for failed, n := range map[string]int64{"yes": m.Failed, "no": m.Calls - m.Failed} {
			ch <- prometheus.MustNewConstMetric(descLLMCalls, prometheus.CounterValue, float64(n), m.Model, failed)
		}
	}
	gauge(descDecided, float64(s.Agreed), "yes")
	gauge(descDecided, float64(s.Decided-s.Agreed), "no")
	gauge(descTook, s.AvgTook.Seconds())
}
