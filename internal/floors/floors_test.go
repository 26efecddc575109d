package floors

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/iterateswarm/iterateswarm"

func TestThisRepositoryKeepsItsFloors(t *testing.T) {
	t.Parallel()
	found, err := Check(os.DirFS("../.."), module, Table())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// tree builds a small repository from "path: source" pairs.
func tree(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, src := range files {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	return m
}

func src(pkg string, imports ...string) string {
	var b strings.Builder
	b.WriteString("// Package " + pkg + " is a fixture.\npackage " + pkg + "\n\n")
	for _, i := range imports {
		b.WriteString("import _ \"" + i + "\"\n")
	}
	return b.String()
}

func TestCheckBites(t *testing.T) {
	t.Parallel()
	own := func(folder string) string { return module + "/" + folder }
	cases := []struct {
		name  string
		files map[string]string
		want  string // part of the one sentence; empty means nothing is found
	}{
		{"the standard library is free", map[string]string{"internal/triage/a.go": src("triage", "fmt", "net/http")}, ""},
		{"the ground stands on nothing", map[string]string{"internal/triage/a.go": src("triage", "golang.org/x/text/unicode/norm")},
			"internal/triage may import the standard library only"},
		{"no cgo", map[string]string{"internal/triage/a.go": src("triage", "C")}, "imports C"},
		{"no looking up", map[string]string{"internal/guard/a.go": src("guard", own("internal/pipeline"))}, "imports internal/pipeline"},
		{"strangers on floor two", map[string]string{"internal/llm/a.go": src("llm", own("internal/offline"))}, "imports internal/offline"},
		{"main is not for sale", map[string]string{"internal/api/a.go": src("api", module)}, "imports ."},
		{"a library in the wrong package", map[string]string{"internal/api/a.go": src("api", "github.com/riverqueue/river")}, "imports github.com/riverqueue/river"},
		{"a longer name is another module", map[string]string{"internal/pipeline/a.go": src("pipeline", "github.com/riverqueue/riverui")}, "imports github.com/riverqueue/riverui"},
		{"below an allowed path", map[string]string{"internal/queue/a.go": src("queue", "github.com/riverqueue/river/riverdriver/riversqlite")}, ""},
		{"beside an allowed path", map[string]string{"internal/queue/a.go": src("queue", "github.com/pocketbase/pocketbase/apis")}, "imports github.com/pocketbase/pocketbase/apis"},
		{"a package may use its own inside", map[string]string{"sdk/a.go": src("sdk", own("sdk/proto")), "sdk/proto/a.go": src("proto")}, ""},
		{"a plugin brings its client", map[string]string{"plugins/discord/a.go": src("discord", own("sdk"), "github.com/bwmarrin/discordgo")}, ""},
		{"a plugin does not bring the database", map[string]string{"plugins/discord/a.go": src("discord", "github.com/pocketbase/pocketbase/core")}, "the client of its own service"},
		{"a plugin does not know the inside", map[string]string{"plugins/discord/a.go": src("discord", own("internal/triage"))}, "imports internal/triage"},
		{"a plugin does not know its neighbour", map[string]string{"plugins/discord/a.go": src("discord", own("plugins/slack"))}, "imports plugins/slack"},
		{"a plugin's inside has no floor", map[string]string{"plugins/discord/x/a.go": src("x")}, "plugins/discord/x: no floor; add a line"},
		{"the command line wires", map[string]string{"internal/command/a.go": src("command", own("internal/api"), own("internal/queue"), own("hooks"))}, ""},
		{"main hands over", map[string]string{"main.go": "// Command x is a fixture.\npackage main\nimport _ \"" + own("internal/api") + "\"\n"},
			". may import internal/command, plugins"},
		{"a thinking step has no database", map[string]string{"internal/pipeline/think.go": src("pipeline", own("internal/records"))}, "internal/pipeline/think.go may import internal/triage, github.com/riverqueue/river"},
		{"tests may import more", map[string]string{
			"internal/triage/a.go":      src("triage"),
			"internal/triage/a_test.go": "package triage\nimport _ \"github.com/google/go-cmp/cmp\"\n",
		}, ""},
		{"a new package needs a floor", map[string]string{"internal/cache/a.go": src("cache")},
			"internal/cache: no floor; add a line to internal/floors/table.go that says what it may import"},
		{"a folder of tests needs none", map[string]string{"internal/cache/a_test.go": "package cache\n"}, ""},
		{"a folder that says nothing", map[string]string{"internal/api/helper/a_test.go": "package helper\n"}, `the name "helper" says nothing`},
		{"no package comment", map[string]string{"sdk/a.go": "package sdk\n"}, "sdk: no package comment"},
		{"a licence is no package comment", map[string]string{"sdk/a.go": "// Copyright.\n\npackage sdk\n"}, "sdk: no package comment"},
		{"a directive is no package comment", map[string]string{"sdk/a.go": "//go:debug x=1\npackage sdk\n"}, "sdk: no package comment"},
		{"two package comments", map[string]string{"sdk/a.go": src("sdk"), "sdk/b.go": src("sdk")}, "2 package comments (a.go, b.go); keep one"},
		{"somebody else's comment", map[string]string{"sdk/a.go": "// Package kit is a fixture.\npackage sdk\n"}, `must begin with "Package sdk "`},
		{"test data is not code", map[string]string{"internal/api/testdata/util/a.go": "package util\n", "_x/a.go": "package x\n", ".x/a.go": "package x\n"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found, err := Check(tree(c.files), module, Table())
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(found) != 0 {
					t.Errorf("Check found %q, want nothing", found)
				}
				return
			}
			if len(found) != 1 || !strings.Contains(found[0], c.want) {
				t.Errorf("Check found %q, want one sentence with %q", found, c.want)
			}
		})
	}
}

func TestCheckReportsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	_, err := Check(tree(map[string]string{"sdk/a.go": "pakage sdk"}), module, Table())
	if err == nil || !strings.Contains(err.Error(), "parse sdk/a.go") {
		t.Errorf("Check = %v, want an error that names the file", err)
	}
}

func TestTheTableNamesOnlyPackagesOfTheTable(t *testing.T) {
	t.Parallel()
	folders := map[string]bool{}
	for _, r := range Table() {
		if folders[r.Folder] {
			t.Errorf("%s has two lines", r.Folder)
		}
		folders[r.Folder] = true
	}
	for _, r := range Table() {
		for _, may := range r.May {
			first, _, _ := strings.Cut(may, "/")
			if !strings.Contains(first, ".") && !folders[may] && may != "internal" {
				t.Errorf("%s may import %s, which has no line", r.Folder, may)
			}
		}
	}
}
