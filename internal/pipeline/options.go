package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/guard"
	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
)

// optionsFor is how long what a tracker offers is believed.
const optionsFor = 5 * time.Minute

// offers remembers what trackers offer.
type offers struct {
	mu   sync.Mutex
	seen map[string]offer // by tracker id
}

type offer struct {
	options pluginhost.Options
	until   time.Time
}

// Options is what an issue in a tracker can be given. A tracker that cannot say
// has none; one that does not answer is a problem.
func (p *Pipeline) Options(ctx context.Context, tracker string) (pluginhost.Options, error) {
	p.offers.mu.Lock()
	known, ok := p.offers.seen[tracker]
	p.offers.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.options, nil
	}
	options, err := p.Plugins.Options(ctx, tracker)
	if errors.Is(err, pluginhost.ErrCannot) {
		return pluginhost.Options{}, nil
	}
	if err != nil {
		problem := Fault(PluginDown, "The tracker does not say what it offers: %s.", clip(err.Error()))
		problem.RetryAfter = min(max(guard.RetryAfter(err), time.Second), time.Minute)
		return options, problem
	}
	p.offers.mu.Lock()
	defer p.offers.mu.Unlock()
	if p.offers.seen == nil {
		p.offers.seen = map[string]offer{}
	}
	p.offers.seen[tracker] = offer{options, time.Now().Add(optionsFor)}
	return options, nil
}

// forget makes the next reader ask the tracker.
func (o *offers) forget(tracker string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, tracker)
}
