package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// held says whether a row belongs to the fifth that development scores on.
func held(r row, fold int) bool {
	h := fnv.New32a()
	h.Write([]byte(r.ID))
	return h.Sum32()%5 == uint32(fold)
}

// develop trains on four fifths of the training splits and scores the rest.
func develop(o options) error {
	l := &loader{dir: o.data}
	rows := lessons(l, func(r row) bool { return !held(r, o.fold) })
	if l.err != nil {
		return l.err
	}
	start := time.Now()
	w, err := offline.Train(rows, func(string) {})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "trained in %.1fs\n", time.Since(start).Seconds())
	e, err := offline.Open(w)
	if err != nil {
		return err
	}
	t, err := scoreSets(e, l, split{held: true, fold: o.fold})
	if err != nil {
		return err
	}
	fmt.Println(t.String())
	return nil
}
