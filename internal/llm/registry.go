package llm

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// The kinds of endpoint.
const (
	OpenAI     = "openai"     // OpenAI's own: Responses, strict schema
	Azure      = "azure"      // Azure AI Foundry: a deployment, an API version, a key in its own header
	Ollama     = "ollama"     // on this host or in this network; needs no key
	Compatible = "compatible" // whatever speaks chat completions
)

// Where an endpoint is when no address is configured.
const (
	openAIURL = "https://api.openai.com/v1"
	ollamaURL = "http://127.0.0.1:11434/v1"
)

// DefaultAPIVersion is the version of Azure's API that knows strict schemas.
const DefaultAPIVersion = "2024-10-21"

// Registry is the one place that knows servers, models and prices.
type Registry struct {
	Endpoint Endpoint
	Judge    Model // does class, severity, specification and language
	// Embed turns texts into vectors; without a name nothing does. Dimension is how
	// many numbers they are to have; 0: as many as the model makes.
	Embed     Model
	Dimension int
}

// Endpoint is a server.
type Endpoint struct {
	Kind       string
	URL        string // empty: the kind's own, where it has one
	Key        string
	APIVersion string // Azure only; empty: DefaultAPIVersion
	Entra      Entra  // Azure only; in place of Key
}

// Model is one model, or on Azure one deployment, and what it costs.
type Model struct {
	Name     string
	PriceIn  float64 // of a million tokens sent
	PriceOut float64 // of a million tokens received
}

func (m Model) cost(in, out int) float64 {
	return (float64(in)*m.PriceIn + float64(out)*m.PriceOut) / 1e6
}

// complete fills in what the kind knows and reports what is missing.
func (r *Registry) complete() error {
	e := &r.Endpoint
	switch e.Kind {
	case OpenAI:
		e.URL = or(e.URL, openAIURL)
	case Ollama:
		e.URL = or(e.URL, ollamaURL)
	case Azure:
		e.APIVersion = or(e.APIVersion, DefaultAPIVersion)
	case Compatible:
	default:
		return fmt.Errorf("endpoint of kind %q", e.Kind)
	}
	if r.Judge.Name == "" {
		return fmt.Errorf("endpoint of kind %s: no model", e.Kind)
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("endpoint of kind %s: no address", e.Kind)
	}
	if e.Entra.isSet() {
		if e.Kind != Azure || e.Key != "" {
			return fmt.Errorf("endpoint of kind %s: a token from Entra is for Azure, in place of a key", e.Kind)
		}
		return e.Entra.complete()
	}
	if e.Key == "" && (e.Kind == OpenAI || e.Kind == Azure) {
		return fmt.Errorf("endpoint of kind %s: no key", e.Kind)
	}
	return nil
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// isLoopback reports whether an address is this host's own.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && net.IP(ip.AsSlice()).IsLoopback()
}
