package jira

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// fake stands in for Jira, in both editions. It refuses what they refuse: a
// field that is not in the form, a text of the wrong form, a label with a space.
type fake struct {
	t     testing.TB
	cloud bool

	mu       sync.Mutex
	issues   []map[string]any
	comments []map[string]any
	form     []string // the fields of every type
	me       string
	lacks    string // a permission
}

const token = "t0ken0123456789"

func newFake(t testing.TB, edition string) *fake {
	return &fake{t: t, cloud: edition == "cloud", me: "bot-1", form: []string{"summary", "description", "labels", "priority", "assignee"}}
}

func (f *fake) start(t testing.TB) string {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.issues)
}

func tracker(t testing.TB, base, edition, more string) *Tracker {
	t.Helper()
	tr := New()
	config := fmt.Sprintf(`{"base_url":%q,"token":%q,"project":"APP","edition":%q,"email":"a@x.test"%s}`, base, token, edition, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func (f *fake) person(id string) map[string]any {
	if f.cloud {
		return map[string]any{"accountId": id, "displayName": "The " + id, "active": true}
	}
	return map[string]any{"name": id, "displayName": "The " + id}
}

const layout = "2006-01-02T15:04:05.000-0700"

func (f *fake) add(creator string, labels []string, age time.Duration) map[string]any {
	n := len(f.issues) + 1
	at := time.Now().Add(-age).Format(layout)
	i := map[string]any{"id": fmt.Sprint(10000 + n), "key": fmt.Sprintf("APP-%d", n), "fields": map[string]any{"summary": "t", "labels": labels, "created": at, "updated": at,
		"resolutiondate": nil, "creator": f.person(creator), "assignee": nil, "status": map[string]any{"statusCategory": map[string]any{"key": "new"}}, "resolution": nil}}
	f.issues = append(f.issues, i)
	return i
}

func of(i map[string]any) map[string]any { return i["fields"].(map[string]any) }

var (
	byLabel = regexp.MustCompile(`^labels = "([a-zA-Z0-9-]+)" AND (created|updated) >= "-(\d+)m" ORDER BY (created DESC|updated ASC)$`)
	byText  = regexp.MustCompile(`^project = "APP" AND text ~ "([\pL\d_ ]+)" ORDER BY updated DESC$`)
)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if v != nil {
			json.NewEncoder(w).Encode(v)
		}
	}
	refuse := func(status int, text string) {
		answer(status, map[string]any{"errorMessages": []string{text}, "errors": map[string]string{}})
	}
	root, want := "/rest/api/2/", "Bearer "+token
	if f.cloud {
		root, want = "/rest/api/3/", "Basic YUB4LnRlc3Q6dDBrZW4wMTIzNDU2Nzg5"
	}
	if r.Header.Get("Authorization") != want {
		refuse(401, "no such token")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, root)
	if !ok {
		f.t.Errorf("%s %s", r.Method, r.URL)
	}
	var req map[string]any
	json.NewDecoder(r.Body).Decode(&req)
	q := r.URL.Query()
	parts := strings.Split(path, "/")
	var there map[string]any
	if parts[0] == "issue" && len(parts) > 1 && parts[1] != "createmeta" {
		for _, i := range f.issues {
			if i["id"] == parts[1] || i["key"] == parts[1] {
				there = i
			}
		}
		if there == nil {
			refuse(404, "Issue does not exist")
			return
		}
		parts[1] = "*"
	}
	fits := func(v any) bool { // the form of a text
		doc, isDoc := v.(map[string]any)
		_, isString := v.(string)
		return isDoc && f.cloud && doc["type"] == "doc" && doc["version"] == 1.0 || isString && !f.cloud
	}
	switch route := r.Method + " " + strings.Join(parts, "/"); {
	case route == "GET myself":
		answer(200, f.person(f.me))
	case route == "GET project/APP":
		answer(200, map[string]any{"key": "APP"})
	case route == "GET mypermissions":
		all := map[string]any{}
		for _, p := range strings.Split(q.Get("permissions"), ",") {
			all[p] = map[string]any{"havePermission": p != f.lacks}
		}
		answer(200, map[string]any{"permissions": all})
	case route == "GET issue/createmeta/APP/issuetypes":
		list := []any{map[string]any{"id": "1", "name": "Task", "subtask": false}, map[string]any{"id": "2", "name": "Bug", "subtask": false}, map[string]any{"id": "3", "name": "Sub-task", "subtask": true}}
		answer(200, map[string]any{map[bool]string{true: "issueTypes", false: "values"}[f.cloud]: list})
	case strings.HasPrefix(route, "GET issue/createmeta/APP/issuetypes/"):
		var list []any
		for _, id := range f.form {
			list = append(list, map[string]any{"fieldId": id})
		}
		answer(200, map[string]any{map[bool]string{true: "fields", false: "values"}[f.cloud]: list})
	case route == "GET label" && f.cloud:
		answer(200, map[string]any{"values": []string{"ui", "iterateswarm"}, "isLast": true})
	case route == "GET user/assignable/search":
		answer(200, []any{f.person("ann"), f.person("ben")})
	case route == "POST issue":
		fields := req["fields"].(map[string]any)
		for name := range fields {
			if name != "project" && name != "issuetype" && !slices.Contains(f.form, name) {
				answer(400, map[string]any{"errors": map[string]string{name: "Field cannot be set. It is not on the appropriate screen, or unknown."}})
				return
			}
		}
		var labels []string
		for _, l := range fields["labels"].([]any) {
			labels = append(labels, l.(string))
		}
		if !fits(fields["description"]) || slices.ContainsFunc(labels, func(l string) bool { return strings.ContainsAny(l, " \t") }) {
			f.t.Errorf("fields %v", fields)
			refuse(400, "no")
			return
		}
		i := f.add(f.me, labels, 0)
		of(i)["summary"], of(i)["description"], of(i)["priority"], of(i)["issuetype"], of(i)["given"] = fields["summary"], fields["description"], fields["priority"], fields["issuetype"], fields["assignee"]
		answer(201, map[string]any{"id": i["id"], "key": i["key"], "self": "https://x.test"})
	case route == "GET search/jql" && f.cloud, route == "GET search" && !f.cloud:
		list := []any{}
		if m := byLabel.FindStringSubmatch(q.Get("jql")); m != nil {
			minutes, _ := strconv.Atoi(m[3])
			for _, i := range slices.Backward(f.issues) {
				at, _ := time.Parse(layout, of(i)[m[2]].(string))
				if slices.Contains(of(i)["labels"].([]string), m[1]) && time.Since(at) <= time.Duration(minutes)*time.Minute {
					list = append(list, i)
				}
			}
		} else if m := byText.FindStringSubmatch(q.Get("jql")); m != nil {
			for _, i := range f.issues {
				if strings.Contains(of(i)["summary"].(string), m[1]) {
					list = append(list, i)
				}
			}
		} else {
			f.t.Errorf("query %q", q.Get("jql"))
		}
		size, _ := strconv.Atoi(q.Get("maxResults"))
		start, _ := strconv.Atoi(q.Get("startAt") + q.Get("nextPageToken"))
		end := min(start+size, len(list))
		page := map[string]any{"issues": list[min(start, end):end]}
		if f.cloud && end < len(list) {
			page["nextPageToken"] = fmt.Sprint(end)
		} else if !f.cloud {
			page["total"] = len(list)
		}
		answer(200, page)
	case route == "GET issue/*":
		answer(200, there)
	case route == "PUT issue/*":
		maps.Copy(of(there), req["fields"].(map[string]any))
		update, _ := req["update"].(map[string]any)
		if changes, ok := update["labels"].([]any); ok {
			labels := of(there)["labels"].([]string)
			for _, c := range changes {
				if l, ok := c.(map[string]any)["add"].(string); ok && !slices.Contains(labels, l) {
					labels = append(labels, l)
				}
				labels = slices.DeleteFunc(labels, func(l string) bool { return l == c.(map[string]any)["remove"] })
			}
			of(there)["labels"] = labels
		}
		of(there)["updated"] = time.Now().Format(layout)
		answer(204, nil)
	case route == "GET issue/*/transitions":
		to := func(id, category string) map[string]any {
			return map[string]any{"id": id, "to": map[string]any{"statusCategory": map[string]any{"key": category}}}
		}
		answer(200, map[string]any{"transitions": []any{to("11", "indeterminate"), to("21", "new"), to("31", "done")}})
	case route == "POST issue/*/transitions":
		category := map[any]string{"11": "indeterminate", "21": "new", "31": "done"}[req["transition"].(map[string]any)["id"]]
		of(there)["status"] = map[string]any{"statusCategory": map[string]any{"key": category}}
		of(there)["updated"], of(there)["resolutiondate"], of(there)["resolution"] = time.Now().Format(layout), nil, nil
		if category == "done" {
			of(there)["resolutiondate"], of(there)["resolution"] = time.Now().Format(layout), map[string]any{"name": "Won't Do"}
		}
		answer(204, nil)
	case route == "GET issue/*/comment":
		answer(200, map[string]any{"comments": f.comments})
	case route == "POST issue/*/comment" && fits(req["body"]):
		req["id"], req["author"] = fmt.Sprint(900+len(f.comments)), f.person(f.me)
		f.comments = append(f.comments, req)
		answer(201, req)
	case len(parts) == 4 && parts[2] == "comment" && r.Method == "PUT" && fits(req["body"]):
		for _, c := range f.comments {
			if c["id"] == parts[3] {
				c["body"] = req["body"]
				answer(200, c)
				return
			}
		}
		refuse(404, "no such comment")
	default:
		f.t.Errorf("no route %q with %v", route, req)
		refuse(404, "dead link")
	}
}
