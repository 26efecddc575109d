package config

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/internal/guard"
)

var update = flag.Bool("update", false, "write docs/configuration.md instead of comparing it")

func TestReferenceIsFresh(t *testing.T) {
	const file = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(file, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(got)); diff != "" {
		t.Errorf("docs/configuration.md is stale; run: go generate ./internal/config\n%s", diff)
	}
}

// with stands for an environment that holds the given pairs.
func with(pairs ...string) []string {
	env := []string{"HOME=/nowhere", "EMPTY="}
	for i := 0; i < len(pairs); i += 2 {
		env = append(env, Prefix+pairs[i]+"="+pairs[i+1])
	}
	return env
}

func TestAnEmptyEnvironmentIsValid(t *testing.T) {
	t.Parallel()
	c, err := FromEnviron(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Log:      Log{Level: "info", Format: "json"},
		API:      API{PublicIngest: true, PublicNumbers: true, RateBurst: 20, RateEvery: 3 * time.Second, BodyLimit: 256 << 10, TextLimit: 64 << 10, MaxIngest: 64},
		Data:     Data{MaxOpenConns: 16},
		Queue:    Queue{Workers: 8, FetchCooldown: 15 * time.Millisecond, SweepInterval: 2 * time.Second},
		Pipeline: Pipeline{HoldThreshold: 0.5},
		LLM:      LLM{Kind: "openai", Class: "auto", APIVersion: "2024-10-21", DailyTokens: 1_000_000, SourceShare: 0.5, Rate: 60, Timeout: 30 * time.Second},
		File:     File{HealInterval: time.Hour, PollInterval: 5 * time.Minute},
		Breaker:  Breaker{Failures: 5, Open: 30 * time.Second},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%v\nwant\n%v", c, want)
	}
	if !reflect.DeepEqual(Default(), want) {
		t.Error("Default differs from the empty environment")
	}
}

func TestNumbersAgreeWithGuard(t *testing.T) {
	t.Parallel()
	c := Default()
	if c.Breaker.Failures != guard.DefaultFailures || c.Breaker.Open != guard.DefaultOpen {
		t.Errorf("breaker %+v, guard says %d and %v", c.Breaker, guard.DefaultFailures, guard.DefaultOpen)
	}
	if c.API.RateBurst != guard.DefaultBurst || c.API.RateEvery != guard.DefaultEvery {
		t.Errorf("rate %d every %v, guard says %d every %v", c.API.RateBurst, c.API.RateEvery, guard.DefaultBurst, guard.DefaultEvery)
	}
}

func TestSettingsAreRead(t *testing.T) {
	t.Parallel()
	c, err := FromEnviron(with(
		"APP_URL", "https://feedback.example.com/inbox",
		"LOG_LEVEL", "debug", "LOG_FORMAT", " text ",
		"API_PUBLIC_INGEST", "off", "API_PUBLIC_NUMBERS", "No",
		"API_RATE_BURST", "7", "API_RATE_EVERY", "1m30s", "API_BODY_LIMIT", "1MiB", "API_TEXT_LIMIT", "4096",
		"API_TRUSTED_ORIGINS", "https://a.example, http://localhost:5173,",
		"QUEUE_WORKERS", "", // empty counts as not set
		"PIPELINE_HOLD_THRESHOLD", "1",
		"TEST_REQUIRE", "1",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.App.URL = "https://feedback.example.com/inbox"
	want.Log = Log{Level: "debug", Format: "text"}
	want.API = API{
		RateBurst: 7, RateEvery: 90 * time.Second, BodyLimit: 1 << 20, TextLimit: 4096, MaxIngest: 64,
		TrustedOrigins: []string{"https://a.example", "http://localhost:5173"},
	}
	want.Pipeline.HoldThreshold = 1
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%v\nwant\n%v", c, want)
	}
}

func TestMistakesSayWhatToWrite(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, value, want string }{
		{"LOG_LEVEL", "loud", `ITERATESWARM_LOG_LEVEL="loud": write one of debug, info, warn, error`},
		{"API_PUBLIC_INGEST", "maybe", "write on or off"},
		{"QUEUE_WORKERS", "many", "write a whole number from 1 to 64"},
		{"QUEUE_WORKERS", "0", "write a whole number from 1 to 64"},
		{"QUEUE_WORKERS", "4.5", "write a whole number from 1 to 64"},
		{"QUEUE_WORKERS", "99999999999999999999", "write a whole number from 1 to 64"},
		{"QUEUE_SWEEP_INTERVAL", "5", "write a time such as 500ms, 30s or 2h, from 100ms to 10m"},
		{"QUEUE_SWEEP_INTERVAL", "-5s", "from 100ms to 10m"},
		{"API_BODY_LIMIT", "256 KB", "write a size such as 4096, 64KiB or 1MiB, from 1KiB to 16MiB"},
		{"API_BODY_LIMIT", "9223372036854775807KiB", "write a size"},
		{"API_BODY_LIMIT", "-1KiB", "write a size"},
		{"PIPELINE_HOLD_THRESHOLD", "50%", "write a number from 0 to 1"},
		{"PIPELINE_HOLD_THRESHOLD", "NaN", "write a number from 0 to 1"},
		{"PIPELINE_HOLD_THRESHOLD", "Inf", "write a number from 0 to 1"},
		{"APP_URL", "feedback.example.com", "write an address such as https://"},
		{"APP_URL", "https://", "write an address"},
		{"APP_URL", "https://u:p@example.com", "write an address"},
		{"APP_URL", "javascript:alert(1)", "write an address"},
		{"API_TRUSTED_ORIGINS", "*", "write origins such as"},
		{"API_TRUSTED_ORIGINS", "https://*.example.com", "write origins such as"},
		{"API_TRUSTED_ORIGINS", "https://a.example,https://b.example/", "write origins such as"},
		{"API_TRUSTED_ORIGINS", "null", "write origins such as"},
		{"API_TEXT_LIMIT", "1MiB", "ITERATESWARM_API_TEXT_LIMIT=1MiB is more than ITERATESWARM_API_BODY_LIMIT=256KiB"},
		{"KEY", "hunter2", "ITERATESWARM_KEY: write 32 bytes as 64 hexadecimal digits or in base64"},
		{"QUEUE_WORKER", "4", "ITERATESWARM_QUEUE_WORKER is no setting: did you mean ITERATESWARM_QUEUE_WORKERS?"},
		{"LLM_KEY", "sk-1", "ITERATESWARM_LLM_MODEL is empty: name the model"},
		{"LLM_MODEL", "gpt", "ITERATESWARM_LLM_KEY is empty: LLM_KIND=openai needs one"},
		{"LLM_KIND", "bard", "write one of openai, azure, ollama, compatible"},
		{"LLM_DAILY_TOKENS", "-1", "write a whole number from 0 to 1000000000"},
		{"LOGLEVEL", "info", "did you mean ITERATESWARM_LOG_LEVEL?"},
		{"KEYFILE", "x", "did you mean ITERATESWARM_KEY_FILE?"},
		{"FAVOURITE_COLOUR", "blue", "docs/configuration.md lists all settings"},
	}
	for _, c := range cases {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Parallel()
			_, err := FromEnviron(with(c.name, c.value))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %q, want %q in it", err, c.want)
			}
		})
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := FromEnviron(with("LOG_LEVEL", "x", "QUEUE_WORKERS", "x", "BREAKER_OPEN", "x", "NOPE", "x"))
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("%d lines, want 4:\n%v", got, err)
	}
}

func TestKeyComesInHexadecimalOrBase64(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0xfb, 0xef, 0xff, 7}, keyBytes/4) // + and / in base64
	good := []string{
		hex.EncodeToString(key),
		strings.ToUpper(hex.EncodeToString(key)) + "\n",
		base64.StdEncoding.EncodeToString(key),
	}
	for _, s := range good {
		c, err := FromEnviron(with("KEY", s))
		if err != nil || c.Key.Value.Reveal() != strings.TrimSpace(s) {
			t.Errorf("%s: %q, %v", s, c.Key.Value.Reveal(), err)
		}
	}
	for _, s := range []string{"00", hex.EncodeToString(key) + "00", strings.Repeat("x", 64), base64.StdEncoding.EncodeToString(key[1:])} {
		if _, err := FromEnviron(with("KEY", s)); err == nil {
			t.Errorf("KEY=%s was taken", s)
		}
	}
	_, err := FromEnviron(with("KEY", good[0], "KEY_FILE", "/run/key"))
	if err == nil || !strings.Contains(err.Error(), "keep one") {
		t.Errorf("both KEY and KEY_FILE: %v", err)
	}
}

// vault is a configuration with a secret that may come from a file.
type vault struct {
	Mail struct {
		Password Secret `env:"MAIL_PASSWORD" help:"x"`
	}
}

func TestSecretsCanComeFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	load := func(env map[string]string) (vault, error) {
		var v vault
		err := read(&v, func(name string) (string, bool) { s, ok := env[name]; return s, ok })
		return v, err
	}
	const name = Prefix + "MAIL_PASSWORD"
	v, err := load(map[string]string{name + "_FILE": write("good", "hunter2\n")})
	if err != nil || v.Mail.Password.Reveal() != "hunter2" {
		t.Errorf("from a file: %q, %v", v.Mail.Password.Reveal(), err)
	}
	v, err = load(map[string]string{name: "hunter2"})
	if err != nil || v.Mail.Password.Reveal() != "hunter2" {
		t.Errorf("from the variable: %q, %v", v.Mail.Password.Reveal(), err)
	}
	bad := []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{name: "hunter2", name + "_FILE": "x"}, name + "_FILE is set too: keep one"},
		{map[string]string{name + "_FILE": filepath.Join(dir, "none")}, "no such file"},
		{map[string]string{name + "_FILE": write("empty", " \n")}, "the file is empty"},
		{map[string]string{name + "_FILE": write("big", strings.Repeat("hunter2 ", longestFile))}, "at most 64KiB"},
	}
	for _, b := range bad {
		_, err := load(b.env)
		if err == nil || !strings.Contains(err.Error(), b.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %q", err, b.want)
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Key.Value = NewSecret("hunter2")
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%p", "%T"} {
		fmt.Fprintf(&shown, verb+"\n", c.Key.Value)
		fmt.Fprintf(&shown, verb+"\n", c.Key)
		fmt.Fprintf(&shown, verb+"\n", &c)
		fmt.Fprintf(&shown, verb+"\n", c)
	}
	lg := slog.New(slog.NewJSONHandler(&shown, nil))
	lg.Info("x", "secret", c.Key.Value, "key", c.Key, "config", c)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "secret", c.Key.Value, "key", c.Key, "config", c)
	if err := json.NewEncoder(&shown).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), strings.ToUpper(hex.EncodeToString([]byte("hunter2")))} {
		if strings.Contains(shown.String(), leak) {
			t.Errorf("the secret shows in:\n%s", shown.String())
		}
	}
	if !strings.Contains(c.String(), "ITERATESWARM_KEY=[secret]\n") {
		t.Errorf("String does not say that there is a key:\n%s", c)
	}
}

func TestEverySettingHasAHelpAndAGoodName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range fields(&Config{}) {
		if seen[f.name] {
			t.Errorf("%s twice", f.name)
		}
		seen[f.name] = true
		if !strings.HasPrefix(f.name, Prefix+strings.ToUpper(f.group)) {
			t.Errorf("%s does not begin with its group %s", f.name, f.group)
		}
		if help := f.tag.Get("help"); !strings.HasSuffix(help, ".") || strings.Contains(help, "|") {
			t.Errorf("%s: help %q is no sentence, or breaks the table", f.name, help)
		}
		if f.about == "" {
			t.Errorf("%s has no about", f.group)
		}
	}
}

// A setting that nobody reads promises something that does not happen.
func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	var readers strings.Builder
	for _, folder := range []string{"../command", "../api", "../llm"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no code in %s: %v", folder, err)
		}
		for _, name := range files {
			if text, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, "_test.go") {
				readers.Write(text)
			}
		}
	}
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		group := root.Field(i)
		for j := range group.Type.NumField() {
			f := group.Type.Field(j)
			if !regexp.MustCompile(`\.` + f.Name + `\b`).MatchString(readers.String()) {
				t.Errorf("nobody reads %s.%s (%s%s)", group.Name, f.Name, Prefix, f.Tag.Get("env"))
			}
		}
	}
}

func TestSizesPrintAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"0B", "1B", "1000B", "1KiB", "64KiB", "1MiB", "3GiB"} {
		s, err := parseSize(want)
		if err != nil || s.String() != want {
			t.Errorf("parseSize(%q) = %v, %v", want, s, err)
		}
	}
}
