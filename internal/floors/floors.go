// Package floors keeps the layers of the code apart. The table says for every
// folder with Go code what it may import; Check reads the source files and
// reports whatever does not fit. Look at the table before you import, and add a
// line to it before you add a package.
package floors

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Rule says what one package may import besides the standard library. Its own
// folder is always allowed, and so is the folder's inside. Test files may
// import more: they are not checked.
type Rule struct {
	Folder string // "." is main; a last element "*" stands for any one name
	// May lists folders of this module and import paths outside it. Each entry
	// stands for everything below it as well.
	May []string
	// Clients allows every outside module that no rule lists: a plugin brings
	// the client of the service it talks to, and nothing that we stand on.
	Clients bool
	// Files narrows single files further than May.
	Files map[string][]string
}

// forbidden are folder names that say nothing about what is inside.
var forbidden = []string{"util", "utils", "common", "helper", "helpers", "shared", "types", "models", "manager", "service"}

// Check reads every Go file below root, except test data and hidden folders,
// and returns one sentence for each thing that breaks the table. The module
// path tells our own imports from outside ones.
func Check(root fs.FS, module string, table []Rule) ([]string, error) {
	packages, err := read(root, module)
	if err != nil {
		return nil, err
	}
	c := checker{table: table}
	for _, p := range packages {
		c.names(p)
		c.comment(p)
		c.imports(p)
	}
	return c.found, nil
}

// A pkg is one folder with Go code.
type pkg struct {
	folder string
	files  []file // without test files
}

type file struct {
	name    string
	pkg     string
	doc     string // the package comment
	imports []imported
}

// An imported path; one of our own is shortened to its folder.
type imported struct {
	path string
	own  bool
}

func read(root fs.FS, module string) ([]pkg, error) {
	var packages []pkg
	index := map[string]int{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if d.IsDir() {
			if skip(d.Name()) && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		folder := path.Dir(name)
		i, ok := index[folder]
		if !ok {
			i = len(packages)
			index[folder] = i
			packages = append(packages, pkg{folder: folder})
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parse(root, name, module)
		if err != nil {
			return err
		}
		packages[i].files = append(packages[i].files, f)
		return nil
	})
	return packages, err
}

func skip(folder string) bool {
	return strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_") ||
		slices.Contains([]string{"testdata", "vendor", "node_modules", "pb_data"}, folder)
}

func parse(root fs.FS, name, module string) (file, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return file{}, fmt.Errorf("read %s: %w", name, err)
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, fmt.Errorf("parse %s: %w", name, err)
	}
	f := file{name: path.Base(name), pkg: tree.Name.Name, doc: text(tree.Doc)}
	for _, spec := range tree.Imports {
		full, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("parse %s: %w", name, err)
		}
		folder, own := strings.CutPrefix(full, module+"/")
		if full == module {
			folder, own = ".", true
		}
		f.imports = append(f.imports, imported{path: folder, own: own})
	}
	return f, nil
}

func text(doc *ast.CommentGroup) string {
	if doc == nil {
		return ""
	}
	return strings.TrimSpace(doc.Text())
}
