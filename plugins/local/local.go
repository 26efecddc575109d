// Package local is a tracker that needs no account: it writes every issue as a
// Markdown file with YAML front matter into a folder. People may edit the files,
// set "state: closed", or delete them; the folder is the whole of its memory.
package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "properties": {
    "folder": {
      "type": "string",
      "title": "Folder",
      "description": "Where the files go. A relative path lies inside the tracker's data directory, which is also the default.",
      "maxLength": 1000
    }
  }
}`

// Tracker is the plugin. Its methods may be called at once; it files one issue
// at a time.
type Tracker struct {
	mu     sync.Mutex
	folder string
	seen   map[string]seen // by file name: what a file said when it was last read
}

// New returns the plugin, not configured.
func New() *Tracker { return &Tracker{seen: make(map[string]seen)} }

// Manifest describes the plugin. Creating is idempotent by key, so that nothing
// has to settle.
func (t *Tracker) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:             "local",
		Kind:             sdk.KindTracker,
		Version:          "1.1.0",
		Description:      "Writes each issue as a Markdown file into a folder. Needs no account.",
		ConfigSchema:     schema,
		Documentation:    "https://github.com/iterateswarm/iterateswarm/blob/main/docs/trackers.md#local",
		IdempotentCreate: true,
	}
}

// Configure finds the folder. It is made when the first issue is filed.
func (t *Tracker) Configure(_ context.Context, config sdk.Config) []sdk.Diagnostic {
	var c struct {
		Folder string `json:"folder"`
	}
	if wrong := config.Decode(&c); wrong != nil {
		return wrong
	}
	folder := c.Folder
	if !filepath.IsAbs(folder) {
		if config.DataDir == "" {
			return []sdk.Diagnostic{sdk.Wrong("folder", "is not an absolute path, and the tracker has no data directory")}
		}
		if folder != "" && !filepath.IsLocal(folder) {
			return []sdk.Diagnostic{sdk.Wrong("folder", "leaves the tracker's data directory")}
		}
		folder = filepath.Join(config.DataDir, folder)
	}
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return []sdk.Diagnostic{sdk.Wrong("folder", "is a file, want a folder")}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.folder, t.seen = folder, make(map[string]seen)
	return nil
}

// Check writes a file into the folder and takes it away again.
func (t *Tracker) Check(context.Context) sdk.Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	name, err := t.writeTemp(nil)
	if err != nil {
		return sdk.Health{Detail: fmt.Sprintf("Cannot write into the folder: %v.", err)}
	}
	if err := os.Remove(name); err != nil {
		return sdk.Health{Detail: fmt.Sprintf("Cannot remove a file from the folder: %v.", err)}
	}
	return sdk.Health{OK: true, Detail: "Issues go to " + t.folder + "."}
}
