// Package ollama runs the product against an unmodified Ollama with a tiny model
// of random weights: nothing of what the model says makes sense, and everything
// about the way it is asked does. `make test-ollama` builds the server first.
package ollama

import (
	stdcontext "context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// programEnv names the program of Ollama.
const programEnv = "ITERATESWARM_TEST_OLLAMA"

// start runs Ollama with the tiny model until the test ends, and returns its address.
func start(t *testing.T) string {
	t.Helper()
	program := os.Getenv(programEnv)
	if program == "" {
		t.Skip("needs a real Ollama: run `make test-ollama`, or set " + programEnv + " to the program")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	run := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Dir = home
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "OLLAMA_HOST=" + address, "OLLAMA_MODELS=" + filepath.Join(home, "models"),
			fmt.Sprintf("OLLAMA_CONTEXT_LENGTH=%d", context), "OLLAMA_NUM_PARALLEL=1"}
		return c
	}
	log, err := os.Create(filepath.Join(home, "log"))
	if err != nil {
		t.Fatal(err)
	}
	serve := run("serve")
	serve.Stdout, serve.Stderr = log, log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(os.Interrupt) // it ends its own children
		_ = serve.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("Ollama's log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + address + "/api/version"); err == nil {
			_ = res.Body.Close()
			break
		} else if time.Now().After(end) {
			t.Fatalf("Ollama does not answer: %v", err)
		}
	}
	for name, text := range map[string][]byte{"tiny.gguf": tinyModel(1), "Modelfile": []byte("FROM ./tiny.gguf\nTEMPLATE \"{{ .System }} {{ .Prompt }}\"\n")} {
		if err := os.WriteFile(filepath.Join(home, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run("create", "tiny", "-f", "Modelfile").CombinedOutput(); err != nil {
		t.Fatalf("create the model: %v\n%s", err, out)
	}
	return "http://" + address + "/v1"
}

func TestARealOllama(t *testing.T) {
	url := start(t)
	engine := func(model string) *llm.Engine {
		e, err := llm.New(llm.Config{Registry: llm.Registry{Endpoint: llm.Endpoint{Kind: llm.Ollama, URL: url},
			Judge: llm.Model{Name: model}, Embed: llm.Model{Name: model}, Dimension: width}, Timeout: 20 * time.Minute, Rate: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	it := triage.Item{Text: "The app crashes when I press the login button on my phone.", Channel: triage.ChannelChat, Labels: []string{"bug", "crash"},
		Candidates: []triage.Candidate{{ID: "a", Title: "Login crashes"}}}

	t.Run("judge", func(t *testing.T) {
		e := engine("tiny")
		begin := time.Now()
		th, err := e.Judge(stdcontext.Background(), it, triage.Verdict{})
		t.Logf("Judge: %v after %v, calls %+v, mode %s", err, time.Since(begin), th.Calls, e.State().Mode)
		// Random weights find no end: the answer is cut off, or passes no check.
		if err != nil && !errors.Is(err, triage.ErrNoAnswer) {
			t.Fatalf("Judge = %v: the server did not take the request", err)
		}
		if len(th.Calls) == 0 || th.Calls[0].Mode != "strict" || th.Calls[0].TokensIn < 1000 || th.Calls[0].TokensOut < 50 || e.State().Mode != "strict" {
			t.Errorf("calls = %+v, want a strict schema that the server enforces", th.Calls)
		}
	})
	t.Run("embed", func(t *testing.T) {
		v, call, err := engine("tiny").Embed(stdcontext.Background(), triage.Account{}, []string{"one text", "another text"})
		if err != nil || len(v) != 2 || len(v[0]) != width || call.TokensIn == 0 {
			t.Errorf("Embed = %d vectors, %+v, %v", len(v), call, err)
		}
	})
	t.Run("unknown model", func(t *testing.T) {
		e := engine("no-such-model")
		if _, err := e.Judge(stdcontext.Background(), it, triage.Verdict{}); err == nil || e.State().State != "setup" {
			t.Errorf("Judge = %v, state %+v", err, e.State())
		}
	})
	t.Run("product", func(t *testing.T) {
		s := servertest.Start(t, func(o *command.Options) {
			o.Config.LLM = config.Default().LLM
			o.Config.LLM.Kind, o.Config.LLM.URL, o.Config.LLM.Model, o.Config.LLM.Timeout = "ollama", url, "tiny", 4*time.Minute
		})
		a := s.Do("POST", "/api/feedback", map[string]any{"content": it.Text})
		if a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		id := a.Map(t)["FeedbackID"].(string)
		for end := time.Now().Add(5 * time.Minute); s.Record(records.Feedback, id).GetString("state") == "received"; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the message was not settled")
			}
		}
		r := s.Record(records.Feedback, id)
		t.Logf("state %s, class %s, engine %s, degraded %v (%s)", r.GetString("state"), r.GetString("class"), r.GetString("engine"), r.GetBool("degraded"), r.GetString("degraded_why"))
		if r.GetString("state") != "joined" || r.GetString("class") != "bug" || s.Count(records.Usage, dbx.HashExp{"subject_id": id, "mode": "strict"}) == 0 {
			t.Errorf("state %s, class %s: noise of a model must not change them", r.GetString("state"), r.GetString("class"))
		}
	})
}
