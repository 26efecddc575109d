package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Program is a file in the operator's plugin directory.
type Program struct {
	Name   string // the plugin's: the file's name up to its first dot
	File   string // the file's name
	SHA256 string // empty when it could not be read
	Wrong  string // why it is never started; empty when nothing is against it
}

// Pin is an operator's word that one file may run as a plugin.
type Pin struct {
	Name   string
	File   string // within the plugin directory
	SHA256 string
}

// Unfit says that a program must not be started, and why.
type Unfit struct{ Why string }

// Error is the reason.
func (u *Unfit) Error() string { return u.Why }

// Programs lists the programs in the plugin directory, by file name. Nothing is
// started. Without a directory there are none.
func (h *Host) Programs() ([]Program, error) {
	if h.config.Dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(h.config.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read plugin directory: %w", err)
	}
	dirWrong := checkDir(h.config.Dir)
	var list []Program
	times := map[string]int{}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f := Program{File: e.Name()}
		f.Name, _, _ = strings.Cut(e.Name(), ".")
		times[f.Name]++
		var err error
		if err = dirWrong; err == nil {
			f.SHA256, err = h.sums.of(filepath.Join(h.config.Dir, e.Name()))
		}
		if err == nil {
			err = h.checkName(f.Name)
		}
		if err != nil {
			f.Wrong = err.Error()
		}
		list = append(list, f)
	}
	for i := range list {
		if times[list[i].Name] > 1 && list[i].Wrong == "" {
			list[i].Wrong = "several files have this name before their first dot; keep one"
		}
	}
	return list, nil
}

func (h *Host) checkName(name string) error {
	if !sdk.ValidName(name) {
		return errors.New("the file's name up to its first dot is no plugin name: lower-case letters, digits and dashes, beginning with a letter")
	}
	if h.isBundled(name) {
		return fmt.Errorf("%s is a plugin that comes with the server; rename the file and the plugin", name)
	}
	return nil
}

// verify returns the path of a pinned program if it is what was pinned.
func (h *Host) verify(pin Pin) (string, error) {
	if h.config.Dir == "" || pin.File != filepath.Base(pin.File) {
		return "", &Unfit{"there is no plugin directory"}
	}
	if err := checkDir(h.config.Dir); err != nil {
		return "", &Unfit{err.Error()}
	}
	path := filepath.Join(h.config.Dir, pin.File)
	sum, err := hashProgram(path)
	if err != nil {
		return "", &Unfit{err.Error()}
	}
	if sum != pin.SHA256 {
		return "", &Unfit{fmt.Sprintf("the file %s has changed since it was enabled: its SHA-256 is %s…, not %s…. Enable it again if that is meant",
			pin.File, sum[:12], pin.SHA256[:min(12, len(pin.SHA256))])}
	}
	return path, nil
}

// checkDir refuses a directory that somebody else could put programs into.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("plugin directory: %w", err)
	}
	if !info.IsDir() {
		return errors.New("the plugin directory is a symbolic link or a file; make it a directory")
	}
	return checkOwner("the plugin directory", info)
}

// checkOwner refuses what another user than this one or root can write.
func checkOwner(what string, info fs.FileInfo) error {
	if !ownedByUs(info) {
		return fmt.Errorf("%s belongs to another user; it must be this server's or root's", what)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written by its group or by everybody (%v); run chmod go-w", what, info.Mode().Perm())
	}
	return nil
}

// hashProgram returns the SHA-256 of a program, or why it must not run. What it
// checks is what it reads: the file is opened once, and no link is followed.
func hashProgram(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("the file is not readable: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is a symbolic link or no regular file; put the program itself there")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return "", fmt.Errorf("the file is not readable: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return "", fmt.Errorf("the file is not readable: %w", err)
	}
	if err := checkOwner("the file", info); err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o100 == 0 {
		return "", errors.New("the file is not executable; run chmod u+x")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("the file is not readable: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sums remembers checksums for lists; before a start the file is read again.
type sums struct {
	mu   sync.Mutex
	seen map[string]sum
}

type sum struct {
	size   int64
	at     time.Time
	mode   fs.FileMode
	sha256 string
}

func (s *sums) of(path string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("the file is not readable: %w", err)
	}
	if old, ok := s.seen[path]; ok && old.size == info.Size() && old.at.Equal(info.ModTime()) && old.mode == info.Mode() {
		return old.sha256, nil
	}
	hash, err := hashProgram(path)
	if err != nil {
		return "", err
	}
	if s.seen == nil {
		s.seen = map[string]sum{}
	}
	s.seen[path] = sum{info.Size(), info.ModTime(), info.Mode(), hash}
	return hash, nil
}

// forget makes every file be read again.
func (s *sums) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}
