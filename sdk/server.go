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
	plugin Plugin
}

// GRPCServer registers the services of the plugin.
func (w *wire) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterPluginServer(s, pluginServer{plugin: w.plugin})
	if tracker, ok := w.plugin.(Tracker); ok && w.plugin.Manifest().Kind == KindTracker {
		pb.RegisterTrackerServer(s, trackerServer{tracker: tracker})
	} else {
		pb.RegisterSourceServer(s, sourceServer{plugin: w.plugin})
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
	return manifestToWire(Describe(s.plugin)), nil
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
