package acceptance

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// Bad inputs for the sources that take signed requests: a surface is the plugin
// that the request goes to, and sign is what is wrong with its signature.

// nowhere is an address where nobody answers: the sources below are only sent to.
const nowhere = "http://127.0.0.1:1/api"

const hookSecret, otherSecret = "8f742231b10e8888abcd99yyyzzz85a5", "somebody else's, never configured"

var hookKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// hooked are the surfaces that are sources.
var hooked = map[string]string{"slack": "slack", "discord": "discord", "github": "github-issues"}

// hook is the source that a request is for. GitHub's is for one repository, the
// one that the body names.
func (f *feeder) hook(t *testing.T, b bad, body []byte) (slug string) {
	t.Helper()
	config := map[string]any{
		"slack":   map[string]any{"bot_token": "xoxb-1", "signing_secrets": []string{hookSecret}, "base_url": nowhere, "emoji": "bug"},
		"discord": map[string]any{"token": "t0ken", "public_key": hex.EncodeToString(hookKey.Public().(ed25519.PublicKey)), "base_url": nowhere},
	}[b.Surface]
	slug = b.Surface
	if b.Surface == "github" {
		owner, repo := "acme", "web"
		var of struct {
			Repository struct {
				FullName string `json:"full_name"`
			} `json:"repository"`
		}
		if json.Unmarshal(body, &of) == nil && strings.Contains(of.Repository.FullName, "/") {
			owner, repo, _ = strings.Cut(of.Repository.FullName, "/")
		}
		config = map[string]any{"owner": owner, "repo": repo, "secrets": []string{hookSecret}, "discussions": true}
		slug = "github-" + hex.EncodeToString([]byte(owner+repo))
	}
	f.making.Lock()
	defer f.making.Unlock()
	if !f.made[slug] {
		f.made[slug] = true
		startSource(f.s, slug, hooked[b.Surface], config)
	}
	return slug
}

// startSource makes a source and waits for its process.
func startSource(s *servertest.Server, slug, plugin string, config any, more ...any) string {
	fields := map[string]any{"project": s.Project(), "name": slug, "slug": slug, "plugin": plugin, "enabled": true, "config": config}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i].(string)] = more[i+1]
	}
	source := s.Save(records.Sources, fields)
	s.Until("source "+slug+" to run", func() bool { return s.Record(records.Sources, source.Id).GetString("status") == "running" })
	return source.Id
}

// signHook signs a body as the surface's service does, with the defect that
// sign names. The body may change too.
func signHook(t *testing.T, surface, sign string, body []byte) (http.Header, []byte) {
	t.Helper()
	at, secret, key := time.Now(), hookSecret, hookKey
	signedBody := body
	switch sign {
	case "wrong_key":
		secret, key = otherSecret, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	case "empty_key":
		secret = ""
	case "old", "stale", "expired":
		at = at.Add(-302 * time.Second)
	case "future":
		at = at.Add(302 * time.Second)
	case "other_body", "body_changed":
		signedBody = append([]byte(" "), body...)
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	hash := func(message string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(message))
		return hex.EncodeToString(mac.Sum(nil))
	}
	h := http.Header{"Content-Type": {"application/json"}}
	name := ""
	switch surface {
	case "slack":
		name = "X-Slack-Signature"
		h.Set("X-Slack-Request-Timestamp", stamp)
		h.Set(name, "v0="+hash("v0:"+stamp+":"+string(signedBody)))
	case "discord":
		name = "X-Signature-Ed25519"
		h.Set("X-Signature-Timestamp", stamp)
		h.Set(name, hex.EncodeToString(ed25519.Sign(key, []byte(stamp+string(signedBody)))))
	case "github":
		name = "X-Hub-Signature-256"
		h.Set("X-GitHub-Event", "issues")
		h.Set(name, "sha256="+hash(string(signedBody)))
	}
	right := h.Get(name)
	switch sign {
	case "none", "missing":
		h.Del(name)
	case "empty":
		h.Set(name, "")
	case "prefix", "truncated":
		h.Set(name, right[:len(right)/2])
	case "uppercase":
		h.Set(name, strings.ToUpper(right))
	case "unprefixed":
		h.Set(name, right[strings.Index(right, "=")+1:])
	case "twice":
		h.Add(name, right)
	case "sha1":
		h.Del(name)
		h.Set("X-Hub-Signature", "sha1="+strings.Repeat("0", 40))
	case "gzip":
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(body) // a buffer takes everything
		_ = z.Close()
		h.Set("Content-Encoding", "gzip")
		return h, packed.Bytes()
	case "", "valid", "wrong_key", "empty_key", "old", "stale", "expired", "future", "other_body", "body_changed":
	default:
		t.Fatalf("no signature is known to be wrong as %q", sign)
	}
	return h, body
}

// feedHook sends one item to its source, as often as it says, and looks at the
// answers and at what is stored.
func (f *feeder) feedHook(t *testing.T, b bad) {
	raw := b.raw(t).([]byte)
	slug := f.hook(t, b, raw)
	header, body := signHook(t, b.Surface, b.Sign, raw)
	for name, v := range b.Hdr {
		header.Set(name, v)
	}
	if b.Ct != "" {
		header.Set("Content-Type", b.Ct)
	}
	send := func() {
		req, err := http.NewRequest("POST", f.s.URL+"/webhooks/"+slug, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = header.Clone()
		req.Header.Set("X-Request-ID", "bad-"+b.ID)
		began := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		var answer bytes.Buffer
		_, _ = answer.ReadFrom(res.Body)
		if !slices.Contains(b.Expect.HTTP, res.StatusCode) {
			t.Errorf("status = %d, want one of %v: %s", res.StatusCode, b.Expect.HTTP, clip(answer.String()))
		}
		if res.StatusCode == 401 && answer.Len() != 0 {
			t.Errorf("401 came with %q, want nothing", answer.String())
		}
		if took := time.Since(began); b.Expect.MaxMS > 0 && took.Milliseconds() > b.Expect.MaxMS {
			t.Errorf("took %s, want at most %d ms", took, b.Expect.MaxMS)
		}
	}
	var all sync.WaitGroup
	places := make(chan struct{}, max(1, b.Parallel))
	for range max(1, b.Times) {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			send()
		})
	}
	all.Wait()
	// What a shortcut brings may come by the stream first, which has no request.
	stored, err := f.s.App.FindRecordsByFilter(records.Feedback, "request_id = {:r} || (source = {:s} && content = {:t} && content != '')", "", 0, 0,
		dbx.Params{"r": "bad-" + b.ID, "s": slug, "t": b.Expect.Text})
	if err != nil {
		t.Fatal(err)
	}
	if b.Expect.Items != nil && len(stored) != *b.Expect.Items {
		t.Errorf("%d messages are stored, want %d", len(stored), *b.Expect.Items)
	}
	for _, r := range stored {
		if got := r.GetString("content"); b.Expect.Text != "" && got != b.Expect.Text {
			t.Errorf("stored %q, want %q", clip(got), clip(b.Expect.Text))
		}
	}
}
