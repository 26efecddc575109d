package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	sessionTimeout = 10 * time.Second // after which a member that was killed loses its partitions
	commitTimeout  = 10 * time.Second
	pollTimeout    = 5 * time.Second // after which a commit that failed is tried again
	batchBytes     = 1 << 20         // of texts in a batch; a message over gRPC has at most 4 MiB
	fetchBytes     = 8 << 20         // that are asked of a broker at once
	maxBatchBytes  = 64 << 20        // that a batch of the broker may unpack to; what is more is left out
	mostLines      = 10              // of left out messages in the log, for each poll
)

// Run reads the topics until ctx ends. The offsets lie with the group, so the
// cursor holds only when this source began: a partition without an offset is
// read from there, whether it was empty at that time or was not there yet.
func (s *Source) Run(ctx context.Context, cursor string, store sdk.Store) error {
	begun, err := time.Parse(time.RFC3339Nano, cursor)
	if err != nil {
		begun = s.now().UTC()
		if err := store(ctx, sdk.Batch{Cursor: begun.Format(time.RFC3339Nano)}); err != nil {
			return err
		}
	}
	from := kgo.NewOffset().AtStart()
	if s.config.Start == "new" {
		from = kgo.NewOffset().AfterMilli(begun.UnixMilli())
	}
	client, err := s.connect(
		kgo.ConsumerGroup(s.config.Group),
		kgo.ConsumeTopics(s.config.Topics...),
		kgo.ConsumeStartOffset(from),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // a partition is not given away between storing and committing
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxPartitionBytes(fetchBytes/4),
		kgo.MaxDecompressBatchBytes(maxBatchBytes),
	)
	if err != nil {
		return fmt.Errorf("make the client: %w", err)
	}
	defer client.CloseAllowingRebalance()
	c := &consumer{Source: s, client: client, store: store}
	for ctx.Err() == nil {
		if err := c.poll(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// consumer is one membership in the group.
type consumer struct {
	*Source
	client *kgo.Client
	store  sdk.Store
	owed   bool // stored messages whose offsets are not committed
}

// poll takes what the brokers have, stores it, and commits.
func (c *consumer) poll(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, pollTimeout)
	fetches := c.client.PollRecords(wait, sdk.MaxBatch)
	cancel()
	defer c.client.AllowRebalance()
	var failed error
	var past []*kgo.ErrDecompressTooLarge
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return
		}
		if large, ok := errors.AsType[*kgo.ErrDecompressTooLarge](err); ok {
			c.leaveOut(int(large.NextOffset-large.Offset), "kafka batch left out: it unpacks to too much", "topic", topic, "partition", partition, "offset", large.Offset, "next", large.NextOffset)
			past = append(past, large)
			return
		}
		if lost, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
			slog.Error("kafka topic has lost messages", "topic", topic, "partition", partition, "offset", lost.ConsumedTo, "next", lost.ResetTo)
			return
		}
		failed = fmt.Errorf("read %s/%d: %w", topic, partition, err)
	})
	if err := c.keep(ctx, fetches); err != nil {
		return err
	}
	c.owed = c.owed || fetches.NumRecords() > 0
	if c.owed {
		c.commit(ctx)
	}
	if len(past) > 0 {
		return c.skip(ctx, past)
	}
	if failed != nil && ctx.Err() == nil {
		return failed
	}
	return nil
}

// keep stores the messages of a poll in batches. When it returns without an
// error every one is on disk, or was left out.
func (c *consumer) keep(ctx context.Context, fetches kgo.Fetches) error {
	var items []sdk.Item
	size, lines, more := 0, 0, 0
	for r := range fetches.RecordsAll() {
		it, why := c.config.item(r)
		if why != "" {
			if lines++; lines > mostLines {
				more++
				continue
			}
			c.leaveOut(1, "kafka message left out", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "why", why)
			continue
		}
		if size += len(it.Content); size > batchBytes && len(items) > 0 {
			if err := c.store(ctx, sdk.Batch{Items: items}); err != nil {
				return err
			}
			items, size = nil, len(it.Content)
		}
		items = append(items, it)
	}
	if more > 0 {
		c.leaveOut(more, "kafka messages left out, not listed one by one", "count", more)
	}
	if len(items) == 0 {
		return nil
	}
	return c.store(ctx, sdk.Batch{Items: items})
}

// skip commits the offsets after batches that cannot be unpacked. The client
// does not read on in their partitions; the next one begins after them. Its
// error ends the stream, and the host opens another.
func (c *consumer) skip(ctx context.Context, batches []*kgo.ErrDecompressTooLarge) error {
	var failed error
	for _, b := range batches {
		to := map[string]map[int32]kgo.EpochOffset{b.Topic: {b.Partition: {Epoch: b.Epoch, Offset: b.NextOffset}}}
		c.client.CommitOffsetsSync(ctx, to, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, res *kmsg.OffsetCommitResponse, err error) {
			if res == nil {
				failed = errors.Join(failed, err)
				return
			}
			for _, t := range res.Topics {
				for _, p := range t.Partitions {
					err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
				}
			}
			failed = errors.Join(failed, err)
		})
	}
	if failed != nil {
		return fmt.Errorf("skip a batch that unpacks to too much: %w", failed)
	}
	return errors.New("a batch that unpacks to too much was left out; reading begins again after it")
}

func (c *consumer) leaveOut(n int, message string, attributes ...any) {
	c.mu.Lock()
	c.left += n
	c.mu.Unlock()
	slog.Warn(message, attributes...)
}

// commit tells the group what is stored. All that was polled is: a poll comes
// after storing. When it fails it is tried again after the next poll; when the
// partition has gone to another member, that one reads the messages again and
// they are stored once.
func (c *consumer) commit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	err := c.client.CommitUncommittedOffsets(ctx)
	if err != nil && ctx.Err() == nil {
		slog.Warn("kafka offsets not committed", "err", err.Error())
	}
	c.owed = err != nil
}
