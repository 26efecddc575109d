package api

import (
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
)

// bindScreens adds the routes that the web app's screens stand on.
func (a *API) bindScreens(r *router.Router[*core.RequestEvent]) {
	quiet := apis.SkipSuccessActivityLog()
	r.GET("/api/projects/{id}/summary", a.summary).Bind(quiet)
	r.GET("/api/projects/{id}/series", a.series).Bind(quiet)
	r.GET("/api/projects/{id}/rows", a.rows).Bind(quiet)
	r.GET("/api/insights", a.insights).Bind(quiet)
	r.GET("/api/insights.csv", a.insightsCSV)
	r.POST("/api/feedback/{id}/judge", a.tryAgain)
	r.POST("/api/feedback/{id}/retriage", a.retriage)
	r.POST("/api/runs/{id}/cancel", a.cancelRun)
	r.POST("/api/alerts/{id}/{action}", a.alert)
	r.GET("/api/projects/{id}/people", a.people)
	r.POST("/api/projects/{id}/invite", a.invite)
	r.GET("/api/projects/{id}/audit", a.audit)
	r.GET("/api/projects/{id}/retention", a.retention)
	r.POST("/api/projects/{id}/demo", a.loadDemo)
	r.DELETE("/api/projects/{id}/demo", a.removeDemo)
	r.GET("/api/search", a.search).Bind(quiet) // what people look for is in no log
	r.POST("/api/reporters/{id}/erase", a.erase)
	r.GET("/api/reporters/{id}/export", a.exportReporter)
}
