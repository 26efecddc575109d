// Command hello is a whole plugin: a suggestion box. Every line that somebody
// adds to a text file comes in as a message.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

type box struct {
	File string `json:"file"`
}

func main() { sdk.Serve(&box{}) }

func (b *box) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name: "hello", Kind: sdk.KindSource, Version: "1.0.0",
		Description:  "Takes every line of a text file as a message.",
		ConfigSchema: `{"type":"object","required":["file"],"properties":{"file":{"type":"string","description":"Within the plugin's directory, or an absolute path."}}}`,
	}
}

func (b *box) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	if wrong := c.Decode(b); wrong != nil {
		return wrong
	}
	if b.File == "" {
		return []sdk.Diagnostic{sdk.Wrong("file", "is required")}
	}
	if !filepath.IsAbs(b.File) {
		b.File = filepath.Join(c.DataDir, b.File)
	}
	return nil
}

func (b *box) Check(context.Context) sdk.Health {
	if _, err := os.Stat(b.File); err != nil {
		return sdk.Health{Detail: fmt.Sprintf("Cannot read the file: %v.", err)}
	}
	return sdk.Health{OK: true, Detail: "Reading " + b.File + "."}
}

// Run counts lines in its cursor, so that each is brought once.
func (b *box) Run(ctx context.Context, cursor string, store sdk.Store) error {
	taken, _ := strconv.Atoi(cursor)
	for {
		text, _ := os.ReadFile(b.File) // not there yet: nothing to bring
		lines := strings.Split(string(text), "\n")
		for n := taken; n < len(lines)-1; n++ { // the last one is not complete
			batch := sdk.Batch{Cursor: strconv.Itoa(n + 1)}
			if line := strings.TrimSpace(lines[n]); line != "" {
				batch.Items = []sdk.Item{{ExternalID: fmt.Sprintf("line-%d", n+1), Content: line}}
			}
			if err := store(ctx, batch); err != nil {
				return err
			}
			taken = n + 1
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}
