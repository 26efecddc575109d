package floors

// The outside modules that more than one package stands on.
const (
	pocketbase = "github.com/pocketbase/pocketbase"
	core       = "github.com/pocketbase/pocketbase/core"
	dbx        = "github.com/pocketbase/dbx"                     // PocketBase's query builder; part of its API
	fieldTypes = "github.com/pocketbase/pocketbase/tools/types"  // what core's fields hold, such as DateTime
	mailer     = "github.com/pocketbase/pocketbase/tools/mailer" // the mail that replies go out by
	hclog      = "github.com/hashicorp/go-hclog"
	river      = "github.com/riverqueue/river"
	goPlugin   = "github.com/hashicorp/go-plugin"
	grpc       = "google.golang.org/grpc"
	protobuf   = "google.golang.org/protobuf"
	prometheus = "github.com/prometheus/client_golang"
	cobra      = "github.com/spf13/cobra"
)

// Table is the building, from the ground up. A package may look down, and on
// floors 1 and 2 not sideways; docs/architecture.md draws it.
func Table() []Rule {
	return []Rule{
		// Floor 1: what everybody may know. Floor 0 is the standard library.
		{Folder: "internal/triage"},
		{Folder: "internal/guard", May: []string{"github.com/sony/gobreaker/v2", "golang.org/x/time/rate"}},
		{Folder: "internal/config"},
		{Folder: "internal/floors"},
		{Folder: "sdk", May: []string{goPlugin, hclog, grpc, protobuf}},
		{Folder: "sdk/*", May: []string{"sdk", grpc, protobuf}}, // generated from sdk/proto
		{Folder: "sdk/rest", May: []string{"sdk"}},
		{Folder: "sdk/egress"},
		{Folder: "sdk/example/*", May: []string{"sdk"}},
		{Folder: "plugins/*", May: []string{"sdk"}, Clients: true},

		// Floor 2: one outside thing each, strangers to one another.
		{Folder: "plugins", May: []string{"sdk", "plugins"}},
		{Folder: "internal/offline", May: []string{"internal/triage"}},
		{Folder: "internal/llm", May: []string{"internal/triage", "internal/guard", "internal/config", "github.com/openai/openai-go/v3",
			"github.com/Azure/azure-sdk-for-go/sdk/azcore", "golang.org/x/oauth2"}},
		{Folder: "internal/agents", May: []string{"internal/triage"}},
		{Folder: "internal/vector", May: []string{"internal/triage", "modernc.org/sqlite", "github.com/qdrant/go-client"}},
		{Folder: "internal/prepared", May: []string{"modernc.org/sqlite"}},
		{Folder: "internal/queue", May: []string{river, "riverqueue.com/riverui", "github.com/jackc/pgx/v5", core, dbx}},
		{Folder: "internal/records", May: []string{"internal/triage", pocketbase, dbx}},
		{Folder: "internal/pluginhost", May: []string{"internal/triage", "internal/guard", "sdk", goPlugin, hclog, grpc}},
		{Folder: "migrations", May: []string{"internal/triage", "internal/records", "internal/vector", pocketbase, dbx}},

		// Beside the pipeline, and read by it: the numbers.
		{Folder: "internal/insights", May: []string{"internal/triage", "internal/records", core, fieldTypes, dbx}},

		// Floor 3: the only place where engine, index, records and plugins meet.
		{
			Folder: "internal/pipeline",
			May: []string{
				"internal/triage", "internal/guard", "internal/records", "internal/queue",
				"internal/offline", "internal/vector", "internal/pluginhost", "internal/insights", "sdk", river, core, fieldTypes, mailer, dbx,
			},
			// What a remote worker runs: it has no PocketBase.
			Files: map[string][]string{
				"think.go":  {"internal/triage", river},
				"enrich.go": {"internal/triage", river},
			},
		},

		// Floor 4: what faces the world.
		{Folder: "hooks", May: facing()},
		{Folder: "internal/api", May: append(facing(), "github.com/go-json-experiment/json")}, // says where malformed JSON breaks
		{Folder: "eval", May: []string{"internal/triage", "internal/config", "internal/offline", "internal/llm", "internal/vector"}},

		// Floor 5: the command line wires everything and decides nothing; main
		// hands over to it, since tests in package main link everything.
		{
			Folder: "internal/command",
			May: []string{
				"internal", "hooks", "migrations", "sdk/sdktest", pocketbase, dbx, cobra,
				"github.com/gofrs/flock", "github.com/schollz/progressbar/v3", "golang.org/x/net/netutil",
			},
		},
		{Folder: ".", May: []string{"internal/command", "plugins"}},

		// Beside the building: what only tests import.
		{Folder: "test/texts"},
		{Folder: "sdk/rest/trackertest", May: []string{"sdk"}},
		{Folder: "internal/llm/llmtest", May: []string{"github.com/getkin/kin-openapi"}},
		{Folder: "sdk/sdktest", May: []string{"sdk", "internal/pluginhost", grpc, protobuf}}, // and iterateswarm plugin check
		{Folder: "internal/servertest", May: []string{"internal", "plugins", "sdk", pocketbase, dbx}},
	}
}

func facing() []string {
	return []string{
		"internal/pipeline", "internal/insights", "internal/records", "internal/triage", "internal/guard", "internal/config",
		pocketbase, dbx, prometheus,
	}
}
