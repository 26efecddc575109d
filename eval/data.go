package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// row is one line of any set. Each set fills what it has.
type row struct {
	ID        string `json:"id"`
	Repo      string `json:"repo"`
	Title     string `json:"title"`
	Body      string `json:"body"`
	Text      string `json:"text"`
	Label     string `json:"label"`
	LabelRaw  string `json:"label_raw"`
	Split     string `json:"split"`
	Lang      string `json:"lang"`
	App       string `json:"app"`
	Kind      string `json:"kind"`
	Severity  string `json:"severity4"`
	English   string `json:"translation_en"`
	Channel   string `json:"channel"`
	Product   string `json:"product"`
	Component string `json:"component"`
}

// load reads DIR/name, gzip JSON Lines.
func load(dir, name string) ([]row, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	var rows []row
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var r row
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("load %s: line %d: %w", name, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	return rows, nil
}

// loader loads sets and remembers the first error; the caller asks for it once.
type loader struct {
	dir string
	err error
}

func (l *loader) load(name string) []row {
	if l.err != nil {
		return nil
	}
	rows, err := load(l.dir, name)
	l.err = err
	return rows
}

// in keeps the rows of some splits.
func in(rows []row, splits ...string) []row {
	var out []row
	for _, r := range rows {
		for _, s := range splits {
			if r.Split == s {
				out = append(out, r)
			}
		}
	}
	return out
}

func oneOf(s string, of ...string) bool {
	for _, o := range of {
		if strings.EqualFold(s, o) {
			return true
		}
	}
	return false
}
