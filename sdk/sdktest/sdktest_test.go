package sdktest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const envFlaw = "SDKTEST_FLAW"

func TestMain(m *testing.M) {
	flaw := os.Getenv(envFlaw)
	switch flaw {
	case "runs by hand":
		if os.Getenv(sdk.CookieName) == "" {
			os.Exit(0)
		}
	case "no handshake":
		fmt.Println("Hello!")
		time.Sleep(time.Minute)
	}
	Main(m, &post{flaw: flaw})
}

// post is a source with one flaw, or none.
type post struct {
	flaw   string
	config struct {
		Token string `json:"token"`
	}
	n int
}

func (p *post) Manifest() sdk.Manifest {
	m := sdk.Manifest{Name: "post", Kind: sdk.KindSource, Version: "1.0.0", Description: "Takes what is posted.",
		ConfigSchema: `{"type":"object","required":["token"],"properties":{"token":{"type":"string","secret":true}}}`}
	switch p.flaw {
	case "another manifest":
		m.Version = fmt.Sprintf("1.0.%d", os.Getpid())
	case "bad schema":
		m.ConfigSchema = `{"type":"object","properties":{"a":{"type":"colour"}}}`
	}
	return m
}

func (p *post) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	switch p.flaw {
	case "accepts everything":
		return nil
	case "dies of a bad configuration":
		if len(c.JSON) < 5 {
			os.Exit(3)
		}
	case "prints":
		fmt.Fprintln(os.NewFile(1, "stdout"), "configured")
	case "logs text":
		fmt.Fprintln(os.NewFile(2, "stderr"), "configured")
	}
	wrong := c.Decode(&p.config)
	switch {
	case len(wrong) == 0 && p.config.Token == "":
		wrong = append(wrong, sdk.Wrong("token", "is required"))
	case len(wrong) == 0 && p.config.Token != "right" && p.flaw == "quotes secrets":
		wrong = append(wrong, sdk.Wrong("token", "%s is not right", p.config.Token))
	case len(wrong) == 0 && p.config.Token != "right":
		wrong = append(wrong, sdk.Wrong("token", "is not right"))
	}
	return wrong
}

func (p *post) Check(context.Context) sdk.Health { return sdk.Health{OK: true} }

func (p *post) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	signed := req.Header.Get("X-Token") == p.config.Token
	switch {
	case !signed && p.flaw == "dies of garbage":
		panic("garbage")
	case !signed && p.flaw == "fails on garbage":
		return sdk.WebhookReply{}, errors.New("garbage")
	case !signed && p.flaw == "takes garbage":
		return sdk.WebhookReply{Status: 200}, nil
	case !signed:
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	p.n++
	id := "m1"
	if p.flaw == "makes ids up" {
		id = fmt.Sprint(p.n)
	}
	return sdk.WebhookReply{Status: 200, Items: []sdk.Item{{ExternalID: id, Content: string(req.Body)}}}, nil
}

func (p *post) Run(ctx context.Context, cursor string, store sdk.Store) error {
	if cursor == "" || p.flaw == "forgets its cursor" {
		id := "r1"
		if p.flaw == "makes stream ids up" {
			id = fmt.Sprint(os.Getpid())
		}
		if err := store(ctx, sdk.Batch{Items: []sdk.Item{{ExternalID: id, Content: "c"}}, Cursor: "1"}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// subject is the fake with a flaw.
func subject(flaw string) Subject {
	return Subject{
		Command: func() *exec.Cmd {
			cmd := Self("post")()
			cmd.Env = append(cmd.Env, envFlaw+"="+flaw)
			return cmd
		},
		Config: `{"token":"right"}`, Stream: flaw == "" || strings.Contains(flaw, "stream") || strings.Contains(flaw, "cursor"),
		Request: func() sdk.WebhookRequest {
			return sdk.WebhookRequest{Method: "POST", Header: http.Header{"X-Token": {"right"}}, Body: []byte("hello")}
		},
	}
}

func TestAGoodPluginPassesEveryCheck(t *testing.T) {
	t.Parallel()
	report := Check(t.Context(), subject(""))
	if report.Manifest.Name != "post" || report.Start <= 0 || report.Resident <= report.Private || report.Private <= 0 {
		t.Errorf("report %+v", report)
	}
	results := report.Results
	if len(results) != len(checks()) {
		t.Errorf("%d checks were made, want %d", len(results), len(checks()))
	}
	for _, r := range results {
		if r.Failed() || r.Skipped != "" {
			t.Errorf("%s: %v %s", r.Name, r.Err, r.Skipped)
		}
	}
}

func TestEachFlawIsFound(t *testing.T) {
	t.Parallel()
	for flaw, want := range map[string]string{
		"runs by hand":                "runs only when a host starts it: without the variable",
		"no handshake":                `starts and shakes hands: the first line on standard output is "Hello!`,
		"another manifest":            "describes itself, always the same: the call Describe gives another answer",
		"bad schema":                  `describes itself, always the same: plugin post: config schema: property a: type "colour"`,
		"accepts everything":          "refuses a bad configuration and quotes no secret: the call Configure with",
		"dies of a bad configuration": "refuses a bad configuration and quotes no secret: the call Configure with",
		"quotes secrets":              "refuses a bad configuration and quotes no secret: a diagnostic of Configure quotes a secret",
		"dies of garbage":             "answers garbage with 4xx and stores nothing: the process has ended",
		"fails on garbage":            "answers garbage with 4xx and stores nothing: ",
		"takes garbage":               "answers garbage with 4xx and stores nothing: ",
		"makes ids up":                "names the same message the same way twice: the same request brought [1] and then [2]",
		"makes stream ids up":         "brings messages once, across restarts: from the beginning it brought",
		"forgets its cursor":          "brings messages once, across restarts: after a restart at its last cursor it brings r1 again",
		"prints":                      `prints nothing but the handshake: after the handshake it printed "configured`,
		"logs text":                   "logs JSON lines to standard error, without secrets: a line on standard error is not JSON: configured",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, r := range Check(t.Context(), subject(flaw)).Results {
				if r.Failed() {
					found = append(found, r.Name+": "+r.Err.Error())
				}
			}
			if !strings.Contains(strings.Join(found, "\n"), want) {
				t.Errorf("found %q, want %q", found, want)
			}
		})
	}
}

func TestWithoutAConfigurationTheRestIsSkipped(t *testing.T) {
	t.Parallel()
	s := subject("")
	s.Config, s.Request, s.Stream = "", nil, false
	skipped := 0
	for _, r := range Check(t.Context(), s).Results {
		if r.Failed() {
			t.Errorf("%s: %v", r.Name, r.Err)
		}
		if strings.Contains(r.Skipped, "token: is not right") {
			skipped++
		}
	}
	if skipped < 3 {
		t.Errorf("%d checks were skipped with the plugin's reason, want some", skipped)
	}
}
