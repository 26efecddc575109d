package sdk

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// wire joins a plugin to gRPC. On the host's side it is empty and only makes
// clients.
type wire struct {
	plugin.NetRPCUnsupportedPlugin
	plugin  Plugin
	source  Source  // nil in a tracker
	tracker Tracker // nil in a source
}

// GRPCServer registers the services of the plugin.
func (w *wire) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterPluginServer(s, pluginServer{plugin: w.plugin})
	if w.source != nil {
		pb.RegisterSourceServer(s, sourceServer{source: w.source})
	}
	if w.tracker != nil {
		pb.RegisterTrackerServer(s, trackerServer{tracker: w.tracker})
	}
	return nil
}

// GRPCClient returns a *Client.
func (w *wire) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

type pluginServer struct {
	pb.UnimplementedPluginServer
	plugin Plugin
}

func (s pluginServer) Describe(context.Context, *pb.DescribeRequest) (*pb.Manifest, error) {
	return manifestToWire(s.plugin.Manifest()), nil
}

func (s pluginServer) Configure(ctx context.Context, req *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	found := s.plugin.Configure(ctx, Config{JSON: []byte(req.ConfigJson), DataDir: req.DataDir})
	return diagnosticsToWire(found), nil
}

func (s pluginServer) Health(ctx context.Context, req *pb.HealthRequest) (*pb.HealthReply, error) {
	if !req.Remote {
		return &pb.HealthReply{Ok: true}, nil
	}
	h := s.plugin.Check(ctx)
	return &pb.HealthReply{Ok: h.OK, Detail: utf8(h.Detail)}, nil
}

type sourceServer struct {
	pb.UnimplementedSourceServer
	source Source
}

func (s sourceServer) HandleWebhook(ctx context.Context, req *pb.WebhookRequest) (*pb.WebhookReply, error) {
	reply, err := s.source.HandleWebhook(ctx, webhookFromWire(req))
	if err != nil {
		return nil, err
	}
	return replyToWire(reply), nil
}

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
	return foundToWire(found), nil
}
