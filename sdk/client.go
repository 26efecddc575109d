package sdk

import (
	"context"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pb "github.com/iterateswarm/iterateswarm/sdk/proto"
)

// dispensed is the one name under which go-plugin knows a plugin's services.
const dispensed = "plugin"

// Client calls a plugin in another process. Its methods return gRPC errors; a
// method of the other kind returns codes.Unimplemented. It is safe for use from
// several goroutines.
type Client struct {
	plugin  pb.PluginClient
	source  pb.SourceClient
	tracker pb.TrackerClient
}

// NewClient returns a Client over an open connection.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{pb.NewPluginClient(conn), pb.NewSourceClient(conn), pb.NewTrackerClient(conn)}
}

// ClientSet is what a host gives to go-plugin; Dispense takes the Client out
// again.
func ClientSet() plugin.PluginSet { return plugin.PluginSet{dispensed: &wire{}} }

// Dispense returns the Client of a plugin that go-plugin has started.
func Dispense(c plugin.ClientProtocol) (*Client, error) {
	raw, err := c.Dispense(dispensed)
	if err != nil {
		return nil, err
	}
	return raw.(*Client), nil
}

// Describe returns the plugin's manifest.
func (c *Client) Describe(ctx context.Context) (Manifest, error) {
	m, err := c.plugin.Describe(ctx, &pb.DescribeRequest{})
	return manifestFromWire(m), err
}

// Configure hands the configuration over and returns what is wrong with it.
func (c *Client) Configure(ctx context.Context, config Config) ([]Diagnostic, error) {
	reply, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{
		ConfigJson: utf8(string(config.JSON)), DataDir: utf8(config.DataDir),
	})
	return diagnosticsFromWire(reply), err
}

// Alive asks whether the process is able to answer. It touches no network.
func (c *Client) Alive(ctx context.Context) error {
	_, err := c.plugin.Health(ctx, &pb.HealthRequest{})
	return err
}

// Check asks whether the service behind the plugin accepts our configuration.
func (c *Client) Check(ctx context.Context) (Health, error) {
	reply, err := c.plugin.Health(ctx, &pb.HealthRequest{Remote: true})
	return Health{OK: reply.GetOk(), Detail: reply.GetDetail()}, err
}

// HandleWebhook passes one HTTP request to a source.
func (c *Client) HandleWebhook(ctx context.Context, req WebhookRequest) (WebhookReply, error) {
	reply, err := c.source.HandleWebhook(ctx, webhookToWire(req))
	return webhookReplyFromWire(reply), err
}

// Reply tells the author of a message something. On an error the outcome is
// Unknown.
func (c *Client) Reply(ctx context.Context, req ReplyRequest) (ReplyReply, error) {
	reply, err := c.source.Reply(ctx, answerToWire(req))
	return answeredFromWire(reply), err
}

// Annotate shows a verdict where the message is.
func (c *Client) Annotate(ctx context.Context, req AnnotateRequest) (ReplyReply, error) {
	reply, err := c.source.Annotate(ctx, annotateToWire(req))
	return answeredFromWire(reply), err
}

// Create files one issue. On an error the outcome is Unknown.
func (c *Client) Create(ctx context.Context, req CreateRequest) (CreateReply, error) {
	reply, err := c.tracker.Create(ctx, createToWire(req))
	return createdFromWire(reply), err
}

// Find lists issues that carry our marker.
func (c *Client) Find(ctx context.Context, req FindRequest) ([]Found, error) {
	reply, err := c.tracker.Find(ctx, &pb.FindRequest{Key: utf8(req.Key), SinceMs: toMillis(req.Since)})
	return foundFromWire(reply.GetIssues()), err
}

// Update changes an issue that exists.
func (c *Client) Update(ctx context.Context, req UpdateRequest) (UpdateReply, error) {
	reply, err := c.tracker.Update(ctx, updateToWire(req))
	return updatedFromWire(reply), err
}

// Comment writes or edits a comment.
func (c *Client) Comment(ctx context.Context, req CommentRequest) (UpdateReply, error) {
	reply, err := c.tracker.Comment(ctx, commentToWire(req))
	return updatedFromWire(reply), err
}

// Search lists issues by words.
func (c *Client) Search(ctx context.Context, query string, limit int) ([]Found, error) {
	reply, err := c.tracker.Search(ctx, &pb.SearchRequest{Query: utf8(query), Limit: int32(limit)})
	return foundFromWire(reply.GetIssues()), err
}

// Options lists what an issue can be given.
func (c *Client) Options(ctx context.Context) (Options, error) {
	reply, err := c.tracker.Options(ctx, &pb.OptionsRequest{})
	return optionsFromWire(reply), err
}

// Changes lists what changed in the tracker, and where to go on.
func (c *Client) Changes(ctx context.Context, cursor string, since time.Time) ([]Change, string, error) {
	reply, err := c.tracker.Changes(ctx, &pb.ChangesRequest{Cursor: utf8(cursor), SinceMs: toMillis(since)})
	return changesFromWire(reply.GetChanges()), reply.GetCursor(), err
}

// HandleChange passes one HTTP request to a tracker.
func (c *Client) HandleChange(ctx context.Context, req WebhookRequest) (ChangeReply, error) {
	reply, err := c.tracker.HandleWebhook(ctx, webhookToWire(req))
	return ChangeReply{
		Status: int(reply.GetStatus()), Header: headersFromWire(reply.GetHeaders()), Body: reply.GetBody(),
		Changes: changesFromWire(reply.GetChanges()),
	}, err
}

// Propose opens a draft pull request. On an error the outcome is Unknown.
func (c *Client) Propose(ctx context.Context, req ProposeRequest) (CreateReply, error) {
	reply, err := c.tracker.Propose(ctx, proposeToWire(req))
	return createdFromWire(reply), err
}
