// Package web_test checks the web app's source as it lies there: types,
// vendored files, imports, texts.
package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const public = "../../pb_public"

// tsc reads the JSDoc of every module.
func TestTypes(t *testing.T) {
	if _, err := os.Stat("node_modules/typescript"); err != nil {
		if os.Getenv("ITERATESWARM_TEST_REQUIRE") == "1" {
			t.Fatal("typescript is not installed")
		}
		t.Skip("typescript is not installed; run npm ci in test/web")
	}
	if out, err := exec.Command("node_modules/.bin/tsc", "-p", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The files that build.sh made are the files that are served.
func TestVendoredFilesAreWhatTheirListSays(t *testing.T) {
	raw, err := os.ReadFile(public + "/vendor/vendor.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Packages []struct{ Name, Version, License, Integrity string }
		Files    []struct{ File, SHA256 string }
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, f := range list.Files {
		listed[f.File] = true
		content, err := os.ReadFile(filepath.Join(public, "vendor", f.File))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is not the file that vendor.json lists; run pb_public/vendor/build.sh", f.File)
		}
	}
	for _, p := range list.Packages {
		if p.Version == "" || p.License == "" || p.Integrity == "" {
			t.Errorf("%s lacks its version, license or integrity", p.Name)
		}
	}
	served, err := filepath.Glob(public + "/vendor/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range served {
		name := filepath.Base(path)
		if !listed[name] && name != "vendor.json" && name != "build.sh" && !strings.HasSuffix(name, ".d.ts") {
			t.Errorf("vendor/%s is not in vendor.json", name)
		}
	}
}

// modules reads every module of ours.
func modules(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(public, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".js") || strings.Contains(path, "/vendor/") {
			return err
		}
		raw, err := os.ReadFile(path)
		out[path] = string(raw)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%d modules, %v", len(out), err)
	}
	return out
}

var imported = regexp.MustCompile(`(?:from|import\()\s*['"]([^'"]+)['"]`)

// No build step means: every module is checked, short, and names its imports
// by a path that exists.
func TestModules(t *testing.T) {
	for path, src := range modules(t) {
		if !strings.HasPrefix(src, "// @ts-check\n") {
			t.Errorf("%s does not begin with // @ts-check", path)
		}
		if n := strings.Count(src, "\n"); n > 300 {
			t.Errorf("%s has %d lines, want at most 300", path, n)
		}
		for _, m := range imported.FindAllStringSubmatch(src, -1) {
			if !strings.HasPrefix(m[1], ".") {
				t.Errorf("%s imports %q; only relative paths work without a build", path, m[1])
			} else if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s imports %q: %v", path, m[1], err)
			}
		}
		for _, danger := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "dangerouslySetInnerHTML", "eval("} {
			if strings.Contains(src, danger) {
				t.Errorf("%s uses %s; text from strangers is shown as text", path, danger)
			}
		}
	}
}

// Every first-view module that index.html names in advance is there.
func TestPreloadedModulesExist(t *testing.T) {
	raw, err := os.ReadFile(public + "/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="/([^"]+\.(?:js|css|json|svg))"`).FindAllStringSubmatch(string(raw), -1) {
		if _, err := os.Stat(filepath.Join(public, m[1])); err != nil {
			t.Errorf("index.html names /%s: %v", m[1], err)
		}
	}
}

var (
	asked  = regexp.MustCompile(`\bt\('([a-z][a-zA-Z0-9_.-]*)'`)
	action = regexp.MustCompile(`\{ id: '([a-z-]+)', keys:`)
)

// Every text that a module asks for by its whole name is in the catalogue, and
// so is the label of every action.
func TestTextsAreThere(t *testing.T) {
	texts := map[string]any{}
	parts, err := filepath.Glob(public + "/i18n/en*.json")
	if err != nil || len(parts) == 0 {
		t.Fatalf("%v, %v", parts, err)
	}
	for _, part := range parts {
		raw, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &texts); err != nil {
			t.Fatalf("%s: %v", part, err)
		}
	}
	for path, src := range modules(t) {
		for _, m := range asked.FindAllStringSubmatch(src, -1) {
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s asks for the text %q", path, m[1])
			}
		}
		if strings.HasSuffix(path, "/actions.js") {
			for _, m := range action.FindAllStringSubmatch(src, -1) {
				if _, ok := texts["action."+m[1]]; !ok {
					t.Errorf("the action %s has no label", m[1])
				}
			}
		}
	}
}
