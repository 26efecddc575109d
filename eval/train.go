package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/offline"
)

// train writes the weights file.
func train(o options) error {
	if o.data == "" {
		return errors.New("train needs --data DIR")
	}
	if o.out == "" {
		o.out = "internal/offline/weights.bin"
	}
	l := &loader{dir: o.data}
	rows := lessons(l, nil)
	if l.err != nil {
		return l.err
	}
	start := time.Now()
	w, err := offline.Train(rows, func(step string) {
		fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(start).Seconds(), step)
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.out, w, 0o644); err != nil {
		return fmt.Errorf("write weights: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%6.1fs %s, %d bytes\n", time.Since(start).Seconds(), o.out, len(w))
	return nil
}
