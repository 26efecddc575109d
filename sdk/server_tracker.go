package sdk

import (
	"context"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// trackerServer serves what the tracker's type can do; the rest is
// Unimplemented.
type trackerServer struct {
	pb.UnimplementedTrackerServer
	tracker Tracker
}

func (s trackerServer) Create(ctx context.Context, req *pb.CreateRequest) (*pb.CreateReply, error) {
	return createdToWire(s.tracker.Create(ctx, createFromWire(req))), nil
}

func (s trackerServer) Find(ctx context.Context, req *pb.FindRequest) (*pb.FindReply, error) {
	found, err := s.tracker.Find(ctx, FindRequest{Key: req.Key, Since: fromMillis(req.SinceMs)})
	if err != nil {
		return nil, err
	}
	return &pb.FindReply{Issues: foundToWire(found)}, nil
}

func (s trackerServer) Update(ctx context.Context, req *pb.UpdateRequest) (*pb.UpdateReply, error) {
	t, ok := s.tracker.(Updater)
	if !ok {
		return s.UnimplementedTrackerServer.Update(ctx, req)
	}
	return updatedToWire(t.Update(ctx, updateFromWire(req))), nil
}

func (s trackerServer) Comment(ctx context.Context, req *pb.CommentRequest) (*pb.UpdateReply, error) {
	t, ok := s.tracker.(Commenter)
	if !ok {
		return s.UnimplementedTrackerServer.Comment(ctx, req)
	}
	return updatedToWire(t.Comment(ctx, commentFromWire(req))), nil
}

func (s trackerServer) Search(ctx context.Context, req *pb.SearchRequest) (*pb.SearchReply, error) {
	t, ok := s.tracker.(Searcher)
	if !ok {
		return s.UnimplementedTrackerServer.Search(ctx, req)
	}
	found, err := t.Search(ctx, req.Query, int(req.Limit))
	if err != nil {
		return nil, err
	}
	return &pb.SearchReply{Issues: foundToWire(found)}, nil
}

func (s trackerServer) Options(ctx context.Context, req *pb.OptionsRequest) (*pb.OptionsReply, error) {
	t, ok := s.tracker.(Offerer)
	if !ok {
		return s.UnimplementedTrackerServer.Options(ctx, req)
	}
	options, err := t.Options(ctx)
	if err != nil {
		return nil, err
	}
	return optionsToWire(options), nil
}

func (s trackerServer) Changes(ctx context.Context, req *pb.ChangesRequest) (*pb.ChangesReply, error) {
	t, ok := s.tracker.(Watcher)
	if !ok {
		return s.UnimplementedTrackerServer.Changes(ctx, req)
	}
	changes, cursor, err := t.Changes(ctx, req.Cursor, fromMillis(req.SinceMs))
	if err != nil {
		return nil, err
	}
	return &pb.ChangesReply{Changes: changesToWire(changes), Cursor: utf8(cursor)}, nil
}

func (s trackerServer) HandleWebhook(ctx context.Context, req *pb.WebhookRequest) (*pb.ChangesReply, error) {
	t, ok := s.tracker.(Listener)
	if !ok {
		return s.UnimplementedTrackerServer.HandleWebhook(ctx, req)
	}
	reply, err := t.HandleChange(ctx, webhookFromWire(req))
	if err != nil {
		return nil, err
	}
	return &pb.ChangesReply{
		Changes: changesToWire(reply.Changes),
		Status:  int32(reply.Status), Headers: headersToWire(reply.Header), Body: reply.Body,
	}, nil
}

func (s trackerServer) Propose(ctx context.Context, req *pb.ProposeRequest) (*pb.CreateReply, error) {
	t, ok := s.tracker.(Proposer)
	if !ok {
		return s.UnimplementedTrackerServer.Propose(ctx, req)
	}
	return createdToWire(t.Propose(ctx, proposeFromWire(req))), nil
}
