// The examples are whole plugins; here they are built, checked and run in a
// real server, as an operator would.
package example

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/sdktest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const secret = "0123456789abcdef"

// build builds the Go example.
func build(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "hello")
	if said, err := exec.Command("go", "build", "-o", to, "./hello").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	return to
}

// node is the Node example, when Node and its packages are there.
func node(t *testing.T) string {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noPackages := os.Stat("node/node_modules")
	if noNode != nil || noPackages != nil {
		if os.Getenv("ITERATESWARM_TEST_REQUIRE") != "" {
			t.Fatalf("no Node.js or no packages: %v, %v", noNode, noPackages)
		}
		t.Skip("needs Node.js and its packages; run npm ci in sdk/example/node")
	}
	path, err := filepath.Abs("node/plugin.mjs")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelloKeepsTheProtocol(t *testing.T) {
	t.Parallel()
	program := build(t)
	box := filepath.Join(t.TempDir(), "box.txt")
	if err := os.WriteFile(box, []byte("one\n\ntwo\nnot complete"), 0o600); err != nil {
		t.Fatal(err)
	}
	sdktest.Run(t, sdktest.Subject{Command: func() *exec.Cmd { return exec.Command(program) }, Config: `{"file":"` + box + `"}`, Stream: true})
}

// signed is a message as the Node example's service sends it.
func signed(body string) (header http.Header) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"X-Signature": {hex.EncodeToString(mac.Sum(nil))}}
}

const body = `{"id":"m1","text":"The export hangs","author":"ann"}`

func TestNodeKeepsTheProtocol(t *testing.T) {
	t.Parallel()
	program := node(t)
	sdktest.Run(t, sdktest.Subject{
		Command: func() *exec.Cmd { return exec.Command(program) }, Config: `{"secret":"` + secret + `"}`,
		Request: func() sdk.WebhookRequest {
			return sdk.WebhookRequest{Method: "POST", Header: signed(body), Body: []byte(body)}
		},
	})
}

// A plugin in another language comes in through a script in the plugin folder.
func TestNodeInAServer(t *testing.T) {
	t.Parallel()
	script := []byte("#!/bin/sh\nexec '" + node(t) + "'\n")
	s := servertest.Start(t)
	dir := filepath.Join(s.Dir, "plugins")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node-box.sh"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(script)
	a := s.Do("POST", "/api/plugins/node-box/enable", map[string]string{"sha256": hex.EncodeToString(sum[:])}, "Authorization", s.Superuser())
	if a.Status != 200 {
		t.Fatalf("enable: %d %s", a.Status, a.Body)
	}
	admin := s.User("admin")
	a = s.Do("POST", "/api/collections/sources/records", map[string]any{"project": s.Project(), "name": "Node", "slug": "node", "plugin": "node-box",
		"enabled": true, "config": map[string]string{"secret": secret}}, "Authorization", admin)
	if a.Status != 200 {
		t.Fatalf("make the source: %d %s", a.Status, a.Body)
	}
	id := a.Map(t)["id"].(string)
	s.Until("the plugin to run", func() bool { return s.Record(records.Sources, id).GetString("status") == "running" })
	for range 2 {
		if a := s.Do("POST", "/webhooks/node", body, "X-Signature", signed(body).Get("X-Signature")); a.Status != 202 {
			t.Errorf("webhook: %d %s", a.Status, a.Body)
		}
	}
	if a := s.Do("POST", "/webhooks/node", body, "X-Signature", "00"); a.Status != 401 {
		t.Errorf("a forged webhook: %d %s", a.Status, a.Body)
	}
	if n := s.Count(records.Feedback, dbx.HashExp{"source": "node"}); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	var lines []struct{ Message string }
	if err := json.Unmarshal(s.Do("GET", "/api/sources/"+id+"/logs", nil, "Authorization", admin).Body, &lines); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, l := range lines {
		found = found || l.Message == "message taken id=m1"
	}
	if !found {
		t.Errorf("the plugin's own line is not among %v", lines)
	}
}
