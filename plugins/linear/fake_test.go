package linear

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// readSchema reads Linear's own schema, which is not ours to hand on: the
// variable names a copy, as schema.graphql or schema.graphql.gz.
var readSchema = sync.OnceValues(func() (*ast.Schema, error) {
	path := os.Getenv("ITERATESWARM_TEST_LINEAR_SCHEMA")
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	b, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(b)})
})

func TestEveryRequestFitsLinearsSchema(t *testing.T) {
	schema, err := readSchema()
	if err != nil {
		t.Fatal(err)
	}
	if schema == nil {
		t.Skip("set ITERATESWARM_TEST_LINEAR_SCHEMA to linear/linear's packages/sdk/src/schema.graphql, and the stand-in of all tests here checks every request against it")
	}
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		ok        bool
	}{
		"good":        {`mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success } }`, map[string]any{"input": map[string]any{"teamId": "t"}}, true},
		"no team":     {`mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success } }`, map[string]any{"input": map[string]any{"title": "t"}}, false},
		"wrong type":  {`mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success } }`, map[string]any{"input": map[string]any{"teamId": "t", "priority": "high"}}, false},
		"no field":    {`query { issues { nodes { body } } }`, nil, false},
		"no argument": {`query { issues(limit: 3) { nodes { id } } }`, nil, false},
	} {
		if err := fits(c.query, c.variables); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fits holds a request against the schema when there is one.
func fits(query string, variables map[string]any) error {
	schema, err := readSchema()
	if err != nil {
		return err
	}
	if schema == nil {
		if _, err := parser.ParseQuery(&ast.Source{Input: query}); err != nil {
			return err
		}
		return nil
	}
	doc, list := gqlparser.LoadQueryWithRules(schema, query, nil)
	if len(list) > 0 {
		return list
	}
	_, err = validator.VariableValues(schema, doc.Operations[0], variables)
	return err
}

// fake stands in for Linear.
type fake struct {
	t testing.TB

	mu       sync.Mutex
	issues   []map[string]any
	labels   []map[string]any
	comments []map[string]any
	asked    []string
	fails    map[string]string // an operation to the code of an error
}

const token = "lin_api_0123456789"

func newFake(t testing.TB) *fake {
	return &fake{t: t, fails: map[string]string{}, labels: []map[string]any{
		{"id": "l1", "name": "Bug", "color": "#ee0701", "isGroup": false}, {"id": "l2", "name": "ui", "isGroup": false}, {"id": "l3", "name": "Kind", "isGroup": true}}}
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
	config := fmt.Sprintf(`{"base_url":%q,"token":%q,"team":"ENG"%s}`, base, token, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	wrong := func(status int, code, text string) {
		answer(status, map[string]any{"errors": []any{map[string]any{"message": text, "extensions": map[string]any{"code": code}}}})
	}
	if r.Header.Get("Authorization") != token {
		wrong(400, "AUTHENTICATION_ERROR", "Authentication required, not authenticated")
		return
	}
	var req struct {
		Query     string
		Variables map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || r.Method != "POST" || r.URL.Path != "/graphql" {
		f.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	if err := fits(req.Query, req.Variables); err != nil {
		f.t.Errorf("Linear's schema does not allow %s %v: %v", req.Query, req.Variables, err)
	}
	_, rest, _ := strings.Cut(req.Query, " ")
	operation, _, _ := strings.Cut(rest, "(")
	f.asked = append(f.asked, operation)
	if code := f.fails[operation]; code != "" {
		if code == "RATELIMITED" {
			w.Header().Set("X-RateLimit-Requests-Reset", fmt.Sprint(time.Now().Add(20*time.Second).UnixMilli()))
		}
		wrong(400, code, "no "+code)
		return
	}
	data := map[string]any{}
	list := func(name string, nodes []map[string]any) {
		if nodes == nil {
			nodes = []map[string]any{}
		}
		data[name] = map[string]any{"nodes": nodes, "pageInfo": map[string]any{"hasNextPage": false}}
	}
	input, _ := req.Variables["input"].(map[string]any)
	with := func(all []map[string]any, id any) []map[string]any {
		return slices.DeleteFunc(slices.Clone(all), func(m map[string]any) bool { return m["id"] != id })
	}
	switch operation {
	case "Team":
		list("teams", []map[string]any{{"id": "team-1", "key": "ENG"}})
	case "Create":
		if len(with(f.issues, input["id"])) > 0 {
			wrong(200, "INVALID_INPUT", "Entity already exists")
			return
		}
		i := f.add(input["id"].(string), input["description"].(string))
		i["title"], i["priority"], i["assigneeId"], i["labelIds"] = input["title"], input["priority"], input["assigneeId"], input["labelIds"]
		data["issueCreate"] = map[string]any{"success": true, "issue": i}
	case "ByID":
		list("issues", with(f.issues, req.Variables["id"]))
	case "List":
		since, err := time.Parse(time.RFC3339, req.Variables["since"].(string))
		if err != nil {
			f.t.Error(err)
		}
		by := "createdAt"
		if strings.Contains(req.Query, "orderBy: updatedAt") {
			by = "updatedAt"
		}
		all := slices.DeleteFunc(slices.Clone(f.issues), func(m map[string]any) bool { return m[by].(time.Time).Before(since) })
		slices.Reverse(all)
		from := 0
		if after, ok := req.Variables["after"].(string); ok {
			fmt.Sscan(after, &from)
		}
		to := min(from+50, len(all))
		data["issues"] = map[string]any{"nodes": all[from:to], "pageInfo": map[string]any{"hasNextPage": to < len(all), "endCursor": fmt.Sprint(to)}}
	case "Search":
		list("searchIssues", slices.DeleteFunc(slices.Clone(f.issues), func(m map[string]any) bool {
			return !strings.Contains(m["title"].(string), req.Variables["term"].(string))
		}))
	case "Labels":
		list("issueLabels", f.labels)
	case "Label":
		l := map[string]any{"id": fmt.Sprint("l", len(f.labels)+1), "name": input["name"], "isGroup": false}
		f.labels = append(f.labels, l)
		data["issueLabelCreate"] = map[string]any{"success": true, "issueLabel": l}
	case "Members":
		data["team"] = map[string]any{"members": map[string]any{"nodes": []any{map[string]any{"id": "u1", "name": "Ann", "active": true}, map[string]any{"id": "u2", "name": "Gone", "active": false}}}}
	case "States":
		list("workflowStates", []map[string]any{{"id": "s3", "type": "completed", "position": 9.5}, {"id": "s1", "type": "unstarted", "position": 1},
			{"id": "s2", "type": "completed", "position": 3}, {"id": "s4", "type": "canceled", "position": 4}})
	case "Update":
		there := with(f.issues, req.Variables["id"])
		if len(there) == 0 {
			wrong(200, "INVALID_INPUT", "Entity not found: Issue")
			return
		}
		maps.Copy(there[0], input)
		if s, ok := input["stateId"].(string); ok {
			there[0]["state"] = map[string]any{"type": map[string]string{"s1": "unstarted", "s2": "completed", "s4": "canceled"}[s]}
		}
		there[0]["updatedAt"] = time.Now()
		data["issueUpdate"] = map[string]any{"success": true}
	case "Comment":
		if ids, ok := req.Variables["ids"].([]any); ok {
			list("comments", slices.DeleteFunc(slices.Clone(f.comments), func(m map[string]any) bool { return !slices.Contains(ids, m["id"]) }))
			break
		}
		c := map[string]any{"id": input["id"], "url": "https://linear.test/c", "body": input["body"]}
		f.comments = append(f.comments, c)
		data["done"] = map[string]any{"success": true, "comment": c}
	case "Edit":
		c := with(f.comments, req.Variables["id"])[0]
		c["body"] = input["body"]
		data["done"] = map[string]any{"success": true, "comment": c}
	default:
		f.t.Errorf("no operation %q", operation)
	}
	answer(200, map[string]any{"data": data})
}

func (f *fake) add(id, description string) map[string]any {
	n := len(f.issues) + 1
	i := map[string]any{"id": id, "identifier": fmt.Sprint("ENG-", n), "number": n, "title": "t", "description": description, "url": fmt.Sprint("https://linear.test/ENG-", n),
		"createdAt": time.Now(), "updatedAt": time.Now(), "state": map[string]any{"type": "backlog"}}
	f.issues = append(f.issues, i)
	return i
}
