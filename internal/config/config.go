// Package config turns environment variables into one struct. Every setting has
// a default that works, so an empty environment is a valid one. The tags below
// are the only place that knows a setting's name, default, bounds and meaning:
// Load reads by them and Reference writes docs/configuration.md from them.
//
// main reads the environment once, with FromEnviron, and hands the parts out.
package config

//go:generate go test . -run TestReferenceIsFresh -update

import "time"

// Prefix begins the name of every variable that is ours.
const Prefix = "ITERATESWARM_"

// TestPrefix begins the names that belong to tests; FromEnviron passes them over.
const TestPrefix = Prefix + "TEST_"

// Config is the whole configuration.
type Config struct {
	App      App      `about:"Where people reach this installation."`
	Log      Log      `about:"Logs go to standard error."`
	API      API      `about:"The HTTP surface."`
	Key      Key      `about:"The key that encrypts plugin secrets in the database. It is made at the first start. Keep a copy of it apart from the backups of the data directory."`
	Data     Data     `about:"The database."`
	Queue    Queue    `about:"The job queue."`
	Pipeline Pipeline `about:"From a message to a draft issue."`
	File     File     `about:"From an approved issue to the tracker. How long to wait before looking there after an unclear answer is a setting of each tracker."`
	LLM      LLM      `about:"The language model that deepens verdicts. It is off until LLM_MODEL is set; docs/llm.md shows how to connect one and says what leaves this host."`
	Breaker  Breaker  `about:"The circuit breakers around outside services."`
}

// App is where people reach this installation.
type App struct {
	URL string `env:"APP_URL" check:"url" help:"Public address, used in links. Empty: the address the server listens on."`
}

// Log says what is logged, and how.
type Log struct {
	Level  string `env:"LOG_LEVEL" default:"info" oneof:"debug|info|warn|error" help:"The least important message that is still logged."`
	Format string `env:"LOG_FORMAT" default:"json" oneof:"json|text" help:"json for machines, text for people."`
}

// API is the HTTP surface.
type API struct {
	PublicIngest   bool          `env:"API_PUBLIC_INGEST" default:"on" help:"Take feedback without a key on POST /api/feedback. Off: an ingest key or a login is needed."`
	PublicNumbers  bool          `env:"API_PUBLIC_NUMBERS" default:"on" help:"Show /api/stats, /api/metrics and /metrics to everybody. Off: a login is needed."`
	RateBurst      int           `env:"API_RATE_BURST" default:"20" min:"1" max:"100000" help:"Messages that one key or address may send at once."`
	RateEvery      time.Duration `env:"API_RATE_EVERY" default:"3s" min:"1ms" max:"1h" help:"Time after which one more message is allowed."`
	BodyLimit      Size          `env:"API_BODY_LIMIT" default:"256KiB" min:"1KiB" max:"16MiB" help:"Largest request body of POST /api/feedback. More is answered with 413."`
	TextLimit      Size          `env:"API_TEXT_LIMIT" default:"64KiB" min:"1KiB" max:"1MiB" help:"Longest message text. More is answered with 413; nothing is ever cut."`
	TrustedOrigins []string      `env:"API_TRUSTED_ORIGINS" check:"origin" help:"Other web origins that browsers may call the API from, separated by commas, such as https://www.example.com. Empty: none."`
	MaxIngest      int           `env:"API_MAX_INGEST" default:"64" min:"1" max:"10000" help:"Messages taken in at the same time. One more is answered with 503 and Retry-After."`
}

// Key is the encryption key or the place where it lies.
type Key struct {
	Value Secret `env:"KEY" check:"key" nofile:"true" help:"The key itself: 32 bytes as 64 hexadecimal digits or in base64. Empty: it is read from the file below."`
	File  string `env:"KEY_FILE" help:"File that holds the key. It is created, readable by its owner only, when it does not exist. Empty: iterateswarm.key beside the data directory."`
}

// Data is the database.
type Data struct {
	MaxOpenConns int `env:"DATA_MAX_OPEN_CONNS" default:"16" min:"2" max:"256" help:"Connections that read the database at the same time. Each can need much memory while it sorts."`
}

// Queue is the job queue.
type Queue struct {
	Workers       int           `env:"QUEUE_WORKERS" default:"8" min:"1" max:"64" help:"Messages that are worked on at the same time."`
	FetchCooldown time.Duration `env:"QUEUE_FETCH_COOLDOWN" default:"15ms" min:"1ms" max:"1s" help:"Pause between two looks into the queue. Workers divided by this is the most jobs a second."`
	SweepInterval time.Duration `env:"QUEUE_SWEEP_INTERVAL" default:"2s" min:"100ms" max:"10m" help:"How often messages without a job get a new one."`
}

// Pipeline is the way from a message to a draft issue.
type Pipeline struct {
	HoldThreshold float64 `env:"PIPELINE_HOLD_THRESHOLD" default:"0.5" min:"0" max:"1" help:"A verdict with less confidence is held for a person."`
	JoinThreshold float64 `env:"PIPELINE_JOIN_THRESHOLD" default:"0" min:"0" max:"1" help:"Similarity from which two messages are about the same issue. 0: the built-in threshold."`
}

// File is the way from an approved issue to the tracker.
type File struct {
	HealInterval time.Duration `env:"FILE_HEAL_INTERVAL" default:"1h" min:"1s" max:"168h" help:"How often the tracker is searched for issues filed twice."`
	PollInterval time.Duration `env:"FILE_POLL_INTERVAL" default:"5m" min:"1s" max:"24h" help:"How often the tracker is asked which issues were closed or reopened, beside its webhooks."`
}

// LLM is the language model. Nothing is called while Model is empty.
type LLM struct {
	Kind               string        `env:"LLM_KIND" default:"openai" oneof:"openai|azure|ollama|compatible" help:"What kind of server it is."`
	URL                string        `env:"LLM_URL" check:"url" help:"Address of the server, such as http://127.0.0.1:11434/v1 or https://NAME.openai.azure.com. Empty: OpenAI's own, or Ollama on this host."`
	Key                Secret        `env:"LLM_KEY" help:"Key for the server. openai and azure need one."`
	Model              string        `env:"LLM_MODEL" help:"Model, or on Azure the deployment. Empty: no model is used, the embedded engine judges alone."`
	Class              string        `env:"LLM_CLASS" default:"auto" oneof:"auto|always|never" help:"Whose class and severity a message gets. always: the model's. never: the embedded engine's; the model writes the draft only. auto: the embedded engine's until the model has proved better on what people have decided; docs/llm.md has the rule."`
	APIVersion         string        `env:"LLM_API_VERSION" default:"2024-10-21" help:"Azure only: version of the API."`
	EmbeddingModel     string        `env:"LLM_EMBEDDING_MODEL" help:"Model of the same server that turns messages into vectors, which put similar issues in order. Empty: none."`
	EmbeddingDimension int           `env:"LLM_EMBEDDING_DIMENSION" default:"0" min:"0" max:"8192" help:"How many numbers a vector has. 0: as many as the model makes."`
	EmbeddingPrice     float64       `env:"LLM_EMBEDDING_PRICE" default:"0" min:"0" max:"100000" help:"Price of a million tokens sent to it."`
	EntraTenant        string        `env:"LLM_ENTRA_TENANT" help:"Azure only: tenant whose Microsoft Entra gives tokens, in place of a key."`
	EntraClient        string        `env:"LLM_ENTRA_CLIENT" help:"Azure only: id of the application that asks for tokens."`
	EntraSecret        Secret        `env:"LLM_ENTRA_SECRET" help:"Azure only: secret of that application."`
	EntraAssertion     string        `env:"LLM_ENTRA_ASSERTION_FILE" help:"Azure only: file with the token of a federated identity, in place of the secret. It is read anew for each token."`
	EntraAuthority     string        `env:"LLM_ENTRA_AUTHORITY" check:"url" help:"Azure only: address that gives tokens. Empty: https://login.microsoftonline.com."`
	DailyTokens        int           `env:"LLM_DAILY_TOKENS" default:"1000000" min:"0" max:"1000000000" help:"Tokens that may be used a day (UTC), sent and received. Then the embedded engine judges alone until midnight. 0: no limit."`
	DailyCost          float64       `env:"LLM_DAILY_COST" default:"0" min:"0" max:"1000000" help:"Money that may be spent a day, in the currency of the prices below. 0: no limit."`
	ProjectTokens      int           `env:"LLM_PROJECT_TOKENS" default:"0" min:"0" max:"1000000000" help:"Tokens that one project may use a day. A project's settings can say otherwise (llm.daily_tokens). 0: as many as the installation."`
	ProjectCost        float64       `env:"LLM_PROJECT_COST" default:"0" min:"0" max:"1000000" help:"Money that one project may spend a day (llm.daily_cost in its settings). 0: as much as the installation."`
	SourceShare        float64       `env:"LLM_SOURCE_SHARE" default:"0.5" min:"0.01" max:"1" help:"Part of its project's daily budget that one source may use (llm.source_share in its settings), so that a flood from one leaves something for the others. 1: all of it."`
	Rate               int           `env:"LLM_RATE" default:"60" min:"1" max:"100000" help:"Calls a minute."`
	PriceIn            float64       `env:"LLM_PRICE_IN" default:"0" min:"0" max:"100000" help:"Price of a million tokens sent."`
	PriceOut           float64       `env:"LLM_PRICE_OUT" default:"0" min:"0" max:"100000" help:"Price of a million tokens received."`
	SourcesLocal       []string      `env:"LLM_SOURCES_LOCAL" help:"Sources whose text never leaves this host, separated by commas, such as email,slack."`
	Timeout            time.Duration `env:"LLM_TIMEOUT" default:"30s" min:"1s" max:"4m" help:"Time for one judgement, tries and waits included. A model on a slow machine may need more."`
}

// Breaker is the shape of every circuit breaker; guard has the same defaults.
type Breaker struct {
	Failures int           `env:"BREAKER_FAILURES" default:"5" min:"1" max:"1000" help:"Failures in a row after which an outside service is left alone."`
	Open     time.Duration `env:"BREAKER_OPEN" default:"30s" min:"1s" max:"1h" help:"How long it is left alone before one call tries again."`
}
