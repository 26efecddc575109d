package api

import (
	"fmt"
	"net/http"
	"net/mail"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/mails"
	"github.com/pocketbase/pocketbase/tools/security"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// person is a member as others see it. The address is for admins.
type person struct {
	ID     string `json:"id"` // of the membership
	User   string `json:"user"`
	Name   string `json:"name"`
	Email  string `json:"email,omitempty"`
	Role   string `json:"role"`
	Joined string `json:"joined"`
}

// people is GET /api/projects/{id}/people.
func (a *API) people(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Viewer)
	if err != nil {
		return err
	}
	role, _ := records.RoleOf(e.App, caller(e), p.Id)
	list, err := e.App.FindRecordsByFilter(records.Members, "project = {:p}", "created", 500, 0, dbx.Params{"p": p.Id})
	if err != nil {
		return err
	}
	out := make([]person, 0, len(list))
	for _, m := range list {
		u, err := e.App.FindRecordById(records.Users, m.GetString("user"))
		if err != nil {
			continue // deleted meanwhile
		}
		one := person{ID: m.Id, User: u.Id, Name: u.GetString("name"), Role: m.GetString("role"), Joined: m.GetString("created")}
		if role == triage.Admin || u.Id == caller(e).Id {
			one.Email = u.Email()
		} else if one.Name == "" {
			one.Name, _, _ = strings.Cut(u.Email(), "@")
		}
		out = append(out, one)
	}
	return e.JSON(http.StatusOK, map[string]any{"people": out, "role": role})
}

// invite is POST /api/projects/{id}/invite: makes an account when there is none
// and a member of it. With mail configured the person gets a letter that leads
// to a password; without, the answer holds a link to hand over.
func (a *API) invite(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	var body struct {
		Email string      `json:"email"`
		Name  string      `json:"name"`
		Role  triage.Role `json:"role"`
	}
	if err := decode(e, &body); err != nil {
		return err
	}
	addr, err := mail.ParseAddress(strings.TrimSpace(body.Email))
	if err != nil || addr.Name != "" {
		return pipeline.Fault(pipeline.BadValue, "email must be an address such as maya@example.com.").At("email")
	}
	if !body.Role.AtLeast(triage.Viewer) {
		return pipeline.Fault(pipeline.BadValue, "role is one of viewer, triager, approver and admin.").At("role")
	}
	var user, member *core.Record
	isNew := false
	err = e.App.RunInTransaction(func(tx core.App) error {
		var err error
		if user, err = tx.FindAuthRecordByEmail(records.Users, addr.Address); err != nil {
			if user, err = newUser(tx, addr.Address, body.Name); err != nil {
				return err
			}
			isNew = true
		}
		if n, err := tx.CountRecords(records.Members, dbx.HashExp{"user": user.Id, "project": p.Id}); err != nil || n > 0 {
			if err == nil {
				err = pipeline.Fault(pipeline.IsMember, "%s is a member of this project already.", addr.Address).At("email")
			}
			return err
		}
		c, err := tx.FindCachedCollectionByNameOrId(records.Members)
		if err != nil {
			return err
		}
		member = core.NewRecord(c)
		member.Set("user", user.Id)
		member.Set("project", p.Id)
		member.Set("role", string(body.Role))
		return tx.Save(member)
	})
	if err != nil {
		return err
	}
	a.log.Info("member added", "project", p.Id, "user", user.Id, "role", body.Role, "by", caller(e).Id, "request_id", requestID(e))
	answer := map[string]any{"member": member.Id, "user": user.Id, "new": isNew, "mailed": false}
	if isNew {
		if e.App.Settings().SMTP.Enabled {
			if err := mails.SendRecordPasswordReset(e.App, user); err != nil {
				a.log.Error("send invitation", "user", user.Id, "request_id", requestID(e), "err", err)
			} else {
				answer["mailed"] = true
			}
		}
		if answer["mailed"] == false {
			token, err := user.NewPasswordResetToken()
			if err != nil {
				return err
			}
			answer["link"] = fmt.Sprintf("%s/welcome#%s", a.address(e), token) // a fragment: it reaches no log
		}
	}
	return e.JSON(http.StatusOK, answer)
}

func newUser(tx core.App, email, name string) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId(records.Users)
	if err != nil {
		return nil, err
	}
	u := core.NewRecord(c)
	u.SetEmail(email)
	u.SetPassword(security.RandomString(40)) // nobody knows it; the link sets one
	u.SetVerified(true)
	u.Set("name", name)
	if err := tx.Save(u); err != nil {
		return nil, pipeline.Fault(pipeline.BadValue, "The account was not made: %s", err.Error())
	}
	return u, nil
}

// address is where people open the app.
func (a *API) address(e *core.RequestEvent) string {
	if url := strings.TrimSuffix(a.cfg.App.URL, "/"); url != "" {
		return url
	}
	scheme := "http"
	if e.IsTLS() {
		scheme = "https"
	}
	return scheme + "://" + e.Request.Host
}

// audit is GET /api/projects/{id}/audit: walks the chain of decisions.
func (a *API) audit(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	out, err := a.p.Audit(p.Id)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, out)
}

// erase is POST /api/reporters/{id}/erase.
func (a *API) erase(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	out, err := a.p.EraseReporter(e.Request.PathValue("id"), caller(e), requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, out)
}

// exportReporter is GET /api/reporters/{id}/export.
func (a *API) exportReporter(e *core.RequestEvent) error {
	if err := signedIn(e); err != nil {
		return err
	}
	out, err := a.p.ExportReporter(e.Request.PathValue("id"), caller(e))
	if err != nil {
		return err
	}
	e.Response.Header().Set("Content-Disposition", `attachment; filename="reporter-`+e.Request.PathValue("id")+`.json"`)
	return e.JSON(http.StatusOK, out)
}

// retention is GET /api/projects/{id}/retention?days=N: what would be erased.
func (a *API) retention(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	days, ok := wholeNumber(e.Request.URL.Query().Get("days"), 1, 36_500)
	if !ok {
		return pipeline.Fault(pipeline.BadValue, "days is a number from 1 to 36500.").At("days")
	}
	n, err := a.p.Outdated(p.Id, days)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"days": days, "messages": n})
}

// loadDemo is POST /api/projects/{id}/demo.
func (a *API) loadDemo(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	n, err := a.p.LoadDemo(p.Id, caller(e), requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"loaded": n})
}

// removeDemo is DELETE /api/projects/{id}/demo.
func (a *API) removeDemo(e *core.RequestEvent) error {
	p, err := a.inProject(e, e.Request.PathValue("id"), triage.Admin)
	if err != nil {
		return err
	}
	out, err := a.p.RemoveDemo(p.Id, caller(e), requestID(e))
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, out)
}
