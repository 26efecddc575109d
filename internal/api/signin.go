package api

import (
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// How often a password may be wrong. PocketBase's own limit is per address and
// over all accounts. One address alone cannot use up what an account has from
// everywhere: it gets fewer back in the same time.
var (
	wrongFromHere = guard.Limit{Burst: 10, Every: 10 * time.Second} // one account, one address
	wrongAnywhere = guard.Limit{Burst: 60, Every: 3 * time.Second}  // one account: a guesser may have many addresses
)

// limitSignIn slows guessing down per account. Only wrong passwords count: who
// knows the right one is not kept out by somebody who guesses elsewhere.
func (a *API) limitSignIn(app core.App) {
	app.OnRecordAuthWithPasswordRequest().BindFunc(func(e *core.RecordAuthWithPasswordRequestEvent) error {
		account := "account:" + e.Collection.Name + ":" + strings.ToLower(strings.TrimSpace(e.Identity))
		here := account + "@" + guard.AddrKey(e.RealIP())
		if err := a.mayGuess(here, wrongFromHere); err != nil {
			return err
		}
		if err := a.mayGuess(account, wrongAnywhere); err != nil {
			a.limiter.Return(here)
			return err
		}
		err := e.Next()
		if err == nil {
			a.limiter.Return(here)
			a.limiter.Return(account)
		}
		return err
	})
}

// mayGuess takes a token before the password is looked at, so that guesses
// that come at once count too.
func (a *API) mayGuess(bucket string, limit guard.Limit) error {
	ok, after, _ := a.limiter.Allow(bucket, limit)
	if ok {
		return nil
	}
	p := pipeline.Fault(pipeline.TooFast, "Too many wrong passwords for this account. The next attempt is taken in %s.", after.Round(100*time.Millisecond))
	p.RetryAfter = after
	return p
}
