package sdk

import (
	"net/http"
	"slices"
	"strings"
	"time"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// The functions here turn the package's types into messages and back. Each pair
// is the identity, except that text which is not UTF-8 is mended (gRPC would
// refuse the whole message) and times lose what is below a millisecond.

func utf8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func manifestToWire(m Manifest) *pb.Manifest {
	kind := pb.Manifest_SOURCE
	if m.Kind == KindTracker {
		kind = pb.Manifest_TRACKER
	}
	return &pb.Manifest{
		Name: m.Name, Kind: kind, Version: m.Version, Description: m.Description, Icon: m.Icon,
		ConfigSchema: m.ConfigSchema, Capabilities: m.Capabilities, IdempotentCreate: m.IdempotentCreate,
		MinCreateIntervalMs: m.MinCreateInterval.Milliseconds(), SettleMs: m.Settle.Milliseconds(),
		Documentation: m.Documentation,
	}
}

func manifestFromWire(m *pb.Manifest) Manifest {
	var kind Kind
	switch m.GetKind() {
	case pb.Manifest_SOURCE:
		kind = KindSource
	case pb.Manifest_TRACKER:
		kind = KindTracker
	}
	return Manifest{
		Name: m.GetName(), Kind: kind, Version: m.GetVersion(), Description: m.GetDescription(), Icon: m.GetIcon(),
		ConfigSchema: m.GetConfigSchema(), Capabilities: m.GetCapabilities(), IdempotentCreate: m.GetIdempotentCreate(),
		MinCreateInterval: millis(m.GetMinCreateIntervalMs()), Settle: millis(m.GetSettleMs()),
		Documentation: m.GetDocumentation(),
	}
}

func diagnosticsToWire(list []Diagnostic) *pb.ConfigureReply {
	reply := &pb.ConfigureReply{}
	for _, d := range list {
		severity := pb.Diagnostic_ERROR
		if d.Severity == Warning {
			severity = pb.Diagnostic_WARNING
		}
		reply.Diagnostics = append(reply.Diagnostics, &pb.Diagnostic{
			Severity: severity, Field: utf8(d.Field), Summary: utf8(d.Summary), Detail: utf8(d.Detail),
		})
	}
	return reply
}

func diagnosticsFromWire(reply *pb.ConfigureReply) []Diagnostic {
	var list []Diagnostic
	for _, d := range reply.GetDiagnostics() {
		severity := Error
		if d.Severity == pb.Diagnostic_WARNING {
			severity = Warning
		}
		list = append(list, Diagnostic{Severity: severity, Field: d.Field, Summary: d.Summary, Detail: d.Detail})
	}
	return list
}

// utf8All mends every text of a list.
func utf8All(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = utf8(s)
	}
	return out
}

func headersToWire(h http.Header) []*pb.Header {
	var list []*pb.Header
	for name, values := range h {
		list = append(list, &pb.Header{Name: utf8(name), Values: utf8All(values)})
	}
	slices.SortFunc(list, func(a, b *pb.Header) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func headersFromWire(list []*pb.Header) http.Header {
	h := make(http.Header, len(list))
	for _, e := range list {
		name := http.CanonicalHeaderKey(e.Name)
		h[name] = append(h[name], e.Values...)
	}
	return h
}

// millis keeps a hostile number from overflowing: a day is longer than any
// wait in the protocol.
func millis(ms int64) time.Duration {
	const day = 24 * 60 * 60 * 1000
	return time.Duration(min(max(ms, 0), day)) * time.Millisecond
}

var outcomes = [...]Outcome{ // by number on the wire
	pb.Outcome_UNKNOWN:     Unknown,
	pb.Outcome_CREATED:     Created,
	pb.Outcome_REJECTED:    Rejected,
	pb.Outcome_NOT_CREATED: NotCreated,
}

func outcomeToWire(o Outcome) pb.Outcome {
	return pb.Outcome(max(0, slices.Index(outcomes[:], o)))
}

func outcomeFromWire(o pb.Outcome) Outcome {
	if n := int(o); n > 0 && n < len(outcomes) {
		return outcomes[n]
	}
	return Unknown
}
