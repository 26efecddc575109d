package api

import (
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// accountTries is how often one account's password may be tried, from wherever:
// PocketBase's own limit is per address, and a guesser has many.
var accountTries = guard.Limit{Burst: 10, Every: 10 * time.Second}

// limitSignIn slows guessing down per account.
func (a *API) limitSignIn(app core.App) {
	app.OnRecordAuthWithPasswordRequest().BindFunc(func(e *core.RecordAuthWithPasswordRequestEvent) error {
		account := "account:" + e.Collection.Name + ":" + strings.ToLower(strings.TrimSpace(e.Identity))
		if ok, after, _ := a.limiter.Allow(account, accountTries); !ok {
			p := pipeline.Fault(pipeline.TooFast, "Too many attempts to sign in to this account. The next one is taken in %s.", after.Round(100*time.Millisecond))
			p.RetryAfter = after
			return p
		}
		return e.Next()
	})
}
