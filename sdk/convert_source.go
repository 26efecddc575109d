package sdk

import (
	"slices"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

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

func webhookReplyToWire(r WebhookReply) *pb.WebhookReply {
	return &pb.WebhookReply{
		Status: int32(r.Status), Headers: headersToWire(r.Header), Body: r.Body, Items: itemsToWire(r.Items),
	}
}

func itemsToWire(items []Item) []*pb.Item {
	list := make([]*pb.Item, 0, len(items))
	for _, it := range items {
		item := &pb.Item{
			ExternalId: utf8(it.ExternalID), Title: utf8(it.Title), Content: utf8(it.Content), Permalink: utf8(it.Permalink),
			AuthorId: utf8(it.AuthorID), AuthorHandle: utf8(it.AuthorHandle), ContextJson: utf8(it.ContextJSON),
			CreatedMs: toMillis(it.Created), InReplyTo: utf8(it.InReplyTo),
		}
		for _, a := range it.Attachments {
			item.Attachments = append(item.Attachments,
				&pb.Attachment{Name: utf8(a.Name), Url: utf8(a.URL), Size: a.Size, Type: utf8(a.Type)})
		}
		list = append(list, item)
	}
	return list
}

func webhookReplyFromWire(r *pb.WebhookReply) WebhookReply {
	return WebhookReply{
		Status: int(r.GetStatus()), Header: headersFromWire(r.GetHeaders()), Body: r.GetBody(),
		Items: itemsFromWire(r.GetItems()),
	}
}

func itemsFromWire(items []*pb.Item) []Item {
	var list []Item
	for _, it := range items {
		item := Item{
			ExternalID: it.ExternalId, Title: it.Title, Content: it.Content, Permalink: it.Permalink,
			AuthorID: it.AuthorId, AuthorHandle: it.AuthorHandle, ContextJSON: it.ContextJson,
			Created: fromMillis(it.CreatedMs), InReplyTo: it.InReplyTo,
		}
		for _, a := range it.Attachments {
			item.Attachments = append(item.Attachments, Attachment{Name: a.Name, URL: a.Url, Size: a.Size, Type: a.Type})
		}
		list = append(list, item)
	}
	return list
}

func targetToWire(t Target) *pb.Target {
	return &pb.Target{
		ExternalId: utf8(t.ExternalID), ContextJson: utf8(t.ContextJSON), AuthorId: utf8(t.AuthorID),
		AuthorHandle: utf8(t.AuthorHandle), Permalink: utf8(t.Permalink), Title: utf8(t.Title),
	}
}

func targetFromWire(t *pb.Target) Target {
	return Target{
		ExternalID: t.GetExternalId(), ContextJSON: t.GetContextJson(), AuthorID: t.GetAuthorId(),
		AuthorHandle: t.GetAuthorHandle(), Permalink: t.GetPermalink(), Title: t.GetTitle(),
	}
}

var replyKinds = [...]ReplyKind{ // by number on the wire
	pb.ReplyRequest_ACKNOWLEDGE: Acknowledge,
	pb.ReplyRequest_ASK:         Ask,
	pb.ReplyRequest_FILED:       Filed,
	pb.ReplyRequest_FIXED:       Fixed,
	pb.ReplyRequest_DECLINED:    Declined,
	pb.ReplyRequest_MESSAGE:     Text,
}

func answerToWire(r ReplyRequest) *pb.ReplyRequest {
	return &pb.ReplyRequest{
		Key: utf8(r.Key), Kind: pb.ReplyRequest_Kind(max(0, slices.Index(replyKinds[:], r.Kind))),
		Target: targetToWire(r.Target), Text: utf8(r.Text), PreviousId: utf8(r.PreviousID),
	}
}

func answerFromWire(r *pb.ReplyRequest) ReplyRequest {
	kind := Text
	if n := int(r.Kind); n > 0 && n < len(replyKinds) {
		kind = replyKinds[n]
	}
	return ReplyRequest{
		Key: r.Key, Kind: kind, Target: targetFromWire(r.Target), Text: r.Text, PreviousID: r.PreviousId,
	}
}

func answeredToWire(r ReplyReply) *pb.ReplyReply {
	reply := &pb.ReplyReply{
		Outcome: outcomeToWire(r.Outcome), Id: utf8(r.ID), Url: utf8(r.URL), Message: utf8(r.Message),
		RetryAfterMs: r.RetryAfter.Milliseconds(),
	}
	if m := r.Mail; m != nil {
		reply.Mail = &pb.Mail{
			To: utf8(m.To), Subject: utf8(m.Subject), Text: utf8(m.Text),
			InReplyTo: utf8(m.InReplyTo), References: utf8All(m.References),
		}
	}
	return reply
}

func answeredFromWire(r *pb.ReplyReply) ReplyReply {
	reply := ReplyReply{
		Outcome: outcomeFromWire(r.GetOutcome()), ID: r.GetId(), URL: r.GetUrl(), Message: r.GetMessage(),
		RetryAfter: millis(r.GetRetryAfterMs()),
	}
	if m := r.GetMail(); m != nil {
		reply.Mail = &Mail{
			To: m.To, Subject: m.Subject, Text: m.Text, InReplyTo: m.InReplyTo, References: m.References,
		}
	}
	return reply
}

func annotateToWire(r AnnotateRequest) *pb.AnnotateRequest {
	req := &pb.AnnotateRequest{
		Key: utf8(r.Key), Target: targetToWire(r.Target), Text: utf8(r.Text), PreviousId: utf8(r.PreviousID),
	}
	for _, l := range r.Labels {
		req.Labels = append(req.Labels, &pb.SuggestedLabel{
			Name: utf8(l.Name), Confidence: l.Confidence, Rationale: utf8(l.Rationale),
		})
	}
	return req
}

func annotateFromWire(r *pb.AnnotateRequest) AnnotateRequest {
	req := AnnotateRequest{Key: r.Key, Target: targetFromWire(r.Target), Text: r.Text, PreviousID: r.PreviousId}
	for _, l := range r.Labels {
		req.Labels = append(req.Labels, SuggestedLabel{Name: l.Name, Confidence: l.Confidence, Rationale: l.Rationale})
	}
	return req
}
