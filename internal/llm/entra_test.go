package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/llm/llmtest"
)

// authority stands in for Microsoft Entra: it checks what RFC 6749 and RFC 7523
// want of a request, and counts the tokens that it gives.
type authority struct {
	*httptest.Server
	given    atomic.Int32
	lifetime atomic.Int64 // seconds
	status   atomic.Int32 // 0: well
	wrong    chan string
}

func startAuthority(t *testing.T, secret, assertion func() string) *authority {
	t.Helper()
	a := &authority{wrong: make(chan string, 100)}
	a.lifetime.Store(3600)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if s := a.status.Load(); s != 0 {
			w.WriteHeader(int(s))
			_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"AADSTS7000215: %s is not valid"}`, r.PostFormValue("client_secret"))
			return
		}
		want := map[string]string{"grant_type": "client_credentials", "client_id": "app-1", "scope": "https://cognitiveservices.azure.com/.default", "client_secret": secret()}
		if assertion() != "" {
			want["client_assertion"], want["client_assertion_type"] = assertion(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
		}
		for k, v := range want {
			if got := r.PostFormValue(k); got != v {
				a.wrong <- fmt.Sprintf("%s = %q, want %q", k, got, v)
			}
		}
		if r.Method != http.MethodPost || r.URL.Path != "/tenant-1/oauth2/v2.0/token" || r.URL.RawQuery != "" {
			a.wrong <- r.Method + " " + r.URL.String()
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": a.lifetime.Load(),
			"access_token": fmt.Sprintf("token-%d", a.given.Add(1))})
	}))
	t.Cleanup(func() {
		a.Close()
		close(a.wrong)
		for w := range a.wrong {
			t.Errorf("request for a token: %s", w)
		}
	})
	return a
}

func none() string { return "" }

func is(s string) func() string { return func() string { return s } }

func withEntra(e Entra) func(*Config) {
	return func(c *Config) {
		c.Registry.Endpoint.Kind, c.Registry.Endpoint.Key, c.Registry.Endpoint.Entra = Azure, "", e
		c.Registry.Endpoint.URL = strings.TrimSuffix(c.Registry.Endpoint.URL, "/v1")
	}
}

func TestAzureTakesATokenFromEntra(t *testing.T) {
	t.Parallel()
	s, a := llmtest.Start(t), startAuthority(t, is("app-secret-canary"), none)
	e := newEngine(t, s, withEntra(Entra{Tenant: "tenant-1", Client: "app-1", Secret: "app-secret-canary", Authority: a.URL}))
	var wg sync.WaitGroup
	for range 10 { // all at once want one token
		wg.Go(func() {
			if _, err := e.Judge(context.Background(), crash, first); err != nil {
				t.Errorf("Judge: %v", err)
			}
		})
	}
	wg.Wait()
	if got := a.given.Load(); got != 1 {
		t.Errorf("%d tokens for ten calls, want one", got)
	}
	for _, r := range s.Requests() {
		if r.Key != "token-1" || r.Path != "/chat/completions" || strings.Contains(r.Body, "canary") {
			t.Errorf("request with key %q to %s", r.Key, r.Path)
		}
	}

	// The server takes it no more: a new one is fetched after the pause.
	s.Respond(func(r llmtest.Request) llmtest.Reply {
		if r.Key == "token-1" {
			return llmtest.Status(401, `{"error":{"code":"401","message":"token expired"}}`)
		}
		return llmtest.Text(llmtest.Good(r))
	})
	if _, err := e.Judge(t.Context(), crash, first); err == nil {
		t.Fatal("a 401 was no error")
	}
	e.mu.Lock()
	e.until = time.Time{} // the pause is over
	e.mu.Unlock()
	if _, err := e.Judge(t.Context(), crash, first); err != nil || a.given.Load() != 2 {
		t.Errorf("after a 401: %v with %d tokens", err, a.given.Load())
	}
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	s := llmtest.Start(t)
	file := filepath.Join(t.TempDir(), "assertion")
	var n atomic.Int32
	renew := func() {
		if err := os.WriteFile(file, fmt.Appendf(nil, "assertion-%d\n", n.Add(1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	a := startAuthority(t, none, func() string { return fmt.Sprintf("assertion-%d", n.Load()) })
	a.lifetime.Store(200) // less than tokenEarly: good for one call
	e := newEngine(t, s, withEntra(Entra{Tenant: "tenant-1", Client: "app-1", AssertionFile: file, Authority: a.URL}))
	for i := range 3 {
		if _, err := e.Judge(t.Context(), crash, first); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Requests()[i].Key, fmt.Sprintf("token-%d", i+1); got != want {
			t.Errorf("call %d with %s, want %s", i+1, got, want)
		}
		renew() // somebody else renews the file
	}
}

func TestNoTokenSaysWhyAndNothingSecret(t *testing.T) {
	t.Parallel()
	s, a := llmtest.Start(t), startAuthority(t, none, none)
	entra := Entra{Tenant: "tenant-1", Client: "app-1", Secret: "app-secret-canary", Authority: a.URL}
	for status, setup := range map[int32]bool{400: true, 401: true, 503: false} {
		a.status.Store(status)
		e := newEngine(t, s, withEntra(entra))
		th, err := e.Judge(t.Context(), crash, first)
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(fmt.Sprint(th.Calls), "canary") {
			t.Fatalf("%d: %v, calls %+v", status, err, th.Calls)
		}
		st := e.State()
		if setup != (st.State == "setup") || setup != strings.Contains(st.Problem, "Entra gives no token") || st.LastError != "no token from Entra" || s.Calls() != 0 {
			t.Errorf("%d: state %+v, %d calls", status, st, s.Calls())
		}
		if want := 1; setup && len(th.Calls) != want || !setup && len(th.Calls) != MaxCalls {
			t.Errorf("%d: %d tries", status, len(th.Calls))
		}
		if setup {
			if _, err := e.Judge(t.Context(), crash, first); !errors.Is(err, guard.ErrOpen) {
				t.Errorf("%d: asked again at once: %v", status, err)
			}
		}
	}
	e := newEngine(t, s, withEntra(Entra{Tenant: "tenant-1", Client: "app-1", AssertionFile: filepath.Join(t.TempDir(), "none"), Authority: a.URL}))
	if _, err := e.Judge(t.Context(), crash, first); err == nil || e.State().State != "setup" {
		t.Errorf("without the file: %v, %+v", err, e.State())
	}
}

func TestEntraIsCompleteOrRefused(t *testing.T) {
	t.Parallel()
	good := Entra{Tenant: "t", Client: "c", Secret: "s"}
	for name, change := range map[string]func(*Endpoint){
		"no tenant":           func(e *Endpoint) { e.Entra.Tenant = "" },
		"no client":           func(e *Endpoint) { e.Entra.Client = "" },
		"no secret":           func(e *Endpoint) { e.Entra.Secret = "" },
		"both":                func(e *Endpoint) { e.Entra.AssertionFile = "f" },
		"a key too":           func(e *Endpoint) { e.Key = "k" },
		"not Azure":           func(e *Endpoint) { e.Kind = OpenAI },
		"plain http":          func(e *Endpoint) { e.Entra.Authority = "http://login.example.com" },
		"nothing is the same": func(e *Endpoint) { e.Entra = Entra{} },
	} {
		endpoint := Endpoint{Kind: Azure, URL: "https://x.openai.azure.com", Entra: good}
		change(&endpoint)
		if _, err := New(Config{Registry: Registry{Endpoint: endpoint, Judge: Model{Name: "m"}}}); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "\"s\"") {
			t.Errorf("%s: %v shows the secret", name, err)
		}
	}
	if _, err := New(Config{Registry: Registry{Endpoint: Endpoint{Kind: Azure, URL: "https://x.openai.azure.com", Entra: good}, Judge: Model{Name: "m"}}, Timeout: time.Second}); err != nil {
		t.Error(err)
	}
}
