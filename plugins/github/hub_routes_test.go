package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// What the hub does beside issues.

type comment struct {
	id     int
	issue  string
	login  string
	body   string
	writes int
}

func (i stored) changed() time.Time {
	if i.updated.IsZero() {
		return i.created
	}
	return i.updated
}

func sha(n int) string { return fmt.Sprintf("%040x", n) }

func (h *hub) more(w http.ResponseWriter, r *http.Request, route string, body []byte, input *openapi3filter.RequestValidationInput) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Method != "GET" {
		h.writes = append(h.writes, time.Now())
	}
	var req map[string]any
	json.Unmarshal(body, &req)
	text := func(name string) string { s, _ := req[name].(string); return s }
	names := func(name string) (list []string) {
		all, _ := req[name].([]any)
		for _, v := range all {
			list = append(list, v.(string))
		}
		return list
	}
	issue := func() *stored {
		n := atoi(input.PathParams["issue_number"], 0)
		if n < 1 || n > len(h.issues) {
			h.plain(w, 404, `{"message":"Not Found"}`)
			return nil
		}
		return &h.issues[n-1]
	}
	show := func(c comment) map[string]any {
		m := h.example("issue-comment")
		m["id"], m["body"], m["html_url"] = c.id, c.body, fmt.Sprintf("https://github.test/c/%d", c.id)
		m["user"].(map[string]any)["login"] = c.login
		return m
	}
	switch r.Method + " " + strings.TrimPrefix(route, "/repos/{owner}/{repo}") {
	case "GET /labels":
		tag := fmt.Sprintf(`"%x"`, strings.Join(h.labels, ","))
		status := 200
		if h.labelFail != 0 {
			status = h.labelFail
		} else if r.Header.Get("If-None-Match") == tag {
			status = 304
		}
		h.labelAsks = append(h.labelAsks, status)
		if status != 200 {
			w.WriteHeader(status)
			return true
		}
		list := []any{}
		for i, l := range h.labels {
			list = append(list, map[string]any{"id": i + 1, "node_id": "L", "url": "https://x.test/l", "name": l, "description": "d", "color": "f29513", "default": false})
		}
		h.answer(w, input, 200, list, http.Header{"Etag": {tag}})
	case "POST /labels":
		h.labels = append(h.labels, text("name"))
		h.answer(w, input, 201, map[string]any{"id": 9, "node_id": "L", "url": "https://x.test/l", "name": text("name"), "description": "", "color": "f29513", "default": false}, nil)
	case "GET /assignees":
		list := []any{}
		for _, login := range []string{"ann", "ben"} {
			m := h.example("private-user-response-with-public-profile-information")
			m["login"], m["user_view_type"] = login, "public"
			list = append(list, m)
		}
		h.answer(w, input, 200, list, nil)
	case "GET /orgs/{org}/issue-types":
		h.answer(w, input, 200, []any{map[string]any{"id": 1, "node_id": "T", "name": "Bug", "description": "", "is_enabled": true},
			map[string]any{"id": 2, "node_id": "T", "name": "Old", "description": "", "is_enabled": false}}, nil)
	case "PATCH /issues/{issue_number}":
		if i := issue(); i != nil {
			if v := text("title"); v != "" {
				i.title = v
			}
			if v := text("state"); v != "" {
				i.state, i.reason, i.updated = v, text("state_reason"), time.Now()
			}
			h.answer(w, input, 200, h.show(*i), nil)
		}
	case "GET /issues/{issue_number}":
		if i := issue(); i != nil {
			h.answer(w, input, 200, h.show(*i), nil)
		}
	case "POST /issues/{issue_number}/labels":
		if i := issue(); i != nil {
			i.labels = append(i.labels, names("labels")...)
			h.answer(w, input, 200, []any{}, nil)
		}
	case "DELETE /issues/{issue_number}/labels/{name}":
		if i := issue(); i != nil {
			name, _ := url.PathUnescape(input.PathParams["name"])
			if at := slices.Index(i.labels, name); at >= 0 {
				i.labels = slices.Delete(i.labels, at, at+1)
				h.answer(w, input, 200, []any{}, nil)
			} else {
				h.plain(w, 404, `{"message":"Label does not exist"}`)
			}
		}
	case "POST /issues/{issue_number}/assignees":
		if i := issue(); i != nil {
			i.assignees = append(i.assignees, names("assignees")...)
			h.answer(w, input, 201, h.show(*i), nil)
		}
	case "GET /issues/{issue_number}/comments":
		list := []any{}
		for _, c := range h.comments {
			if c.issue == input.PathParams["issue_number"] {
				list = append(list, show(c))
			}
		}
		h.answer(w, input, 200, list, nil)
	case "POST /issues/{issue_number}/comments":
		c := comment{id: len(h.comments) + 100, issue: input.PathParams["issue_number"], login: h.login, body: text("body"), writes: 1}
		h.comments = append(h.comments, c)
		if len(h.faults) > 0 {
			f := h.faults[0]
			h.faults = h.faults[1:]
			h.fail(w, r, f)
			return true
		}
		h.answer(w, input, 201, show(c), nil)
	case "PATCH /issues/comments/{comment_id}":
		for i := range h.comments {
			if c := &h.comments[i]; c.id == atoi(input.PathParams["comment_id"], 0) {
				c.body = text("body")
				c.writes++
				h.answer(w, input, 200, show(*c), nil)
				return true
			}
		}
		h.plain(w, 404, `{"message":"Not Found"}`)
	case "GET /search/issues":
		q := r.URL.Query().Get("q")
		list := []any{}
		for _, i := range h.issues {
			if q == i.title+" repo:octo/hello is:issue" {
				m := h.show(i)
				m["score"] = 1
				list = append(list, m)
			}
		}
		h.answer(w, input, 200, map[string]any{"total_count": len(list), "incomplete_results": false, "search_type": "lexical", "items": list}, nil)
	case "GET /git/ref/{ref:.+}":
		name, _ := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/repos/octo/hello/git/ref/heads/"))
		if at := h.branches[name]; at != "" {
			h.answer(w, input, 200, map[string]any{"ref": "refs/heads/" + name, "node_id": "R", "url": "https://x.test/r",
				"object": map[string]any{"type": "commit", "sha": at, "url": "https://x.test/c"}}, nil)
			return true
		}
		h.plain(w, 404, `{"message":"Not Found"}`)
	case "GET /git/trees/{tree_sha}":
		h.answer(w, input, 200, map[string]any{"sha": sha(2), "url": "https://x.test/t", "truncated": false, "tree": h.tree}, nil)
	case "POST /git/trees":
		var entries []map[string]any
		for _, e := range req["tree"].([]any) {
			entries = append(entries, e.(map[string]any))
		}
		if text("base_tree") != sha(2) {
			h.t.Errorf("base_tree %q", text("base_tree"))
		}
		h.trees = append(h.trees, entries)
		h.answer(w, input, 201, map[string]any{"sha": sha(3), "url": "https://x.test/t", "truncated": false, "tree": []any{}}, nil)
	case "POST /git/commits":
		m := h.example("git-commit")
		m["sha"] = sha(4)
		if text("tree") != sha(3) || names("parents")[0] != sha(1) {
			h.t.Errorf("commit %s", body)
		}
		h.answer(w, input, 201, m, nil)
	case "POST /git/refs":
		name := strings.TrimPrefix(text("ref"), "refs/heads/")
		if h.branches[name] != "" {
			h.plain(w, 422, `{"message":"Reference already exists"}`)
			return true
		}
		h.branches[name] = text("sha")
		h.answer(w, input, 201, map[string]any{"ref": text("ref"), "node_id": "R", "url": "https://x.test/r",
			"object": map[string]any{"type": "commit", "sha": text("sha"), "url": "https://x.test/c"}}, nil)
	case "GET /pulls":
		list := []any{}
		for _, p := range h.pulls {
			if "octo:"+p["head"].(map[string]any)["ref"].(string) == r.URL.Query().Get("head") {
				list = append(list, p)
			}
		}
		b, _ := json.Marshal(list) // the document's own example does not fit its schema
		h.plain(w, 200, string(b))
	case "POST /pulls":
		if !req["draft"].(bool) || text("base") != "main" {
			h.t.Errorf("pull request %s", body)
		}
		p := map[string]any{"number": 50 + len(h.pulls), "node_id": "PR", "html_url": "https://github.test/pull/50",
			"head": map[string]any{"ref": text("head")}, "draft": true}
		h.pulls = append(h.pulls, p)
		if len(h.pullFault) > 0 {
			f := h.pullFault[0]
			h.pullFault = nil
			h.fail(w, r, f)
			return true
		}
		b, _ := json.Marshal(p)
		h.plain(w, 201, string(b))
	default:
		return false
	}
	return true
}
