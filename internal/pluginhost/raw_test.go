package pluginhost

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/iterateswarm/iterateswarm/sdk"
	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// raw is a source without the sdk, which would mend what it sends. It answers
// what no plugin on the sdk can.
type raw struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedPluginServer
	pb.UnimplementedSourceServer
}

// serveRaw runs it; there is no limit to what it sends.
func serveRaw() {
	plugin.Serve(&plugin.ServeConfig{HandshakeConfig: sdk.Handshake(), Plugins: plugin.PluginSet{"plugin": &raw{}},
		GRPCServer: plugin.DefaultGRPCServer})
}

func (r *raw) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterPluginServer(s, r)
	pb.RegisterSourceServer(s, r)
	return nil
}

func (*raw) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (*raw) Describe(context.Context, *pb.DescribeRequest) (*pb.Manifest, error) {
	return &pb.Manifest{Name: "raw", Kind: pb.Manifest_SOURCE, Version: "1.0.0", ConfigSchema: fakeSchema}, nil
}

func (*raw) Configure(context.Context, *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	return &pb.ConfigureReply{}, nil
}

func (*raw) Health(context.Context, *pb.HealthRequest) (*pb.HealthReply, error) {
	return &pb.HealthReply{Ok: true}, nil
}

// item is one whose content is two bytes that are not UTF-8.
func badText() *pb.Item {
	it := &pb.Item{ExternalId: "1"}
	const content = 3<<3 | 2 // field 3, length-delimited
	it.ProtoReflect().SetUnknown([]byte{content, 2, 0xff, 0xfe})
	return it
}

// HandleWebhook answers with as many MiB as the path says, or with a flaw.
func (*raw) HandleWebhook(_ context.Context, req *pb.WebhookRequest) (*pb.WebhookReply, error) {
	reply := &pb.WebhookReply{Status: 200}
	good := func() *pb.Item { return &pb.Item{ExternalId: "1", Content: "c"} }
	switch req.Path {
	case "not UTF-8":
		reply.Items = []*pb.Item{badText()}
	case "no id":
		reply.Items = []*pb.Item{{Content: "c"}}
	case "401 with an item":
		reply.Status, reply.Items = 401, []*pb.Item{good()}
	case "status 99":
		reply.Status = 99
	case "year 9999":
		reply.Items = []*pb.Item{good()}
		reply.Items[0].CreatedMs = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	default:
		mib, _ := strconv.Atoi(req.Path)
		reply.Body = make([]byte, mib<<20)
	}
	return reply, nil
}

// Run sends one batch that nobody can read.
func (*raw) Run(stream grpc.BidiStreamingServer[pb.RunRequest, pb.Batch]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if err := stream.Send(&pb.Batch{Seq: 1, Items: []*pb.Item{badText()}}); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
