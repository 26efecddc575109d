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

func headersToWire(h http.Header) []*pb.Header {
	var list []*pb.Header
	for name, values := range h {
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = utf8(v)
		}
		list = append(list, &pb.Header{Name: utf8(name), Values: clean})
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

func webhookToWire(r WebhookRequest) *pb.WebhookRequest {
	return &pb.WebhookRequest{
		Method: utf8(r.Method), Path: utf8(r.Path), RawQuery: utf8(r.RawQuery),
		Headers: headersToWire(r.Header), Body: r.Body, RemoteAddr: utf8(r.RemoteAddr),
	}
}

func webhookFromWire(r *pb.WebhookRequest) WebhookRequest {
	return WebhookRequest{
		Method: r.Method, Path: r.Path, RawQuery: r.RawQuery,
		Header: headersFromWire(r.Headers), Body: r.Body, RemoteAddr: r.RemoteAddr,
	}
}

func replyToWire(r WebhookReply) *pb.WebhookReply {
	reply := &pb.WebhookReply{Status: int32(r.Status), Headers: headersToWire(r.Header), Body: r.Body}
	for _, it := range r.Items {
		item := &pb.Item{
			ExternalId: utf8(it.ExternalID), Title: utf8(it.Title), Content: utf8(it.Content), Permalink: utf8(it.Permalink),
			AuthorId: utf8(it.AuthorID), AuthorHandle: utf8(it.AuthorHandle), ContextJson: utf8(it.ContextJSON),
			CreatedMs: toMillis(it.Created), InReplyTo: utf8(it.InReplyTo),
		}
		for _, a := range it.Attachments {
			item.Attachments = append(item.Attachments,
				&pb.Attachment{Name: utf8(a.Name), Url: utf8(a.URL), Size: a.Size, Type: utf8(a.Type)})
		}
		reply.Items = append(reply.Items, item)
	}
	return reply
}

func replyFromWire(r *pb.WebhookReply) WebhookReply {
	reply := WebhookReply{Status: int(r.GetStatus()), Header: headersFromWire(r.GetHeaders()), Body: r.GetBody()}
	for _, it := range r.GetItems() {
		item := Item{
			ExternalID: it.ExternalId, Title: it.Title, Content: it.Content, Permalink: it.Permalink,
			AuthorID: it.AuthorId, AuthorHandle: it.AuthorHandle, ContextJSON: it.ContextJson,
			Created: fromMillis(it.CreatedMs), InReplyTo: it.InReplyTo,
		}
		for _, a := range it.Attachments {
			item.Attachments = append(item.Attachments, Attachment{Name: a.Name, URL: a.Url, Size: a.Size, Type: a.Type})
		}
		reply.Items = append(reply.Items, item)
	}
	return reply
}

func createToWire(r CreateRequest) *pb.CreateRequest {
	labels := make([]string, len(r.Labels))
	for i, l := range r.Labels {
		labels[i] = utf8(l)
	}
	return &pb.CreateRequest{
		Key: utf8(r.Key), Title: utf8(r.Title), Body: utf8(r.Body), Labels: labels,
		Reference: utf8(r.Reference), RequestId: utf8(r.RequestID),
	}
}

func createFromWire(r *pb.CreateRequest) CreateRequest {
	return CreateRequest{
		Key: r.Key, Title: r.Title, Body: r.Body, Labels: r.Labels,
		Reference: r.Reference, RequestID: r.RequestId,
	}
}

var outcomes = [...]Outcome{ // by number on the wire
	pb.Outcome_UNKNOWN:     Unknown,
	pb.Outcome_CREATED:     Created,
	pb.Outcome_REJECTED:    Rejected,
	pb.Outcome_NOT_CREATED: NotCreated,
}

func createdToWire(r CreateReply) *pb.CreateReply {
	return &pb.CreateReply{
		Outcome: pb.Outcome(max(0, slices.Index(outcomes[:], r.Outcome))),
		Number:  r.Number, NodeId: utf8(r.NodeID), Url: utf8(r.URL), Message: utf8(r.Message),
		HttpStatus: int32(r.HTTPStatus), RetryAfterMs: r.RetryAfter.Milliseconds(),
	}
}

func createdFromWire(r *pb.CreateReply) CreateReply {
	outcome := Unknown
	if n := int(r.GetOutcome()); n > 0 && n < len(outcomes) {
		outcome = outcomes[n]
	}
	return CreateReply{
		Outcome: outcome, Number: r.GetNumber(), NodeID: r.GetNodeId(), URL: r.GetUrl(), Message: r.GetMessage(),
		HTTPStatus: int(r.GetHttpStatus()), RetryAfter: millis(r.GetRetryAfterMs()),
	}
}

func foundToWire(list []Found) *pb.FindReply {
	reply := &pb.FindReply{}
	for _, f := range list {
		reply.Issues = append(reply.Issues, &pb.Found{
			Key: utf8(f.Key), Number: f.Number, NodeId: utf8(f.NodeID), Url: utf8(f.URL),
			State: utf8(f.State), CreatedMs: toMillis(f.Created),
		})
	}
	return reply
}

func foundFromWire(reply *pb.FindReply) []Found {
	var list []Found
	for _, f := range reply.GetIssues() {
		list = append(list, Found{
			Key: f.Key, Number: f.Number, NodeID: f.NodeId, URL: f.Url,
			State: f.State, Created: fromMillis(f.CreatedMs),
		})
	}
	return list
}

// millis keeps a hostile number from overflowing: a day is longer than any
// wait in the protocol.
func millis(ms int64) time.Duration {
	const day = 24 * 60 * 60 * 1000
	return time.Duration(min(max(ms, 0), day)) * time.Millisecond
}
