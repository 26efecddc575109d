package acceptance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// The official SDK in Node: sign in, create, subscribe, list, approve.
func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs(repository + "/test/js")
	if err != nil {
		t.Fatal(err)
	}
	const how = "run `npm ci` in test/js with Node 20 or newer on the PATH to run this"
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, how)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "pocketbase")); err != nil {
		missing(t, how)
	}
	s := servertest.Start(t)
	const password = "correct horse"
	user := s.Save(records.Users, map[string]any{"email": "maya@example.com", "password": password, "verified": true})
	s.Save(records.Members, map[string]any{"user": user.Id, "project": s.Project(), "role": "approver"})
	s.Save(records.Users, map[string]any{"email": "eve@example.com", "password": password, "verified": true})

	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "walk.mjs")
	node.Dir = folder
	node.Env = append(os.Environ(), "URL="+s.URL, "EMAIL=maya@example.com", "OUTSIDER=eve@example.com", "PASSWORD="+password, "KEY="+s.Key())
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	var end struct {
		OK    bool
		Issue string
	}
	if err := json.Unmarshal(out, &end); err != nil || !end.OK {
		t.Fatalf("the walk ended with %q, %v", out, err)
	}
	if got := s.Record(records.Issues, end.Issue).GetString("state"); got != "filed" {
		t.Errorf("the issue is %s, want filed", got)
	}
	files, err := filedFiles(s)
	if err != nil || len(files) != 1 {
		t.Errorf("%d filed issues, %v, want 1", len(files), err)
	}
}
