package sdk

import (
	"context"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// sourceServer serves what the source's type can do; the rest is Unimplemented.
type sourceServer struct {
	pb.UnimplementedSourceServer
	plugin Plugin
}

func (s sourceServer) HandleWebhook(ctx context.Context, req *pb.WebhookRequest) (*pb.WebhookReply, error) {
	source, ok := s.plugin.(Receiver)
	if !ok {
		return s.UnimplementedSourceServer.HandleWebhook(ctx, req)
	}
	reply, err := source.HandleWebhook(ctx, webhookFromWire(req))
	if err != nil {
		return nil, err
	}
	return webhookReplyToWire(reply), nil
}

func (s sourceServer) Run(stream pb.Source_RunServer) error {
	source, ok := s.plugin.(Runner)
	if !ok {
		return s.UnimplementedSourceServer.Run(stream)
	}
	return serveRun(source, stream)
}

func (s sourceServer) Reply(ctx context.Context, req *pb.ReplyRequest) (*pb.ReplyReply, error) {
	source, ok := s.plugin.(Replier)
	if !ok {
		return s.UnimplementedSourceServer.Reply(ctx, req)
	}
	return answeredToWire(source.Reply(ctx, answerFromWire(req))), nil
}

func (s sourceServer) Annotate(ctx context.Context, req *pb.AnnotateRequest) (*pb.ReplyReply, error) {
	source, ok := s.plugin.(Annotator)
	if !ok {
		return s.UnimplementedSourceServer.Annotate(ctx, req)
	}
	return answeredToWire(source.Annotate(ctx, annotateFromWire(req))), nil
}
