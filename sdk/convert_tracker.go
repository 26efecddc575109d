package sdk

import (
	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

func createToWire(r CreateRequest) *pb.CreateRequest {
	return &pb.CreateRequest{
		Key: utf8(r.Key), Title: utf8(r.Title), Body: utf8(r.Body), Labels: utf8All(r.Labels),
		Reference: utf8(r.Reference), RequestId: utf8(r.RequestID),
		Assignees: utf8All(r.Assignees), Type: utf8(r.Type), Class: utf8(r.Class), Severity: utf8(r.Severity),
	}
}

func createFromWire(r *pb.CreateRequest) CreateRequest {
	return CreateRequest{
		Key: r.Key, Title: r.Title, Body: r.Body, Labels: r.Labels,
		Reference: r.Reference, RequestID: r.RequestId,
		Assignees: r.Assignees, Type: r.Type, Class: r.Class, Severity: r.Severity,
	}
}

func createdToWire(r CreateReply) *pb.CreateReply {
	return &pb.CreateReply{
		Outcome: outcomeToWire(r.Outcome), Number: r.Number, Name: utf8(r.Name), NodeId: utf8(r.NodeID), Url: utf8(r.URL),
		Message: utf8(r.Message), HttpStatus: int32(r.HTTPStatus), RetryAfterMs: r.RetryAfter.Milliseconds(),
	}
}

func createdFromWire(r *pb.CreateReply) CreateReply {
	return CreateReply{
		Outcome: outcomeFromWire(r.GetOutcome()), Number: r.GetNumber(), Name: r.GetName(), NodeID: r.GetNodeId(),
		URL: r.GetUrl(), Message: r.GetMessage(), HTTPStatus: int(r.GetHttpStatus()), RetryAfter: millis(r.GetRetryAfterMs()),
	}
}

func foundToWire(list []Found) []*pb.Found {
	var out []*pb.Found
	for _, f := range list {
		out = append(out, &pb.Found{
			Key: utf8(f.Key), Number: f.Number, Name: utf8(f.Name), NodeId: utf8(f.NodeID), Url: utf8(f.URL),
			Title: utf8(f.Title), State: utf8(f.State), CreatedMs: toMillis(f.Created),
		})
	}
	return out
}

func foundFromWire(list []*pb.Found) []Found {
	var out []Found
	for _, f := range list {
		out = append(out, Found{
			Key: f.Key, Number: f.Number, Name: f.Name, NodeID: f.NodeId, URL: f.Url,
			Title: f.Title, State: f.State, Created: fromMillis(f.CreatedMs),
		})
	}
	return out
}

func refToWire(r IssueRef) *pb.IssueRef {
	return &pb.IssueRef{Key: utf8(r.Key), Number: r.Number, NodeId: utf8(r.NodeID), Name: utf8(r.Name), Url: utf8(r.URL)}
}

func refFromWire(r *pb.IssueRef) IssueRef {
	return IssueRef{Key: r.GetKey(), Number: r.GetNumber(), NodeID: r.GetNodeId(), Name: r.GetName(), URL: r.GetUrl()}
}

// maybe mends an optional text.
func maybe(s *string) *string {
	if s == nil {
		return nil
	}
	clean := utf8(*s)
	return &clean
}

func updateToWire(r UpdateRequest) *pb.UpdateRequest {
	return &pb.UpdateRequest{
		Issue: refToWire(r.Issue), Title: maybe(r.Title), Body: maybe(r.Body), State: maybe(r.State), Reason: utf8(r.Reason),
		AddLabels: utf8All(r.AddLabels), RemoveLabels: utf8All(r.RemoveLabels), AddAssignees: utf8All(r.AddAssignees),
		RequestId: utf8(r.RequestID),
	}
}

func updateFromWire(r *pb.UpdateRequest) UpdateRequest {
	return UpdateRequest{
		Issue: refFromWire(r.Issue), Title: r.Title, Body: r.Body, State: r.State, Reason: r.Reason,
		AddLabels: r.AddLabels, RemoveLabels: r.RemoveLabels, AddAssignees: r.AddAssignees, RequestID: r.RequestId,
	}
}

func updatedToWire(r UpdateReply) *pb.UpdateReply {
	return &pb.UpdateReply{
		Outcome: outcomeToWire(r.Outcome), Id: utf8(r.ID), Url: utf8(r.URL), Message: utf8(r.Message),
		HttpStatus: int32(r.HTTPStatus), RetryAfterMs: r.RetryAfter.Milliseconds(),
	}
}

func updatedFromWire(r *pb.UpdateReply) UpdateReply {
	return UpdateReply{
		Outcome: outcomeFromWire(r.GetOutcome()), ID: r.GetId(), URL: r.GetUrl(), Message: r.GetMessage(),
		HTTPStatus: int(r.GetHttpStatus()), RetryAfter: millis(r.GetRetryAfterMs()),
	}
}

func commentToWire(r CommentRequest) *pb.CommentRequest {
	return &pb.CommentRequest{
		Issue: refToWire(r.Issue), Key: utf8(r.Key), Body: utf8(r.Body), PreviousId: utf8(r.PreviousID),
		RequestId: utf8(r.RequestID),
	}
}

func commentFromWire(r *pb.CommentRequest) CommentRequest {
	return CommentRequest{
		Issue: refFromWire(r.Issue), Key: r.Key, Body: r.Body, PreviousID: r.PreviousId, RequestID: r.RequestId,
	}
}

func optionsToWire(o Options) *pb.OptionsReply {
	reply := &pb.OptionsReply{Types: utf8All(o.Types)}
	for _, l := range o.Labels {
		reply.Labels = append(reply.Labels,
			&pb.Label{Name: utf8(l.Name), Description: utf8(l.Description), Color: utf8(l.Color)})
	}
	for _, a := range o.Assignees {
		reply.Assignees = append(reply.Assignees, &pb.Assignee{Id: utf8(a.ID), Name: utf8(a.Name)})
	}
	return reply
}

func optionsFromWire(r *pb.OptionsReply) Options {
	o := Options{Types: r.GetTypes()}
	for _, l := range r.GetLabels() {
		o.Labels = append(o.Labels, Label{Name: l.Name, Description: l.Description, Color: l.Color})
	}
	for _, a := range r.GetAssignees() {
		o.Assignees = append(o.Assignees, Assignee{ID: a.Id, Name: a.Name})
	}
	return o
}

func changesToWire(list []Change) []*pb.Change {
	var out []*pb.Change
	for _, c := range list {
		out = append(out, &pb.Change{
			Issue: refToWire(c.Issue), State: utf8(c.State), Reason: utf8(c.Reason), AtMs: toMillis(c.At),
			Assignees: utf8All(c.Assignees), Labels: utf8All(c.Labels), PullRequest: utf8(c.PullRequest),
		})
	}
	return out
}

func changesFromWire(list []*pb.Change) []Change {
	var out []Change
	for _, c := range list {
		out = append(out, Change{
			Issue: refFromWire(c.Issue), State: c.State, Reason: c.Reason, At: fromMillis(c.AtMs),
			Assignees: c.Assignees, Labels: c.Labels, PullRequest: c.PullRequest,
		})
	}
	return out
}

func proposeToWire(r ProposeRequest) *pb.ProposeRequest {
	req := &pb.ProposeRequest{
		Key: utf8(r.Key), Issue: refToWire(r.Issue), Title: utf8(r.Title), Body: utf8(r.Body),
		Message: utf8(r.Message), Base: utf8(r.Base),
	}
	for _, f := range r.Files {
		req.Files = append(req.Files, &pb.File{Path: utf8(f.Path), Content: f.Content})
	}
	return req
}

func proposeFromWire(r *pb.ProposeRequest) ProposeRequest {
	req := ProposeRequest{
		Key: r.Key, Issue: refFromWire(r.Issue), Title: r.Title, Body: r.Body, Message: r.Message, Base: r.Base,
	}
	for _, f := range r.Files {
		req.Files = append(req.Files, File{Path: f.Path, Content: f.Content})
	}
	return req
}
