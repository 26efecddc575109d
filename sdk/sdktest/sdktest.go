// Package sdktest checks that a plugin keeps the protocol: an author runs it on
// a plugin in its own tests, and `iterateswarm plugin check FILE` runs it on any
// program, whatever it is written in. Each check starts real processes, as the
// host does.
//
//	func TestMain(m *testing.M) { sdktest.Main(m, &mailbox{}) }
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, sdktest.Subject{
//			Command: sdktest.Self("mailbox"),
//			Config:  `{"token": "abc"}`,
//		})
//	}
//
// No check makes the plugin talk to its service, unless Stream is set.
package sdktest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Subject is the plugin to check.
type Subject struct {
	// Command returns the program, not started, anew for each start. It is given
	// the environment that the host gives, before its own Env.
	Command func() *exec.Cmd

	// Config is a configuration that the plugin accepts. Empty means one made
	// from the schema; when the plugin refuses that, the checks that need a
	// configuration are skipped.
	Config string

	// Request returns a webhook that the plugin takes, signed and all, whose
	// answer brings items (of a tracker: changes). Without it that is not checked.
	Request func() sdk.WebhookRequest

	// Stream lets the plugin run with Config and bring messages: what comes after
	// a restart at the first cursor must be what came before, and after a restart
	// at the last one nothing may come twice. The plugin talks to its service.
	Stream bool
}

// Result is how one check went.
type Result struct {
	Name    string        // what the plugin does, in a few words
	Err     error         // what it does instead, or nil
	Skipped string        // why it was not checked, or empty
	Took    time.Duration //
}

// Report is what Check has found out.
type Report struct {
	Results  []Result
	Manifest sdk.Manifest
	Start    time.Duration // from exec to the handshake line
	Resident int64         // bytes that a configured process holds; 0 when this system does not tell
	Private  int64         // those of them that it shares with nobody
}

// Failed says whether the plugin does not keep the protocol.
func (r Result) Failed() bool { return r.Err != nil }

// skip is the error of a check that cannot be made.
type skip string

func (s skip) Error() string { return string(s) }

// patience is the longest that one check may take.
const patience = time.Minute

// Check runs every check, in order. It returns early only when the plugin does
// not start at all or ctx ends.
func Check(ctx context.Context, s Subject) Report {
	c := &checker{subject: s}
	defer c.close()
	var report Report
	for _, one := range checks() {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, patience)
		err := one.run(c, limited)
		cancel()
		c.tidy()
		r := Result{Name: one.name, Took: time.Since(began)}
		if why, ok := err.(skip); ok {
			r.Skipped = string(why)
		} else {
			r.Err = err
		}
		report.Results = append(report.Results, r)
		if ctx.Err() != nil || (r.Failed() && one.vital) {
			break
		}
	}
	report.Manifest, report.Start, report.Resident, report.Private = c.m, c.took, c.resident, c.private
	return report
}

// Run makes each check a subtest.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for _, r := range Check(t.Context(), s).Results {
		t.Run(r.Name, func(t *testing.T) {
			switch {
			case r.Skipped != "":
				t.Skip(r.Skipped)
			case r.Failed():
				t.Error(r.Err)
			}
		})
	}
}

// envSelf tells a test binary which plugin to serve.
const envSelf = "ITERATESWARM_SDKTEST_PLUGIN"

// Main is the TestMain of a package with plugins: it runs the tests, or serves
// one of the plugins when Self has started this binary again.
func Main(m *testing.M, plugins ...sdk.Plugin) {
	name := os.Getenv(envSelf)
	if name == "" {
		os.Exit(m.Run())
	}
	for _, p := range plugins {
		if p.Manifest().Name == name {
			sdk.Serve(p)
			os.Exit(0)
		}
	}
	fmt.Fprintf(os.Stderr, "no plugin %q was given to sdktest.Main\n", name)
	os.Exit(2)
}

// Self is the Command of a plugin that was given to Main.
func Self(name string) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = []string{envSelf + "=" + name}
		return cmd
	}
}

// check is one of the suite.
type check struct {
	name  string
	vital bool // without it no other check makes sense
	run   func(*checker, context.Context) error
}

func checks() []check {
	return []check{
		{"runs only when a host starts it", false, (*checker).cookie},
		{"starts and shakes hands", true, (*checker).handshake},
		{"lets nobody but the host in", false, (*checker).strangers},
		{"describes itself, always the same", true, (*checker).manifest},
		{"has a configuration schema of the supported kind", true, (*checker).schema},
		{"refuses a bad configuration and quotes no secret", false, (*checker).badConfig},
		{"accepts its configuration", false, (*checker).goodConfig},
		{"answers a health check at once", false, (*checker).health},
		{"says Unimplemented to what it does not name", false, (*checker).unnamed},
		{"answers garbage with 4xx and stores nothing", false, (*checker).garbage},
		{"takes 4 MiB and survives more", false, (*checker).bounds},
		{"names the same message the same way twice", false, (*checker).twice},
		{"brings messages once, across restarts", false, (*checker).stream},
		{"starts again after kill -9", false, (*checker).killed},
		{"ends when it is asked to", false, (*checker).shutdown},
		{"ends when its host is gone", false, (*checker).orphan},
		{"prints nothing but the handshake", false, (*checker).stdout},
		{"logs JSON lines to standard error, without secrets", false, (*checker).logs},
	}
}
