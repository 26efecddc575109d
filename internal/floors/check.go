package floors

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

type checker struct {
	table []Rule
	found []string
}

func (c *checker) report(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *checker) names(p pkg) {
	for _, element := range strings.Split(p.folder, "/") {
		if slices.Contains(forbidden, element) {
			c.report("%s: the name %q says nothing; name the package for the thing it holds", p.folder, element)
		}
	}
}

func (c *checker) comment(p pkg) {
	if len(p.files) == 0 {
		return
	}
	var with []string
	for _, f := range p.files {
		if f.doc == "" {
			continue
		}
		with = append(with, f.name)
		if f.pkg != "main" && !strings.HasPrefix(f.doc, "Package "+f.pkg+" ") {
			c.report("%s: the package comment in %s must begin with \"Package %s \"", p.folder, f.name, f.pkg)
		}
	}
	switch {
	case len(with) == 0:
		c.report("%s: no package comment; write one that a newcomer could start from", p.folder)
	case len(with) > 1:
		c.report("%s: %d package comments (%s); keep one", p.folder, len(with), strings.Join(with, ", "))
	}
}

func (c *checker) imports(p pkg) {
	if len(p.files) == 0 {
		return
	}
	rule, ok := c.rule(p.folder)
	if !ok {
		c.report("%s: no floor; add a line to internal/floors/table.go that says what it may import", p.folder)
		return
	}
	for _, f := range p.files {
		may, who := rule.May, p.folder
		narrowed, narrow := rule.Files[f.name]
		if narrow {
			may, who = narrowed, path.Join(p.folder, f.name)
		}
		for _, i := range f.imports {
			if i.standard() || below(i.path, may) {
				continue
			}
			if !narrow && i.own && below(i.path, []string{p.folder}) {
				continue
			}
			if rule.Clients && c.isClient(i) {
				continue
			}
			c.report("%s imports %s: %s may import %s (internal/floors/table.go)",
				path.Join(p.folder, f.name), i.path, who, list(may, rule.Clients))
		}
	}
}

// rule finds the line for folder; a line with the exact name wins over a star.
func (c *checker) rule(folder string) (Rule, bool) {
	for _, r := range c.table {
		if r.Folder == folder {
			return r, true
		}
	}
	for _, r := range c.table {
		if parent, ok := strings.CutSuffix(r.Folder, "/*"); ok && path.Dir(folder) == parent {
			return r, true
		}
	}
	return Rule{}, false
}

// isClient reports whether i lies outside the module and belongs to no other
// package of the table.
func (c *checker) isClient(i imported) bool {
	return !i.own && i.path != "C" && !slices.ContainsFunc(c.table, func(r Rule) bool { return below(i.path, r.May) })
}

// standard tells the standard library by the missing dot in the first element.
// "C" is not a package but cgo, and the binary is built without it.
func (i imported) standard() bool {
	first, _, _ := strings.Cut(i.path, "/")
	return !i.own && i.path != "C" && !strings.Contains(first, ".")
}

func below(imported string, places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool {
		return imported == place || strings.HasPrefix(imported, place+"/")
	})
}

func list(may []string, clients bool) string {
	may = slices.Clone(may)
	if clients {
		may = append(may, "the client of its own service")
	}
	if len(may) == 0 {
		return "the standard library only"
	}
	return strings.Join(may, ", ")
}
