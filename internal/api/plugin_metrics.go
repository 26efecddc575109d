package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// pluginMetrics collects the numbers of every configured source and tracker.
type pluginMetrics struct{ p *pipeline.Pipeline }

var (
	pluginLabels       = []string{"plugin", "instance"}
	descPluginState    = prometheus.NewDesc("iterateswarm_plugin_state", "1 for the state that a source's or tracker's process is in.", append(pluginLabels, "state"), nil)
	descPluginRestarts = prometheus.NewDesc("iterateswarm_plugin_restarts", "Restarts of a process since its configuration changed.", pluginLabels, nil)
	descPluginMemory   = prometheus.NewDesc("iterateswarm_plugin_resident_memory_bytes", "Memory that a process holds.", pluginLabels, nil)
	descPluginCalls    = prometheus.NewDesc("iterateswarm_plugin_calls_total", "Calls to a process since the server started.", pluginLabels, nil)
	descPluginErrors   = prometheus.NewDesc("iterateswarm_plugin_errors_total", "Calls that failed and streams that broke.", pluginLabels, nil)
	descPluginItems    = prometheus.NewDesc("iterateswarm_plugin_items_total", "Messages that a source has brought.", pluginLabels, nil)
	descPluginRefused  = prometheus.NewDesc("iterateswarm_plugin_refused_total", "Messages of a source that could not be stored; its log says why.", pluginLabels, nil)
)

// Describe sends the descriptions of all numbers.
func (m *pluginMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPluginState, descPluginRestarts, descPluginMemory, descPluginCalls,
		descPluginErrors, descPluginItems, descPluginRefused} {
		ch <- d
	}
}

// Collect sends the numbers as they are.
func (m *pluginMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, r := range m.p.Plugins.Reports() {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{r.Plugin, r.ID}, more...)...)
		}
		send(descPluginState, prometheus.GaugeValue, 1, string(r.State))
		send(descPluginRestarts, prometheus.GaugeValue, float64(r.Restarts))
		send(descPluginMemory, prometheus.GaugeValue, float64(r.RSS))
		send(descPluginCalls, prometheus.CounterValue, float64(r.Calls))
		send(descPluginErrors, prometheus.CounterValue, float64(r.Errors))
		send(descPluginItems, prometheus.CounterValue, float64(r.Items))
		send(descPluginRefused, prometheus.CounterValue, float64(r.Refused))
	}
}
