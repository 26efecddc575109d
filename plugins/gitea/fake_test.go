package gitea

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
	"github.com/iterateswarm/iterateswarm/sdk/rest/trackertest"
)

// fake stands in for a Gitea server where the real one, in real_test.go, cannot
// be made to fail.
type fake struct {
	mu     sync.Mutex
	login  string
	issues []issue
	labels []label
	asked  []*http.Request
}

const token = "t0ken0123456789"

func newFake() *fake {
	return &fake{login: "bot", labels: []label{{ID: 4, Name: "Bug", Color: "ee0701"}, {ID: 9, Name: "ui"}}}
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.issues)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	if r.Header.Get("Authorization") != "token "+token {
		answer(401, map[string]string{"message": "invalid username, password or token"})
		return
	}
	switch route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1/"); route {
	case "GET user":
		answer(200, user{Login: f.login})
	case "GET repos/octo/hello":
		answer(200, map[string]any{"has_issues": true, "permissions": map[string]bool{"push": true}, "default_branch": "main"})
	case "GET repos/octo/hello/labels":
		answer(200, f.labels)
	case "POST repos/octo/hello/issues":
		var req struct {
			Title, Body string
			Labels      []int64
		}
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			answer(422, map[string]string{"message": err.Error()})
			return
		}
		i := f.add(f.login, req.Body, 0)
		i.Title = req.Title
		for _, l := range f.labels {
			if slices.Contains(req.Labels, l.ID) {
				i.Labels = append(i.Labels, l)
			}
		}
		answer(201, i)
	case "GET repos/octo/hello/issues":
		q := r.URL.Query()
		since, _ := time.Parse(time.RFC3339, q.Get("since"))
		list := []issue{}
		for _, i := range slices.Backward(f.issues) {
			if !i.Updated.Before(since) {
				list = append(list, i)
			}
		}
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("limit"))
		if page*size < len(list) {
			w.Header().Set("Link", fmt.Sprintf(`<http://x.test/?page=%d>; rel="next",<http://x.test/?page=9>; rel="last"`, page+1))
		}
		answer(200, list[min(len(list), (max(page, 1)-1)*size):min(len(list), max(page, 1)*size)])
	case "GET repos/octo/hello/issues/1":
		answer(200, f.issues[0])
	default:
		answer(404, map[string]string{"message": "not found"})
	}
}

func (f *fake) add(login, body string, age time.Duration) *issue {
	n := int64(len(f.issues) + 1)
	at := time.Now().Add(-age)
	f.issues = append(f.issues, issue{ID: n + 100, Number: n, Body: body, State: "open", Created: at, Updated: at, User: user{Login: login},
		URL: fmt.Sprintf("https://git.test/octo/hello/issues/%d", n)})
	return &f.issues[n-1]
}

// tracker is the plugin, configured.
func tracker(t testing.TB, base, more string) *Tracker {
	t.Helper()
	tr := New()
	config := fmt.Sprintf(`{"base_url":%q,"token":%q,"owner":"octo","repo":"hello"%s}`, base, token, more)
	if wrong := tr.Configure(t.Context(), sdk.Config{JSON: []byte(config)}); wrong != nil {
		t.Fatal(wrong)
	}
	return tr
}

func (f *fake) start(t testing.TB) string {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func TestFaults(t *testing.T) {
	t.Parallel()
	trackertest.Faults(t, func(t testing.TB) trackertest.Service {
		f := newFake()
		return trackertest.Service{
			Handler: f, Issues: f.count, Secrets: []string{token}, Accepted: 201,
			Creates: func(r *http.Request, _ []byte) bool {
				return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/issues")
			},
			New: func(base string, timeout time.Duration) sdk.Tracker {
				tr := tracker(t, base, "")
				tr.api.Timeout = timeout
				return tr
			},
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	f := newFake()
	m := sdk.Marker("k1")
	for _, body := range []string{"\n" + m, "> " + m, " " + m, m + " more", sdk.Marker("k10"), sdk.Marker("K1"), ""} {
		f.add("bot", body, time.Hour)
	}
	f.add("mallory", m, time.Hour)
	f.add("bot", m, time.Hour).Pull = &struct{}{}
	f.add("Bot", m+"\r\n\r\ntext", time.Hour)
	for range 130 {
		f.add("ann", "text", time.Minute)
	}
	tr := tracker(t, f.start(t), "")
	found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1", Since: time.Now().Add(-2 * time.Hour)})
	if err != nil || len(found) != 1 || found[0].Number != 10 {
		t.Errorf("Find = %+v, %v; want the tenth", found, err)
	}
	if all, err := tr.Find(t.Context(), sdk.FindRequest{}); err != nil || len(all) != 3 {
		t.Errorf("Find of all = %+v, %v; want three", all, err)
	}
	if found, err := tr.Find(t.Context(), sdk.FindRequest{Key: "k1", Since: time.Now().Add(-30 * time.Minute)}); err != nil || len(found) != 0 {
		t.Errorf("Find of the last half hour = %+v, %v", found, err)
	}
	former := tracker(t, f.start(t), `,"former_logins":["mallory"]`)
	if found, err := former.Find(t.Context(), sdk.FindRequest{Key: "k1"}); err != nil || len(found) != 2 {
		t.Errorf("with a former login: %+v, %v; want two", found, err)
	}
}

func TestMissingLabelsAreLeftOut(t *testing.T) {
	t.Parallel()
	f := newFake()
	req := trackertest.Request("k1")
	req.Labels = []string{"bug", "new", "bug", "BUG", " "}
	got := tracker(t, f.start(t), `,"labels":["UI"]`).Create(t.Context(), req)
	if got.Outcome != sdk.Created || got.Message != "the repository has no label new" || len(f.issues[0].Labels) != 2 {
		t.Errorf("%+v, labels %+v", got, f.issues[0].Labels)
	}
}

func TestHookSignatures(t *testing.T) {
	t.Parallel()
	f := newFake()
	base := f.start(t)
	i := f.add("bot", sdk.Marker("k1")+"\nGröße 💥 <b>", time.Hour)
	i.State, i.Closed = "closed", time.Now()
	body, _ := json.Marshal(map[string]any{"action": "closed", "issue": i, "repository": map[string]any{"full_name": "octo/hello"}, "at": 1.50})
	trackertest.Signatures(t, trackertest.Hook{
		New: func(secret string) sdk.Listener {
			if secret == "" {
				return tracker(t, base, "")
			}
			return tracker(t, base, fmt.Sprintf(`,"webhook_secret":%q`, secret))
		},
		Body: append(body, '\n'), Header: http.Header{"X-Gitea-Event": {"issues"}}, Name: "X-Gitea-Signature",
	})
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		`"repo":"r"`: "", `"base_url":"http://git.test"`: "base_url", `"base_url":""`: "base_url", `"base_url":"https://git.test/sub"`: "",
		`"token":""`: "token", `"token":"a b"`: "token", `"owner":".."`: "owner", `"owner":"a/b"`: "owner", `"repo":"a/b"`: "repo", `"repo":7`: "repo",
		`"webhook_secret":"short"`: "webhook_secret", `"missing_labels":"maybe"`: "missing_labels", `"colour":"red"`: "",
	} {
		var config map[string]any
		json.Unmarshal([]byte(`{"base_url":"https://git.test","token":"t","owner":"o","repo":"r"}`), &config)
		json.Unmarshal([]byte("{"+change+"}"), &config)
		b, _ := json.Marshal(config)
		wrong := New().Configure(t.Context(), sdk.Config{JSON: b})
		if change == `"colour":"red"` {
			if len(wrong) != 1 {
				t.Errorf("an unknown key: %v", wrong)
			}
		} else if want == "" != (len(wrong) == 0) || len(wrong) > 0 && wrong[0].Field != want {
			t.Errorf("%s: %v, want one about %q", change, wrong, want)
		}
	}
}
