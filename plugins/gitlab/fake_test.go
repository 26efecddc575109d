package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// fake stands in for GitLab.
type fake struct {
	t testing.TB

	mu       sync.Mutex
	login    string
	issues   []issue
	notes    []comment
	labels   []label
	branches map[string]string // to what they started from
	merges   []map[string]any
	commits  []map[string]any
	place    map[string]any
}

const token = "glpat-0123456789"

func newFake(t testing.TB) *fake {
	return &fake{t: t, login: "bot", labels: []label{{Name: "Bug", Color: "#ee0701"}, {Name: "ui"}}, branches: map[string]string{"main": ""},
		place: map[string]any{"default_branch": "main", "permissions": map[string]any{"project_access": map[string]any{"access_level": 20}}}}
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.issues)
}

func (f *fake) start(t testing.TB) string {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func tracker(t testing.TB, base, more string) *Tracker {
	t.Helper()
	tr := New()
	config := fmt.Sprintf(`{"base_url":%q,"token":%q,"project":"acme/apps/web"%s}`, base, token, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func (f *fake) add(author, description string, age time.Duration) *issue {
	n := int64(len(f.issues) + 1)
	at := time.Now().Add(-age)
	f.issues = append(f.issues, issue{ID: 1000 + n, IID: n, Description: description, State: "opened", Created: at, Updated: at, Author: user{Username: author},
		URL: fmt.Sprintf("https://gitlab.test/acme/apps/web/-/issues/%d", n)})
	return &f.issues[n-1]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	missing := func() { answer(404, map[string]string{"message": "404 Not found"}) }
	if r.Header.Get("Private-Token") != token {
		answer(401, map[string]string{"message": "401 Unauthorized"})
		return
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v4/")
	if !ok {
		f.t.Errorf("%s %s", r.Method, r.URL)
	}
	path = strings.TrimPrefix(path, "projects/acme%2Fapps%2Fweb")
	var req map[string]any
	json.NewDecoder(r.Body).Decode(&req)
	q := r.URL.Query()
	text := func(name string) string { s, _ := req[name].(string); return s }
	list := func(all []any) {
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("per_page"))
		page = max(page, 1)
		if page*size < len(all) {
			w.Header().Set("X-Next-Page", fmt.Sprint(page+1))
		}
		answer(200, append([]any{}, all[min(len(all), (page-1)*size):min(len(all), page*size)]...))
	}
	parts := strings.Split(path, "/")
	var there *issue
	if len(parts) > 2 && parts[1] == "issues" {
		n, _ := strconv.Atoi(parts[2])
		if n < 1 || n > len(f.issues) {
			missing()
			return
		}
		there = &f.issues[n-1]
		parts[2] = "*"
	}
	split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
	switch route := r.Method + " " + strings.Join(parts, "/"); {
	case route == "GET user":
		answer(200, user{Username: f.login})
	case route == "GET ":
		answer(200, f.place)
	case route == "GET /labels":
		var all []any
		for _, l := range f.labels {
			all = append(all, l)
		}
		list(all)
	case route == "GET /members/all":
		list([]any{user{ID: 7, Username: "ann", Name: "Ann"}})
	case route == "POST /issues":
		i := f.add(f.login, text("description"), 0)
		i.Title, i.Labels = text("title"), split(text("labels"))
		ids, _ := req["assignee_ids"].([]any)
		for _, id := range ids {
			i.Assignees = append(i.Assignees, user{ID: int64(id.(float64))})
		}
		answer(201, i)
	case route == "GET /issues":
		after, _ := time.Parse(time.RFC3339, q.Get("created_after"))
		changed, _ := time.Parse(time.RFC3339Nano, q.Get("updated_after"))
		sorted := slices.Clone(f.issues)
		slices.SortStableFunc(sorted, func(a, b issue) int {
			if q.Get("order_by") == "updated_at" {
				return b.Updated.Compare(a.Updated)
			}
			return b.Created.Compare(a.Created)
		})
		var all []any
		for _, i := range sorted {
			if !i.Created.Before(after) && !i.Updated.Before(changed) && strings.Contains(i.Title, q.Get("search")) {
				all = append(all, i)
			}
		}
		list(all)
	case route == "GET /issues/*":
		answer(200, there)
	case route == "PUT /issues/*":
		there.Updated = time.Now()
		switch text("state_event") {
		case "close":
			there.State, there.Closed = "closed", time.Now()
		case "reopen":
			there.State, there.Closed = "opened", time.Time{}
		}
		there.Labels = slices.DeleteFunc(append(there.Labels, split(text("add_labels"))...), func(l string) bool { return slices.Contains(split(text("remove_labels")), l) })
		if ids, ok := req["assignee_ids"].([]any); ok {
			there.Assignees = nil
			for _, id := range ids {
				there.Assignees = append(there.Assignees, user{ID: int64(id.(float64))})
			}
		}
		answer(200, there)
	case route == "GET /issues/*/notes":
		var all []any
		for _, n := range f.notes {
			all = append(all, n)
		}
		list(all)
	case route == "POST /issues/*/notes":
		f.notes = append(f.notes, comment{ID: int64(50 + len(f.notes)), Body: text("body"), Author: user{Username: f.login}})
		answer(201, f.notes[len(f.notes)-1])
	case strings.HasPrefix(route, "PUT /issues/*/notes/"):
		for i := range f.notes {
			if fmt.Sprint(f.notes[i].ID) == parts[4] {
				f.notes[i].Body = text("body")
				answer(200, f.notes[i])
				return
			}
		}
		missing()
	case route == "GET /merge_requests":
		found := []any{}
		for _, m := range f.merges {
			if m["source_branch"] == q.Get("source_branch") {
				found = append(found, m)
			}
		}
		answer(200, found)
	case route == "POST /merge_requests":
		req["id"], req["iid"], req["web_url"] = 900+len(f.merges), 1+len(f.merges), "https://gitlab.test/mr"
		f.merges = append(f.merges, req)
		answer(201, req)
	case strings.HasPrefix(route, "GET /repository/branches/"):
		if _, ok := f.branches[strings.ReplaceAll(strings.Join(parts[3:], "/"), "%2F", "/")]; !ok {
			missing()
			return
		}
		answer(200, map[string]any{"name": "x"})
	case route == "GET /repository/tree":
		if _, ok := f.branches[q.Get("ref")]; !ok {
			missing()
			return
		}
		list([]any{map[string]string{"path": "old.go", "mode": "100644"}, map[string]string{"path": "link", "mode": "120000"}})
	case route == "POST /repository/commits":
		f.commits = append(f.commits, req)
		f.branches[text("branch")] = text("start_branch")
		answer(201, map[string]any{"id": "sha"})
	default:
		f.t.Errorf("no route %q", route)
		missing()
	}
}
