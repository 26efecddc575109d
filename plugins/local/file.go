package local

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// One file is
//
//	---
//	number: 12
//	key: "k7…"
//	title: "Login fails on Safari"
//	state: open
//	labels: ["bug"]
//	reference: "r3c…"
//	created: 2026-11-22T18:00:00Z
//	---
//	<!-- iterateswarm:v1 k=k7… -->
//	the body
//
// Text is quoted as in JSON, which YAML takes as it is.

// seen is what a file said when it had this size and time.
type seen struct {
	size    int64
	changed time.Time
	found   sdk.Found // Key is empty when the file is not ours
	labels  []string
}

func render(number int64, created time.Time, req sdk.CreateRequest) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\nnumber: %d\nkey: %s\ntitle: %s\nstate: open\n", number, quote(req.Key), quote(req.Title))
	labels := req.Labels
	if labels == nil {
		labels = []string{}
	}
	fmt.Fprintf(&b, "labels: %s\nreference: %s\ncreated: %s\n---\n", quote(labels), quote(req.Reference), created.UTC().Format(time.RFC3339))
	b.WriteString(req.Body)
	if !strings.HasSuffix(req.Body, "\n") {
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func quote(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a string or a list of strings always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// errNotOurs says that a file has not our front matter and marker.
var errNotOurs = errors.New("not an issue of ours")

// parse reads the front matter and the marker. A person may have edited the
// file: quotes are optional, unknown lines are passed over.
func parse(r io.Reader) (found sdk.Found, labels []string, err error) {
	found.State = "open"
	in := bufio.NewScanner(io.LimitReader(r, 64<<10))
	if !in.Scan() || strings.TrimSpace(in.Text()) != "---" {
		return found, nil, errNotOurs
	}
	for in.Scan() && strings.TrimSpace(in.Text()) != "---" {
		name, value, _ := strings.Cut(in.Text(), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "state":
			if strings.Trim(value, `"'`) == "closed" {
				found.State = "closed"
			}
		case "title":
			found.Title = unquote(value)
		case "labels":
			labels = listOf(value)
		case "created":
			found.Created, _ = time.Parse(time.RFC3339, strings.Trim(value, `"'`))
		}
	}
	for in.Scan() {
		if strings.TrimSpace(in.Text()) == "" {
			continue // an editor may have put an empty line there
		}
		key, ok := sdk.ParseMarker(in.Text())
		if !ok {
			return found, nil, errNotOurs
		}
		found.Key = key
		return found, labels, nil
	}
	return found, nil, errNotOurs
}

// unquote reads a text in JSON, in the quotes of YAML, or bare.
func unquote(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return strings.Trim(value, `"'`)
}

// listOf reads a list in brackets.
func listOf(value string) []string {
	var list []string
	if json.Unmarshal([]byte(value), &list) == nil {
		return list
	}
	for item := range strings.SplitSeq(strings.Trim(value, "[]"), ",") {
		if item = unquote(strings.TrimSpace(item)); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// fileName is the name of an issue's file: 0012-login-fails-on-safari.md.
func fileName(number int64, title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case b.Len() >= 50:
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := strings.Trim(b.String(), "-")
	if slug == "" {
		slug = "issue"
	}
	return fmt.Sprintf("%04d-%s.md", number, slug)
}

// numberOf returns the number at the start of a file name; 0 means it has none.
func numberOf(name string) int64 {
	digits, _, _ := strings.Cut(name, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !strings.HasSuffix(name, ".md") {
		return 0
	}
	return n
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// writeTemp writes a file under a name that is no issue's, down to the disk.
func (t *Tracker) writeTemp(content []byte) (name string, err error) {
	if err := os.MkdirAll(t.folder, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(t.folder, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// errNotSynced says that a file is there and may not survive a power cut.
var errNotSynced = errors.New("the file is written and may not survive a power cut")

// write makes a file that appears whole or not at all, and survives a power
// cut. The error is fs.ErrExist when the name is taken, and errNotSynced when
// the file is there but only perhaps on the disk; after any other error it is
// not there.
func (t *Tracker) write(path string, content []byte) error {
	temp, err := t.writeTemp(content)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	err = os.Link(temp, path) // unlike Rename it replaces nothing
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		if _, taken := os.Lstat(path); taken == nil {
			return fs.ErrExist
		}
		err = os.Rename(temp, path) // a file system without links
	}
	if err != nil {
		return err
	}
	if err := t.syncFolder(); err != nil {
		return fmt.Errorf("%w: %w", errNotSynced, err)
	}
	return nil
}

// replace changes a file that is there, whole or not at all.
func (t *Tracker) replace(path string, content []byte) error {
	temp, err := t.writeTemp(content)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	if err := t.syncFolder(); err != nil {
		return fmt.Errorf("%w: %w", errNotSynced, err)
	}
	return nil
}

// syncFolder writes the folder's list of names to the disk.
func (t *Tracker) syncFolder() error {
	d, err := os.Open(t.folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
