package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	m "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Accounts: nobody signs up alone, sign-in attempts are limited, tokens are
// short, the request log stays small.
func init() {
	m.Register(func(app core.App) error {
		users, err := app.FindCollectionByNameOrId("users")
		if err != nil {
			return err
		}
		users.CreateRule = nil // a superuser makes accounts
		users.DeleteRule = nil
		users.ListRule = types.Pointer(`id = @request.auth.id && @request.auth.collectionName = "users"`)
		users.ViewRule = users.ListRule
		users.UpdateRule = users.ListRule
		if err := app.Save(users); err != nil {
			return err
		}

		supers, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
		if err != nil {
			return err
		}
		supers.AuthToken.Duration = 8 * 60 * 60 // seconds
		if err := app.Save(supers); err != nil {
			return err
		}

		s := app.Settings()
		s.Meta.AppName = "IterateSwarm"
		s.Logs.MaxDays = 5
		s.RateLimits.Enabled = true
		s.RateLimits.Rules = []core.RateLimitRule{
			{Label: "*:auth", MaxRequests: 5, Duration: 10},
			{Label: "*:authRefresh", MaxRequests: 30, Duration: 10},
			{Label: "*:requestPasswordReset", MaxRequests: 3, Duration: 60},
		}
		return app.Save(s)
	}, func(app core.App) error {
		users, err := app.FindCollectionByNameOrId("users")
		if err != nil {
			return err
		}
		own := types.Pointer("id = @request.auth.id")
		users.ListRule, users.ViewRule, users.UpdateRule, users.DeleteRule = own, own, own, own
		if err := app.Save(users); err != nil {
			return err
		}
		s := app.Settings()
		s.RateLimits.Enabled = false
		s.RateLimits.Rules = nil
		return app.Save(s)
	})
}
