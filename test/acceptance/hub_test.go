package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// hub stands in for GitHub: it keeps what it was asked and answers as told.
// plugins/github tests its requests against GitHub's own description; here only
// their number and time matter.
type hub struct {
	*httptest.Server
	mu     sync.Mutex
	broken bool
	asked  []request
	made   []map[string]any
}

type request struct {
	method, path, requestID string
	at                      time.Time
}

func newHub(t testing.TB) *hub {
	h := &hub{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// breakDown makes every request fail with 500 from now on, or stop failing.
func (h *hub) breakDown(broken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = broken
}

// requests are those that came since a time, without looks at the repository
// itself, which are the plugin's own health check.
func (h *hub) requests(since time.Time) []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []request
	for _, r := range h.asked {
		if !r.at.Before(since) && strings.HasSuffix(r.path, "/issues") {
			out = append(out, r)
		}
	}
	return out
}

// ServeHTTP answers as GitHub does.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, request{r.Method, r.URL.Path, r.Header.Get("X-Request-ID"), time.Now()})
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/labels"):
		fmt.Fprint(w, `[{"name":"bug"},{"name":"enhancement"},{"name":"question"},{"name":"login"},{"name":"mobile"},{"name":"export"}]`)
	case h.broken:
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"message":"Server Error"}`)
	case r.URL.Path == "/user":
		fmt.Fprint(w, `{"login":"swarm-bot"}`)
	case !strings.HasSuffix(r.URL.Path, "/issues"):
		fmt.Fprint(w, `{"full_name":"acme/web","has_issues":true}`)
	case r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(h.made)
	default:
		issue := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&issue); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		n := len(h.made) + 1
		labels := []map[string]any{}
		for _, l := range issue["labels"].([]any) {
			labels = append(labels, map[string]any{"name": l})
		}
		issue["number"], issue["state"], issue["labels"] = n, "open", labels
		issue["html_url"] = fmt.Sprintf("%s/acme/web/issues/%d", h.URL, n)
		issue["user"] = map[string]any{"login": "swarm-bot"}
		issue["created_at"] = time.Now().UTC().Format(time.RFC3339)
		h.made = append([]map[string]any{issue}, h.made...)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(issue)
	}
}
