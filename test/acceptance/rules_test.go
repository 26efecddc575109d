package acceptance

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

var update = flag.Bool("update", false, "rewrite testdata/rules.golden")

// A matrix asks the records API everything: each collection, each action, each
// caller. The records asked for belong to the default project.
type matrix struct {
	t       *testing.T
	s       *servertest.Server
	callers []caller
	n       int // makes names unique
	kinds   []kind
	spare   string // a user who is no member, until one makes it one
}

type caller struct {
	name, token, key string
	id               string // of the user
}

// A kind is a collection and how to make, create and change one of its records.
type kind struct {
	collection string
	make       func() string         // behind the API; returns the id
	create     func() map[string]any // a body that fits
	change     map[string]any        // likewise, for an update
}

func newMatrix(t *testing.T) *matrix {
	m := &matrix{t: t, s: servertest.Start(t)}
	s := m.s
	other := s.Save(records.Projects, map[string]any{"name": "Other", "slug": "other"})
	user := func(name, project, role string) caller {
		u := m.user()
		if role != "" {
			s.Save(records.Members, map[string]any{"user": u.Id, "project": project, "role": role})
		}
		token, err := u.NewAuthToken()
		if err != nil {
			t.Fatal(err)
		}
		return caller{name: name, token: token, id: u.Id}
	}
	home := s.Project()
	m.callers = []caller{
		{name: "anonymous"},
		{name: "key", key: s.Key()},
		user("outsider", "", ""),
		user("elsewhere", other.Id, "admin"), // an admin, of another project
		user("viewer", home, "viewer"),
		user("triager", home, "triager"),
		user("approver", home, "approver"),
		user("admin", home, "admin"),
		{name: "superuser", token: s.Superuser()},
	}
	m.kinds = m.everything()
	return m
}

func (m *matrix) caller(name string) caller {
	for _, c := range m.callers {
		if c.name == name {
			return c
		}
	}
	m.t.Fatalf("no caller %q", name)
	return caller{}
}

func (m *matrix) user() *core.Record {
	m.n++
	return m.s.Save(records.Users, map[string]any{"email": fmt.Sprintf("u%d@example.com", m.n), "password": "correct horse", "verified": true})
}

// nobody is a user without any membership. Making one costs a password hash, so
// the last one is taken again while it is free.
func (m *matrix) nobody() string {
	if m.spare == "" || m.s.Count(records.Members, dbx.HashExp{"user": m.spare}) > 0 {
		m.spare = m.user().Id
	}
	return m.spare
}

// serial makes a name that no other record has.
func (m *matrix) serial(prefix string) string {
	m.n++
	return fmt.Sprintf("%s%d", prefix, m.n)
}

// everything lists every collection of the product and those of PocketBase.
func (m *matrix) everything() []kind {
	s, home := m.s, m.s.Project()
	save := func(collection string, fields func() map[string]any) func() string {
		return func() string { return s.Save(collection, fields()).Id }
	}
	of := func(collection, where string) func() string {
		return func() string {
			r, err := s.App.FindFirstRecordByFilter(collection, where)
			if err != nil {
				m.t.Fatalf("%s: %v", collection, err)
			}
			return r.Id
		}
	}
	feedback := s.Post("The app crashes when I click the login button", "user_id", "maya")
	issue := s.Record(records.Feedback, feedback).GetString("issue")
	if issue == "" {
		m.t.Fatal("the message made no issue")
	}
	account := func() map[string]any {
		return map[string]any{"email": m.serial("n") + "@example.com", "password": "correct horse", "passwordConfirm": "correct horse"}
	}
	plugin := func(name string) func() map[string]any {
		return func() map[string]any {
			return map[string]any{"project": home, "name": m.serial("P "), "slug": m.serial("p"), "plugin": name, "config": map[string]any{}, "enabled": false}
		}
	}
	key := func() map[string]any { return map[string]any{"project": home, "name": "Key"} }
	text := func() map[string]any {
		return map[string]any{"project": home, "source": "rules", "content": m.serial("The export fails with error ")}
	}
	delivery := func() map[string]any {
		return map[string]any{"project": home, "issue": issue, "tracker": of(records.Trackers, "plugin = 'local'")(), "action": "create",
			"generation": m.n + 100, "key": m.serial("k"), "state": "done"}
	}
	fresh := func() map[string]any {
		m.n++
		return map[string]any{"project": home, "number": m.n + 1000, "title": "Made by hand", "class": "bug", "severity": "low", "state": "draft", "version": 1}
	}
	decision := func() map[string]any {
		return map[string]any{"project": home, "subject": "issues", "subject_id": issue, "action": "approve", "actor_kind": "person", "actor": "users/forged"}
	}
	step := func() map[string]any {
		return map[string]any{"project": home, "subject_id": issue, "name": "judge"}
	}
	apart := func() map[string]any {
		return map[string]any{"project": home, "low": fmt.Sprintf("a%014d", m.n), "high": fmt.Sprintf("b%014d", m.n)}
	}
	ledger := func() map[string]any {
		return map[string]any{"project": home, "subject_id": feedback, "model": "m-1", "cost": 1}
	}
	view := func() map[string]any {
		return map[string]any{"project": home, "user": m.caller("viewer").id, "name": m.serial("View "), "query": "sev:high", "shared": true}
	}
	layer := func() map[string]any { // one a project
		p := s.Save(records.Projects, map[string]any{"name": "Taught", "slug": m.serial("taught-")})
		return map[string]any{"project": p.Id, "version": "p1"}
	}
	work := func() map[string]any {
		return map[string]any{"project": home, "kind": "issues", "state": "running"}
	}
	alert := func() map[string]any {
		return map[string]any{"project": home, "kind": "source", "key": m.serial("s"), "state": "open"}
	}
	told := func() map[string]any {
		return map[string]any{"project": home, "feedback": feedback, "source": s.Save(records.Sources, plugin("webhook")()).Id,
			"kind": "message", "text": "Hello", "state": "sent", "key": m.serial("t")}
	}
	pin := func() map[string]any {
		return map[string]any{"name": m.serial("plugin"), "file": "plugin", "sha256": strings.Repeat("0", 64)}
	}
	note := func() map[string]any {
		return map[string]any{"project": home, "issue": s.Save(records.Issues, fresh()).Id, "tracker": of(records.Trackers, "plugin = 'local'")(), "wanted": 2}
	}
	return []kind{
		{records.Projects, func() string { return "" }, func() map[string]any { return map[string]any{"name": "P", "slug": m.serial("p")} }, map[string]any{"name": "Renamed"}},
		{records.Members, func() string {
			return s.Save(records.Members, map[string]any{"user": m.user().Id, "project": home, "role": "viewer"}).Id
		}, func() map[string]any {
			return map[string]any{"user": m.nobody(), "project": home, "role": "viewer"}
		}, map[string]any{"role": "admin"}},
		{records.Users, func() string { return m.user().Id }, account, map[string]any{"name": "Renamed"}},
		{records.Keys, func() string {
			k, prefix := records.NewKey()
			return s.Save(records.Keys, map[string]any{"project": home, "name": "K", "hash": records.KeyHash(k), "prefix": prefix}).Id
		}, key, map[string]any{"name": "Renamed"}},
		{records.Sources, save(records.Sources, plugin("webhook")), plugin("webhook"), map[string]any{"name": "Renamed"}},
		{records.Trackers, save(records.Trackers, plugin("local")), plugin("local"), map[string]any{"name": "Renamed"}},
		{records.Feedback, func() string { return m.stored(text()) }, text, map[string]any{"state": "noise"}},
		{records.Reporters, save(records.Reporters, func() map[string]any {
			return map[string]any{"project": home, "source": "rules", "external_id": m.serial("r")}
		}), func() map[string]any {
			return map[string]any{"project": home, "source": "rules", "external_id": m.serial("r")}
		}, map[string]any{"handle": "renamed"}},
		{records.Issues, save(records.Issues, fresh), fresh, map[string]any{"title": "Changed"}},
		{records.Decisions, of(records.Decisions, "action = 'judge'"), decision, map[string]any{"reason": "forged"}},
		{records.Steps, func() string {
			if err := records.AppendStep(s.App, records.Step{Project: home, SubjectID: issue, Name: m.serial("s")}); err != nil {
				m.t.Fatal(err)
			}
			return of(records.Steps, fmt.Sprintf("name = 's%d'", m.n))()
		}, step, map[string]any{"error": "forged"}},
		{records.Usage, save(records.Usage, ledger), ledger, map[string]any{"cost": 0}},
		{records.Separations, save(records.Separations, func() map[string]any { m.n++; return apart() }),
			func() map[string]any { m.n++; return apart() }, map[string]any{"low": "forged"}},
		{records.Deliveries, save(records.Deliveries, delivery), delivery, map[string]any{"state": "done"}},
		{records.Replies, save(records.Replies, told), told, map[string]any{"text": "forged"}},
		{records.Notes, save(records.Notes, note), note, map[string]any{"wanted": 9}},
		{"pins", save("pins", pin), pin, map[string]any{"file": "other"}},
		{records.Uploads, nil, func() map[string]any { return map[string]any{"project": home, "feedback": feedback} }, nil},
		{records.Views, save(records.Views, view), view, map[string]any{"name": "Renamed"}},
		{records.Layers, save(records.Layers, layer), layer, map[string]any{"data": "forged"}},
		{records.Runs, save(records.Runs, work), work, map[string]any{"state": "done"}},
		{records.Alerts, save(records.Alerts, alert), alert, map[string]any{"state": "over"}},
		{"installation", of("installation", "id != ''"), func() map[string]any { return map[string]any{"key_check": "x"} }, map[string]any{"key_check": "x"}},
		{core.CollectionNameSuperusers, func() string {
			return s.Save(core.CollectionNameSuperusers, account()).Id
		}, account, map[string]any{"emailVisibility": true}},
		{core.CollectionNameAuthOrigins, nil, func() map[string]any { return map[string]any{"fingerprint": "x"} }, nil},
		{core.CollectionNameExternalAuths, nil, func() map[string]any { return map[string]any{"provider": "x"} }, nil},
		{core.CollectionNameMFAs, nil, func() map[string]any { return map[string]any{"method": "x"} }, nil},
		{core.CollectionNameOTPs, nil, func() map[string]any { return map[string]any{"password": "x"} }, nil},
	}
}

// stored takes a message in behind the API.
func (m *matrix) stored(fields map[string]any) string { return m.s.Save(records.Feedback, fields).Id }

// ask sends one request to the records API and returns what it amounts to.
func (m *matrix) ask(c caller, action string, k kind, id string) (string, answer) {
	at := m.s.URL + "/api/collections/" + k.collection + "/records"
	r := call{token: c.token, key: c.key}
	switch action {
	case "list":
		r.method, r.url = "GET", at+"?perPage=500&sort=-@rowid"
	case "view":
		r.method, r.url = "GET", at+"/"+id
	case "create":
		r.method, r.url, r.body = "POST", at, k.create()
	case "update":
		r.method, r.url, r.body = "PATCH", at+"/"+id, k.change
	case "delete":
		r.method, r.url = "DELETE", at+"/"+id
	}
	a := must(m.t, r)
	if action != "list" || a.status != 200 {
		return fmt.Sprint(a.status), a
	}
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(a.body, &list); err != nil {
		m.t.Fatal(err)
	}
	for _, it := range list.Items {
		if it.ID == id {
			return "200", a
		}
	}
	return "empty", a
}

// table asks everything and draws it.
func (m *matrix) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s", "")
	for _, c := range m.callers {
		fmt.Fprintf(&b, "%-11s", c.name)
	}
	b.WriteString("\n")
	for _, k := range m.kinds {
		id := ""
		for _, action := range []string{"list", "view", "create", "update", "delete"} {
			if k.make == nil && action != "list" && action != "create" {
				continue
			}
			fmt.Fprintf(&b, "%-24s", k.collection+" "+action)
			for _, c := range m.callers {
				switch {
				case k.collection == records.Projects:
					id = m.projectFor(c)
				case k.make != nil && id == "":
					id = k.make()
				}
				cell, a := m.ask(c, action, k, id)
				fmt.Fprintf(&b, "%-11s", cell)
				m.noSecrets(k.collection, action, c, a)
				if a.status == 204 {
					id = ""
				}
			}
			b.WriteString("\n")
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// projectFor makes a project in which a caller has the role it has at home.
func (m *matrix) projectFor(c caller) string {
	p := m.s.Save(records.Projects, map[string]any{"name": "P", "slug": m.serial("p")})
	at, err := m.s.App.FindFirstRecordByFilter(records.Members, "user = {:u} && project = {:p}", dbx.Params{"u": c.id, "p": m.s.Project()})
	if err == nil {
		m.s.Save(records.Members, map[string]any{"user": c.id, "project": p.Id, "role": at.GetString("role")})
	}
	return p.Id
}

// noSecrets looks for fields that nobody may read in an answer.
func (m *matrix) noSecrets(collection, action string, c caller, a answer) {
	for _, field := range []string{`"password"`, `"tokenKey"`, `"hash":"` /* of a key; decisions have one that is public */, `"secrets":"`} {
		if strings.Contains(string(a.body), field) && (field != `"hash":"` || collection == records.Keys) {
			m.t.Errorf("%s %s shows %s to %s: %s", collection, action, field, c.name, clip(string(a.body)))
		}
	}
}

// Who may do what with which record, over HTTP. Read the diff of the golden
// file when you change a rule; each cell is a decision.
func TestRules(t *testing.T) {
	t.Parallel()
	const golden = "testdata/rules.golden"
	got := newMatrix(t).table()
	t.Logf("\n%s", got)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("the rules changed; if that is meant, run `go test ./test/acceptance -run TestRules -update` (-want +got):\n%s", d)
	}
}

// Every collection is in the matrix, and none has a rule that lets everybody in.
func TestEveryCollectionHasItsRules(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	known := map[string]bool{}
	for _, k := range m.kinds {
		known[k.collection] = true
	}
	all, err := m.s.App.FindAllCollections()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if !known[c.Name] {
			t.Errorf("collection %s is not in the matrix", c.Name)
		}
		for action, rule := range map[string]*string{"list": c.ListRule, "view": c.ViewRule, "create": c.CreateRule, "update": c.UpdateRule, "delete": c.DeleteRule} {
			if rule != nil && *rule == "" {
				t.Errorf("%s %s is open to everybody", c.Name, action)
			}
		}
	}
}
