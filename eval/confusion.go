package main

import (
	"fmt"
	"slices"
	"strings"
)

// confusion prints wanted against given, for development.
func confusion(rows []judged, fold func(string) string) string {
	count := map[string]map[string]int{}
	var names []string
	for _, r := range rows {
		w, g := fold(r.want), fold(r.got)
		for _, n := range []string{w, g} {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		if count[w] == nil {
			count[w] = map[string]int{}
		}
		count[w][g]++
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "%12s", "")
	for _, g := range names {
		fmt.Fprintf(&b, "%10s", g)
	}
	b.WriteByte('\n')
	for _, w := range names {
		fmt.Fprintf(&b, "%12s", w)
		for _, g := range names {
			fmt.Fprintf(&b, "%10d", count[w][g])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
