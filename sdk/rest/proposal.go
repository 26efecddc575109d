package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	mostFiles = 50
	mostBytes = 1 << 20 // of all files together
)

// Branch is the branch of a proposal. It carries the key, so that twice makes
// one.
func Branch(key string) string { return "iterateswarm/" + key }

// runs are files and folders whose content runs by itself, or decides what runs:
// continuous integration, hooks, who may approve. All in lower case.
var runs = []string{
	".forgejo", ".circleci", ".buildkite", ".husky", ".woodpecker", ".woodpecker.yml", ".woodpecker.yaml", ".drone.yml",
	".travis.yml", ".cirrus.yml", ".semaphore", ".teamcity", ".appveyor.yml", "appveyor.yml", "azure-pipelines.yml",
	"bitbucket-pipelines.yml", "jenkinsfile", "githooks", "git-hooks", ".pre-commit-config.yaml", "lefthook.yml",
	".lefthook.yml", "codeowners", ".envrc", ".vscode", ".idea", ".devcontainer", ".npmrc", ".yarnrc", ".yarnrc.yml", ".mvn",
}

// locks are files that tools write and nobody reads. All in lower case; besides
// them, whatever ends in .lock or .lockfile.
var locks = []string{
	"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "bun.lockb", "go.sum", "packages.lock.json", "package.resolved",
}

// CheckProposal reports the first reason why a change may not be proposed, or
// nil. A proposal is text in ordinary files: nothing that runs by itself, no
// lock file, nothing binary.
func CheckProposal(req sdk.ProposeRequest) error {
	switch {
	case !sdk.ValidKey(req.Key):
		return errors.New("the proposal has no valid key")
	case len(req.Files) == 0:
		return errors.New("the proposal changes no file")
	case len(req.Files) > mostFiles:
		return fmt.Errorf("the proposal changes %d files, at most %d are allowed", len(req.Files), mostFiles)
	}
	size := 0
	seen := make(map[string]bool)
	for _, f := range req.Files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		if name := strings.ToLower(f.Path); seen[name] {
			return fmt.Errorf("the proposal names %s twice", f.Path)
		} else {
			seen[name] = true
		}
		if !utf8.Valid(f.Content) || bytes.IndexByte(f.Content, 0) >= 0 {
			return fmt.Errorf("%s is not text", f.Path)
		}
		size += len(f.Content)
	}
	if size > mostBytes {
		return fmt.Errorf("the proposal has %d bytes, at most %d are allowed", size, mostBytes)
	}
	return nil
}

func checkPath(name string) error {
	odd := func(r rune) bool { return r == '\\' || r == ':' || !unicode.IsPrint(r) }
	if !fs.ValidPath(name) || name == "." || len(name) > 255 || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("%q is not the path of a file in a repository", name)
	}
	for element := range strings.SplitSeq(strings.ToLower(name), "/") {
		// Windows drops dots and spaces at the end of a name.
		element = strings.TrimRight(element, ". ")
		if element == "" || strings.HasPrefix(element, ".git") || strings.HasPrefix(element, "git~") || slices.Contains(runs, element) {
			return fmt.Errorf("%s runs by itself or decides what runs; that is for people to change", name)
		}
	}
	base := strings.ToLower(path.Base(name))
	if slices.Contains(locks, base) || strings.HasSuffix(base, ".lock") || strings.HasSuffix(base, ".lockfile") {
		return fmt.Errorf("%s is a lock file; its tool writes it", name)
	}
	return nil
}

// Entry is what a repository has at a path.
type Entry struct {
	Path string
	Mode string // as git writes it: 100644, 100755, 120000 (a link), 160000 (another repository), 040000 (a folder)
}

// CheckTree reports whether a file of the proposal would go where the repository
// has something that is no ordinary file, or below it. entries is the whole tree.
func CheckTree(files []sdk.File, entries []Entry) error {
	mode := make(map[string]string, len(entries))
	for _, e := range entries {
		mode[e.Path] = e.Mode
	}
	for _, f := range files {
		if m := mode[f.Path]; m != "" && !strings.HasPrefix(m, "100") {
			return fmt.Errorf("%s is a link or a folder", f.Path)
		}
		for up := path.Dir(f.Path); up != "."; up = path.Dir(up) {
			if m := mode[up]; m != "" && strings.TrimLeft(m, "0") != "40000" {
				return fmt.Errorf("%s lies below %s, which is no folder", f.Path, up)
			}
		}
	}
	return nil
}
