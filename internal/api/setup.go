package api

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// setup makes the first admin of an installation that has none. Its code is
// printed at the start, lives in memory and is good for one admin.
type setup struct{ code string }

// Letters and digits that cannot be taken for one another; 32 of them, so 10
// make 50 bits.
const codeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

func newSetup() *setup {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // crypto/rand never fails on supported systems
	for i := range b {
		b[i] = codeAlphabet[int(b[i])%len(codeAlphabet)]
	}
	return &setup{code: string(b[:5]) + "-" + string(b[5:])}
}

// SetupCode returns the code of the first admin, or "" when there is an admin.
func (a *API) SetupCode(app core.App) (string, error) {
	needed, err := needsSetup(app)
	if err != nil || !needed {
		return "", err
	}
	return a.setup.code, nil
}

func needsSetup(app core.App) (bool, error) {
	n, err := app.CountRecords(core.CollectionNameSuperusers, dbx.Not(dbx.HashExp{"email": core.DefaultInstallerEmail}))
	if err != nil {
		return false, fmt.Errorf("count superusers: %w", err)
	}
	return n == 0, nil
}

// setupNeeded is GET /api/setup.
func (a *API) setupNeeded(e *core.RequestEvent) error {
	needed, err := needsSetup(e.App)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"needed": needed})
}

// setupTries is how often somebody may guess.
var setupTries = guard.Limit{Burst: 5, Every: 12 * time.Second}

// setUp is POST /api/setup: the code, an email and a password make a superuser
// for the console, and a user of the same name who is admin of the default
// project.
func (a *API) setUp(e *core.RequestEvent) error {
	if err := a.take("setup:"+guard.AddrKey(e.RealIP()), setupTries); err != nil {
		return err
	}
	var body struct {
		Code     string `json:"code"`
		Email    string `json:"email"`
		Password string `json:"password"`
		Name     string `json:"name"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	given := strings.ToUpper(strings.TrimSpace(body.Code))
	if subtle.ConstantTimeCompare([]byte(given), []byte(a.setup.code)) != 1 {
		return pipeline.Fault(pipeline.BadSetupCode, "This is not the setup code. The server printed it when it started.").At("code")
	}
	err := e.App.RunInTransaction(func(tx core.App) error {
		needed, err := needsSetup(tx)
		if err != nil {
			return err
		}
		if !needed {
			return pipeline.Fault(pipeline.AlreadySetUp, "There is an admin already. Use `iterateswarm superuser upsert EMAIL PASSWORD` on the server.")
		}
		for _, collection := range []string{core.CollectionNameSuperusers, records.Users} {
			c, err := tx.FindCachedCollectionByNameOrId(collection)
			if err != nil {
				return err
			}
			r := core.NewRecord(c)
			r.SetEmail(body.Email)
			r.SetPassword(body.Password)
			r.SetVerified(true)
			if collection == records.Users {
				r.Set("name", body.Name)
			}
			if err := tx.Save(r); err != nil {
				return pipeline.Fault(pipeline.BadValue, "The account was not made: %s", err.Error())
			}
			if collection == records.Users {
				return makeAdmin(tx, r)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.log.Info("first admin made", "request_id", requestID(e))
	return e.JSON(http.StatusOK, map[string]any{"email": body.Email})
}

func makeAdmin(tx core.App, user *core.Record) error {
	project, err := records.ProjectBySlug(tx, "")
	if err != nil {
		return fmt.Errorf("default project: %w", err)
	}
	c, err := tx.FindCachedCollectionByNameOrId(records.Members)
	if err != nil {
		return err
	}
	m := core.NewRecord(c)
	m.Set("user", user.Id)
	m.Set("project", project.Id)
	m.Set("role", string(triage.Admin))
	return tx.Save(m)
}
