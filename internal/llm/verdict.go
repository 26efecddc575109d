package llm

import (
	"maps"
	"slices"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// verdict makes a verdict of a checked answer. Sentences and flags stay the
// offline engine's: the model is not asked for them.
func (e *Engine) verdict(r reply, it triage.Item, first triage.Verdict) triage.Verdict {
	v := first
	v.Class, v.Severity, v.Language = r.class, r.severity, r.language
	v.Confidence = r.confidence
	v.Probabilities = spread(triage.Classes[:], r.class, r.confidence, first.Probabilities)
	v.SeverityProbs = spread(triage.Severities[:], r.severity, severityTrust, first.SeverityProbs)
	v.Reasoning = r.reasoning
	v.Evidence = r.evidence
	v.Engine, v.EngineVersion = e.cfg.Registry.Judge.Name, PromptVersion()
	v.Spec = r.spec
	v.DuplicateOf, v.DuplicateWhy = r.duplicateOf, r.duplicateWhy
	v.Translation = nil
	if r.translation != "" {
		v.Translation = &triage.Translation{Language: languageOf(it), Text: r.translation}
	}
	return v
}

// severityTrust is the share of probability that the model's severity gets. It
// is not asked how sure it is; the rest is the offline engine's.
const severityTrust = 0.7

// spread gives one value its share and shares the rest as others did.
func spread[K comparable](all []K, chosen K, share float64, others map[K]float64) map[K]float64 {
	rest := 0.0
	for _, k := range all {
		if k != chosen {
			rest += max(0, others[k])
		}
	}
	out := make(map[K]float64, len(all))
	for _, k := range all {
		switch {
		case k == chosen:
			out[k] = share
		case rest > 0:
			out[k] = (1 - share) * max(0, others[k]) / rest
		default:
			out[k] = (1 - share) / float64(len(all)-1)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
