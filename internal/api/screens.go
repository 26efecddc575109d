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
	r.GET("/api/insights", a.insights).Bind(quiet)
	r.GET("/api/insights.csv", a.insightsCSV)
	r.POST("/api/alerts/{id}/{action}", a.alert)
}
