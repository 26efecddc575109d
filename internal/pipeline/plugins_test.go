package pipeline_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// folder is what the two plugins of this package share: they write down every
// call in a folder, and answer what a file there says.
type folder struct {
	Dir string `json:"dir"`
}

const folderSchema = `{"type":"object","required":["dir"],"properties":{"dir":{"type":"string"}}}`

func (f *folder) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic { return c.Decode(f) }
func (f *folder) Check(context.Context) sdk.Health                           { return sdk.Health{OK: true} }

// note appends one call to the folder's log.
func (f *folder) note(call string, v any) {
	raw, err := json.Marshal(map[string]any{"call": call, "with": v})
	if err != nil {
		panic(err)
	}
	log, err := os.OpenFile(filepath.Join(f.Dir, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	fmt.Fprintln(log, string(raw))
}

// read reads what the test wants answered into v; without a file v stays.
func (f *folder) read(name string, v any) {
	raw, err := os.ReadFile(filepath.Join(f.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		panic(err)
	}
}

// chat is a source that can be answered on and annotated.
type chat struct{ folder }

func (c *chat) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "testchat", Kind: sdk.KindSource, Version: "1.0.0", ConfigSchema: folderSchema}
}

func (c *chat) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	var items []sdk.Item
	if err := json.Unmarshal(req.Body, &items); err != nil {
		return sdk.WebhookReply{Status: 400}, nil
	}
	return sdk.WebhookReply{Status: 200, Items: items}, nil
}

func (c *chat) Reply(_ context.Context, req sdk.ReplyRequest) sdk.ReplyReply {
	c.note("reply", req)
	reply := sdk.ReplyReply{Outcome: sdk.Created, ID: "m-" + req.Key, URL: "https://chat.test/" + req.Key}
	c.read("reply", &reply)
	return reply
}

func (c *chat) Annotate(_ context.Context, req sdk.AnnotateRequest) sdk.ReplyReply {
	c.note("annotate", req)
	return sdk.ReplyReply{Outcome: sdk.Created, ID: "a-" + req.Key}
}

// hub is a tracker that can be commented on and tells what changed.
type hub struct{ folder }

func (h *hub) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "testhub", Kind: sdk.KindTracker, Version: "1.0.0", ConfigSchema: folderSchema}
}

func (h *hub) Create(_ context.Context, req sdk.CreateRequest) sdk.CreateReply {
	h.note("create", req)
	return sdk.CreateReply{Outcome: sdk.Created, Name: "APP-" + req.Reference, URL: "https://hub.test/APP-" + req.Reference}
}

func (h *hub) Find(context.Context, sdk.FindRequest) ([]sdk.Found, error) { return nil, nil }

func (h *hub) Comment(_ context.Context, req sdk.CommentRequest) sdk.UpdateReply {
	h.note("comment", req)
	return sdk.UpdateReply{Outcome: sdk.Created, ID: "c1"}
}

func (h *hub) Changes(_ context.Context, cursor string, _ time.Time) ([]sdk.Change, string, error) {
	var changes []sdk.Change
	h.read("changes", &changes)
	return changes, fmt.Sprint(len(changes)), nil
}

// calls reads a folder's log: every call of one kind, as a T.
func calls[T any](t *testing.T, dir, kind string) []T {
	t.Helper()
	log, err := os.Open(filepath.Join(dir, "calls"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out []T
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var c struct {
			Call string
			With json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		var v T
		if c.Call != kind {
			continue
		}
		if err := json.Unmarshal(c.With, &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}
