package kafka

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const topic = "feedback"

// cluster is a Kafka in this process that speaks the real protocol.
func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(4, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newSource(t *testing.T, c *kfake.Cluster, more map[string]any) *Source {
	t.Helper()
	config := map[string]any{"brokers": c.ListenAddrs(), "topics": []string{topic}, "tls": false, "allow_private": true, "start": "all"}
	maps.Copy(config, more)
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	s := New()
	for _, d := range s.Configure(t.Context(), sdk.Config{JSON: b}) {
		if d.Severity == sdk.Error {
			t.Fatal(d)
		}
	}
	return s
}

// produce writes messages to the partitions in turn, and waits until they are
// there.
func produce(t *testing.T, c *kfake.Cluster, values ...string) {
	t.Helper()
	p, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, v := range values {
		if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: int32(i % 4), Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(n int, what string) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"content":"message %s %d","external_id":"%s-%d"}`, what, i, what, i))
	}
	return list
}

// member is a source that runs; what it stores is kept.
type member struct {
	t      *testing.T
	mu     sync.Mutex
	times  map[string]int // how often an id came
	hold   chan struct{}  // when set, storing waits
	cursor string
	cancel context.CancelFunc
	done   chan error
}

func run(t *testing.T, s *Source, cursor string, hold chan struct{}) *member {
	m := &member{t: t, times: map[string]int{}, hold: hold, cursor: cursor, done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	m.cancel = cancel
	go func() {
		for ctx.Err() == nil { // the host opens a stream that ends again
			m.done <- s.Run(ctx, m.from(), m.store)
			if ctx.Err() == nil {
				<-m.done
				time.Sleep(20 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(cancel)
	return m
}

func (m *member) from() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursor
}

func (m *member) store(ctx context.Context, b sdk.Batch) error {
	if m.hold != nil && len(b.Items) > 0 {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(b.Items) > sdk.MaxBatch {
		m.t.Errorf("a batch of %d", len(b.Items))
	}
	for _, it := range b.Items {
		m.times[it.ExternalID]++
	}
	if b.Cursor != "" {
		m.cursor = b.Cursor
	}
	return nil
}

func (m *member) stop() {
	m.cancel()
	select {
	case <-m.done:
	case <-time.After(60 * time.Second):
		m.t.Fatal("Run has not ended in 60 s")
	}
}

func (m *member) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.times))
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited 60 s in vain for %s", what)
}

// committed is the sum of the group's offsets.
func committed(c *kfake.Cluster) int {
	sum := 0
	if g := c.GroupInfo("iterateswarm"); g != nil {
		for _, at := range g.Commits[topic] {
			sum += int(at.Offset)
		}
	}
	return sum
}

func TestTwoMembersShareTheTopic(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	a := run(t, newSource(t, c, nil), "", nil)
	b := run(t, newSource(t, c, nil), "", nil)
	until(t, "both members to have partitions", func() bool {
		g := c.GroupInfo("iterateswarm")
		return g != nil && len(g.Members) == 2 && g.Members[0].NumAssigned() == 2 && g.Members[1].NumAssigned() == 2
	})
	produce(t, c, numbered(200, "a")...)
	until(t, "200 messages", func() bool { return len(a.ids())+len(b.ids()) == 200 })
	if len(a.ids()) != 100 || len(b.ids()) != 100 {
		t.Errorf("%d and %d messages, want 100 each", len(a.ids()), len(b.ids()))
	}
	until(t, "offsets", func() bool { return committed(c) == 200 })
	a.stop() // the other one takes over, and goes on where this one was
	produce(t, c, numbered(40, "b")...)
	until(t, "40 more with the member that is left", func() bool { return len(b.ids()) == 140 })
	until(t, "offsets", func() bool { return committed(c) == 240 })
}

// Nothing is committed while nothing is stored.
func TestStoredThenCommitted(t *testing.T) {
	t.Parallel()
	c, hold := cluster(t), make(chan struct{})
	produce(t, c, numbered(20, "a")...)
	commits := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Count: -1, Observe: true})
	m := run(t, newSource(t, c, nil), "", hold)
	until(t, "the member to have partitions", func() bool {
		g := c.GroupInfo("iterateswarm")
		return g != nil && g.NumAssigned() == 4
	})
	time.Sleep(300 * time.Millisecond) // would be enough for a commit that must not come
	if n, hits := committed(c), commits.Hits(); n != 0 || hits != 0 {
		t.Errorf("%d offsets committed in %d requests before anything was stored", n, hits)
	}
	if got := newSource(t, c, nil).Check(t.Context()); !got.OK {
		t.Errorf("Check = %+v", got)
	}
	close(hold)
	until(t, "offsets", func() bool { return committed(c) == 20 })
	if len(m.ids()) != 20 {
		t.Errorf("%d stored", len(m.ids()))
	}
}

// A process that ends between storing and committing: the messages come again,
// with the same ids.
func TestEndBetweenStoreAndCommit(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	produce(t, c, append(numbered(8, "a"), `{"content":"no id"}`, "plain text")...)
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Count: -1, Err: kerr.UnknownServerError})
	first := run(t, newSource(t, c, nil), "", nil)
	until(t, "10 messages", func() bool { return len(first.ids()) == 10 })
	until(t, "a commit that fails", func() bool { return fault.Hits() > 0 })
	first.stop()
	if n := committed(c); n != 0 {
		t.Fatalf("%d offsets committed", n)
	}
	fault.Remove()
	second := run(t, newSource(t, c, nil), first.from(), nil)
	until(t, "the messages again", func() bool { return len(second.ids()) == 10 })
	if d := cmp.Diff(first.ids(), second.ids()); d != "" {
		t.Errorf("other ids (-first +second):\n%s", d)
	}
	until(t, "offsets", func() bool { return committed(c) == 10 })
}

func TestBrokerThatRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, topic), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	m := run(t, newSource(t, c, nil), "", nil)
	produce(t, c, numbered(8, "a")...)
	until(t, "8 messages", func() bool { return len(m.ids()) == 8 })
	until(t, "offsets", func() bool { return committed(c) == 8 })
	var port int
	if _, err := fmt.Sscanf(strings.TrimPrefix(c.ListenAddrs()[0], "127.0.0.1:"), "%d", &port); err != nil {
		t.Fatal(err)
	}
	c.Close()
	c = cluster(t, kfake.DataDir(dir), kfake.Ports(port))
	produce(t, c, numbered(8, "b")...)
	until(t, "8 more messages", func() bool { return len(m.ids()) == 16 })
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range m.times {
		if n != 1 {
			t.Errorf("%s came %d times, though its offset was committed", id, n)
		}
	}
}

func TestPoisonBlocksNothing(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	produce(t, c, "", "\xff\xfe", strings.Repeat("x", maxContent+1), `{"title":"no content"}`, `{"content":["x"]}`, "  \n", strings.Repeat("y", 1<<20), `{"content":""}`)
	produce(t, c, numbered(4, "a")...)
	s := newSource(t, c, nil)
	m := run(t, s, "", nil)
	until(t, "the good messages", func() bool { return len(m.ids()) == 4 })
	until(t, "offsets", func() bool { return committed(c) == 12 })
	if got := s.Check(t.Context()); !got.OK || !strings.Contains(got.Detail, "0 messages behind") || !strings.Contains(got.Detail, "8 messages were left out") {
		t.Errorf("Check = %+v", got)
	}
}

// A new group takes what is written after it began, also what is written while
// it does not run and has committed nothing.
func TestOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	produce(t, c, numbered(4, "old")...)
	time.Sleep(5 * time.Millisecond) // timestamps are in milliseconds
	s := newSource(t, c, map[string]any{"start": "new"})
	first := run(t, s, "", nil)
	until(t, "the member to have partitions", func() bool {
		g := c.GroupInfo("iterateswarm")
		return g != nil && g.NumAssigned() == 4 && first.from() != ""
	})
	first.stop()
	produce(t, c, numbered(4, "new")...)
	second := run(t, s, first.from(), nil)
	until(t, "the new messages", func() bool { return len(second.ids()) == 4 })
	if ids := append(first.ids(), second.ids()...); slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "old") }) {
		t.Errorf("took %v", ids)
	}
}

func TestCheckSaysHowFarBehind(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	s := newSource(t, c, nil)
	produce(t, c, numbered(4, "a")...)
	m := run(t, s, "", nil)
	until(t, "offsets", func() bool { return committed(c) == 4 })
	m.stop()
	produce(t, c, numbered(12, "b")...)
	if got := s.Check(t.Context()); !got.OK || got.Detail != "1 topics with 4 partitions can be read; the group is 12 messages behind." {
		t.Errorf("Check = %+v", got)
	}
	if got := newSource(t, c, map[string]any{"topics": []string{"none"}}).Check(t.Context()); got.OK || !strings.Contains(got.Detail, "Topic none cannot be read") {
		t.Errorf("Check of a topic that is not there = %+v", got)
	}
	if got := newSource(t, c, map[string]any{"allow_private": false}).Check(t.Context()); got.OK || !strings.Contains(got.Detail, "private address") {
		t.Errorf("Check of a private address = %+v", got)
	}
}

func TestLoginAndTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}))
	for kafkaName, mechanism := range map[string]string{"PLAIN": "plain", "SCRAM-SHA-256": "scram-sha-256", "SCRAM-SHA-512": "scram-sha-512"} {
		c := cluster(t, kfake.EnableSASL(), kfake.Superuser(kafkaName, "ann", "s3cret"), kfake.TLS(&tls.Config{Certificates: web.TLS.Certificates}))
		login := map[string]any{"tls": true, "ca": ca, "mechanism": mechanism, "user": "ann", "password": "s3cret"}
		if got := newSource(t, c, login).Check(t.Context()); !got.OK {
			t.Errorf("%s: %+v", mechanism, got)
		}
		login["password"] = "wr0ng"
		if got := newSource(t, c, login).Check(t.Context()); got.OK || !strings.Contains(got.Detail, "the password") || strings.Contains(got.Detail, "wr0ng") {
			t.Errorf("%s with a wrong password: %+v", mechanism, got)
		}
		if got := newSource(t, c, map[string]any{"tls": true}).Check(t.Context()); got.OK || !strings.Contains(got.Detail, "certificate") {
			t.Errorf("an unknown authority: %+v", got)
		}
	}
}

// The rights that docs/sources/kafka.md asks for are enough.
func TestRights(t *testing.T) {
	t.Parallel()
	right := func(of kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: of, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	all := []kfake.ACL{right(kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationRead), right(kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationDescribe),
		right(kmsg.ACLResourceTypeGroup, "iterateswarm", kmsg.ACLOperationRead)}
	login := map[string]any{"mechanism": "scram-sha-512", "user": "ann", "password": "s3cret"}
	c := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", "ann", "s3cret", all...))
	s := newSource(t, c, login)
	m := run(t, s, "", nil)
	until(t, "the member to have partitions", func() bool {
		g := c.GroupInfo("iterateswarm")
		return g != nil && g.NumAssigned() == 4
	})
	m.stop()
	if got := s.Check(t.Context()); !got.OK {
		t.Errorf("with all rights: %+v", got)
	}
	for what, few := range map[string][]kfake.ACL{"The topics cannot be read": nil, "The group iterateswarm cannot be used": all[:2]} {
		c := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", "ann", "s3cret", few...))
		if got := newSource(t, c, login).Check(t.Context()); got.OK || !strings.Contains(got.Detail, what) {
			t.Errorf("with %d rights: %+v, want %q", len(few), got, what)
		}
	}
}

// A batch that unpacks to more than is taken is passed over.
func TestBatchThatUnpacksToTooMuch(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(maxBatchBytes+2<<20), kgo.ProducerBatchCompression(kgo.GzipCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, maxBatchBytes+1<<20)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	produce(t, c, numbered(4, "a")...)
	s := newSource(t, c, nil)
	m := run(t, s, "", nil)
	until(t, "the messages after it", func() bool { return len(m.ids()) == 4 })
	until(t, "offsets", func() bool { return committed(c) == 5 })
	if got := s.Check(t.Context()); !strings.Contains(got.Detail, "1 messages were left out") {
		t.Errorf("Check = %+v", got)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	conf := defaults()
	nested := conf
	nested.Content, nested.UserID, nested.ExternalID = "body.text", "from.id", "meta.id"
	about := `{"key":"k","offset":7,"partition":3,"topic":"feedback"}`
	for what, c := range map[string]struct {
		conf  config
		value string
		want  sdk.Item
		why   string
	}{
		"all fields": {conf, `{"content":"C","title":"T","user_id":42,"user_name":"ann","external_id":"x-1","permalink":"https://x.test/1","more":{}}`,
			sdk.Item{ExternalID: "x-1", Title: "T", Content: "C", AuthorID: "42", AuthorHandle: "ann", Permalink: "https://x.test/1"}, ""},
		"nested":       {nested, `{"body":{"text":"C"},"from":{"id":7},"meta":null}`, sdk.Item{ExternalID: "feedback/3/7", Content: "C", AuthorID: "7"}, ""},
		"a dotted key": {nested, `{"body.text":"C"}`, sdk.Item{ExternalID: "feedback/3/7", Content: "C"}, ""},
		"plain":        {conf, " It crashes\n", sdk.Item{ExternalID: "feedback/3/7", Content: " It crashes\n"}, ""},
		"broken JSON":  {conf, `{"content":`, sdk.Item{ExternalID: "feedback/3/7", Content: `{"content":`}, ""},
		"a list":       {conf, `["x"]`, sdk.Item{ExternalID: "feedback/3/7", Content: `["x"]`}, ""},
		"no content":   {conf, `{"text":"x"}`, sdk.Item{}, "the field content holds no text"},
		"no text":      {conf, `{"content":{}}`, sdk.Item{}, "the field content is not text"},
		"a long id":    {conf, `{"content":"x","external_id":"` + strings.Repeat("x", 501) + `"}`, sdk.Item{}, "the field external_id has 501 bytes, at most 500 are taken"},
		"nothing":      {conf, "", sdk.Item{}, "empty"},
		"bytes":        {conf, "\xff", sdk.Item{}, "not UTF-8"},
	} {
		got, why := c.conf.item(&kgo.Record{Topic: topic, Partition: 3, Offset: 7, Key: []byte("k"), Value: []byte(c.value), Timestamp: at})
		if why == "" {
			c.want.Created, c.want.ContextJSON = at, about
		}
		if d := cmp.Diff(c.want, got); d != "" || why != c.why {
			t.Errorf("%s: %q, want %q (-want +got):\n%s", what, why, c.why, d)
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`"topics":["a"]`:                   "brokers: is empty",
		`"brokers":["kafka"],"topics":[]`:  "brokers: has at position 1 no host and port such as kafka.example.com:9092",
		`"brokers":["k:1"]`:                "topics: is empty",
		`"brokers":["k:1"],"topics":["ä"]`: "topics: has at position 1 no name of a topic",
		`"brokers":["k:1"],"topics":["a"],"mechanism":"plain","user":"u"`:                               "user: or password is empty, and plain needs both",
		`"brokers":["k:1"],"topics":["a"],"user":"u","password":"p4ss"`:                                 "mechanism: is none, with a user or a password",
		`"brokers":["k:1"],"topics":["a"],"mechanism":"plain","user":"u","password":"p4ss","tls":false`: "tls: is off, and plain sends the password as it is. Switch TLS on",
		`"brokers":["k:1"],"topics":["a"],"ca":"x"`:                                                     "ca: holds no certificate in PEM",
		`"brokers":["k:1"],"topics":["a"],"client_key":"p4ss"`:                                          "client_certificate: and client_key are no pair",
		`"brokers":["k:1"],"topics":["a"],"ca":"x","tls":false`:                                         "tls: is off, with a certificate",
		`"brokers":["k:1"],"topics":["a"],"start":"x"`:                                                  "start: is neither new nor all",
	} {
		wrong := New().Configure(t.Context(), sdk.Config{JSON: []byte("{" + config + "}")})
		if len(wrong) == 0 || !strings.Contains(wrong[0].String(), want) || strings.Contains(fmt.Sprint(wrong), "p4ss") {
			t.Errorf("%s: %v, want %q", config, wrong, want)
		}
	}
}
