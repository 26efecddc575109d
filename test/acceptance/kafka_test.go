package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// A plugin process that is killed after its messages were stored and before
// their offsets were committed: they are delivered again and stored once.
func TestKafkaSource(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "feedback"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for i := range 6 {
		r := &kgo.Record{Topic: "feedback", Partition: int32(i % 2), Value: fmt.Appendf(nil, `{"content":"The export crashes with error %d","user_id":"u%d"}`, 500+i, i)}
		if err := p.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Count: -1, Err: kerr.UnknownServerError})
	read := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Count: -1, Observe: true})
	s := servertest.Start(t)
	startSource(s, "bus", "kafka", map[string]any{"brokers": c.ListenAddrs(), "topics": []string{"feedback"}, "tls": false, "start": "all", "allow_private": true})
	for i := range 6 {
		arrived(s, "bus", fmt.Sprintf("feedback/%d/%d", i%2, i/2))
	}
	s.Until("a commit that fails", func() bool { return refused.Hits() > 0 })
	before := read.Hits()
	_, after, _ := strings.Cut(s.Log(), `"plugin":"kafka"`)
	_, after, _ = strings.Cut(after, `"pid":`)
	pid, err := strconv.Atoi(after[:strings.IndexAny(after, ",}")])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	refused.Remove()
	s.Until("another process to ask for the offsets", func() bool { return read.Hits() > before })
	s.Until("the offsets to be committed", func() bool {
		g := c.GroupInfo("iterateswarm")
		return g != nil && g.Commits["feedback"][0].Offset == 3 && g.Commits["feedback"][1].Offset == 3
	})
	if n := s.Count(records.Feedback, map[string]any{"source": "bus"}); n != 6 {
		t.Errorf("%d messages are stored, want 6", n)
	}
}
