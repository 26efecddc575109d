package command_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/command"
	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
	"github.com/iterateswarm/iterateswarm/plugins"
)

// asCommand in the environment makes the test binary the product's command
// line: what restarts itself needs a process of its own.
const asCommand = config.TestPrefix + "COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" && !(len(os.Args) == 3 && os.Args[1] == "plugin") {
		os.Exit(command.Main(os.Args[1:], os.Environ(), command.Bundled{Manifests: plugins.Manifests(), Serve: plugins.Serve}, os.Stdout, os.Stderr))
	}
	servertest.Main(m)
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// stored reports whether a text lies in clear in any file of a folder.
func stored(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		found = found || strings.Contains(string(raw), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func tryOpen(t *testing.T, dir string) error {
	t.Helper()
	s, err := command.Open(context.Background(), servertest.Options(dir))
	if err == nil {
		err = s.Close(context.Background())
	}
	return err
}

func TestTheKeyIsMadeOutsideTheData(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	info, err := os.Stat(filepath.Join(filepath.Dir(s.Dir), "iterateswarm.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v; want mode 0600", info, err)
	}
}

func TestWithoutSecretsALostKeyIsReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_data")
	for range 2 {
		if err := tryOpen(t, dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(filepath.Dir(dir), "iterateswarm.key")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithSecretsALostOrWrongKeyStopsTheStart(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(*servertest.Server){
		"a source's secret": func(s *servertest.Server) {
			s.Save(records.Sources, map[string]any{"project": s.Project(), "name": "site", "slug": "site", "plugin": "webhook",
				"config": map[string]any{"secrets": []string{secret}}, "enabled": true})
		},
		"a mail password": func(s *servertest.Server) {
			settings := s.App.Settings()
			settings.SMTP.Password = secret
			if err := s.App.Save(settings); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "pb_data")
			t.Run("store", func(t *testing.T) { plant(servertest.StartIn(t, dir)) })
			if stored(t, dir, secret) {
				t.Error("the secret lies in clear in the data directory")
			}
			if err := tryOpen(t, dir); err != nil {
				t.Fatalf("with its key: %v", err)
			}
			key := filepath.Join(filepath.Dir(dir), "iterateswarm.key")
			right, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := tryOpen(t, dir); err == nil {
				t.Error("a wrong key was accepted")
			}
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
			if err := tryOpen(t, dir); err == nil || !strings.Contains(err.Error(), "key is missing") {
				t.Errorf("without a key: %v; want a sentence that says the key is missing", err)
			}
			if _, err := os.Stat(key); err == nil {
				t.Error("a new key was made in the place of the lost one")
			}
			if err := os.WriteFile(key, right, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := tryOpen(t, dir); err != nil {
				t.Errorf("with the key put back: %v", err)
			}
		})
	}
}

func TestSecretsAreInNoAnswer(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	super := s.Superuser()
	made := s.Do("POST", "/api/collections/sources/records", map[string]any{"project": s.Project(), "name": "site", "slug": "site",
		"plugin": "webhook", "config": map[string]any{"secrets": []string{secret}}, "enabled": true}, "Authorization", super)
	if made.Status != 200 {
		t.Fatalf("make source: %d %s", made.Status, made.Body)
	}
	list := s.Do("GET", "/api/collections/sources/records", nil, "Authorization", super)
	for _, a := range []servertest.Answer{made, list} {
		if strings.Contains(string(a.Body), secret) || strings.Contains(string(a.Body), `"secrets":"`) {
			t.Errorf("the answer holds the secret, or its sealed form: %s", a.Body)
		}
	}
	r := s.Record(records.Sources, made.Map(t)["id"].(string))
	if !strings.Contains(list.Map(t)["items"].([]any)[0].(map[string]any)["secrets_set"].([]any)[0].(string), "secrets") {
		t.Errorf("secrets_set does not name the secret: %s", list.Body)
	}
	if a := s.Do("PATCH", "/api/collections/sources/records/"+r.Id, map[string]any{"name": "renamed"}, "Authorization", super); a.Status != 200 {
		t.Fatalf("rename: %d %s", a.Status, a.Body)
	}
	kept, err := s.Pipeline.Vault.Open(s.Record(records.Sources, r.Id).GetString("secrets"))
	if err != nil || !strings.Contains(kept["secrets"], secret) {
		t.Errorf("after a rename the secret is %v, %v; want it kept", kept, err)
	}
	if strings.Contains(s.Log(), secret) {
		t.Error("the log holds the secret")
	}
}
