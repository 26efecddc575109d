// Package kafka is the source for topics of Apache Kafka and what speaks its
// protocol. It is a member of a consumer group and works at least once: an
// offset is committed after its message is on disk, never before. A message that
// is read twice has the same id and is stored once.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/iterateswarm/iterateswarm/sdk"
	"github.com/iterateswarm/iterateswarm/sdk/egress"
)

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"><circle cx="5" cy="3" r="1.5"/><circle cx="5" cy="8" r="2"/><circle cx="5" cy="13" r="1.500"/><circle cx="11.500" cy="5" r="1.500"/><circle cx="11.500" cy="11" r="1.500"/><path d="M5 4.500V6M5 10v1.500M6.800 7l3.400-1.500M6.800 9l3.400 1.500"/></svg>`

// Source is the plugin. Its methods may be called at once.
type Source struct {
	config config
	now    func() time.Time

	mu   sync.Mutex
	left int // messages left out since the start
}

// New returns the plugin, not configured.
func New() *Source { return &Source{now: time.Now} }

// Manifest describes the plugin.
func (s *Source) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:          "kafka",
		Kind:          sdk.KindSource,
		Version:       "1.0.0",
		Description:   "Reads messages from Kafka topics as a member of a consumer group.",
		Icon:          icon,
		ConfigSchema:  schema,
		Documentation: "https://github.com/iterateswarm/iterateswarm/blob/main/docs/sources/kafka.md",
	}
}

var legal = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// Configure checks the words; whether the brokers accept them is for Check.
func (s *Source) Configure(_ context.Context, c sdk.Config) []sdk.Diagnostic {
	conf := defaults()
	if wrong := c.Decode(&conf); wrong != nil {
		return wrong
	}
	var wrong []sdk.Diagnostic
	if len(conf.Brokers) == 0 {
		wrong = append(wrong, sdk.Wrong("brokers", "is empty"))
	}
	for i, b := range conf.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			wrong = append(wrong, sdk.Wrong("brokers", "has at position %d no host and port such as kafka.example.com:9092", i+1))
		}
	}
	if len(conf.Topics) == 0 {
		wrong = append(wrong, sdk.Wrong("topics", "is empty"))
	}
	for i, t := range conf.Topics {
		if !legal.MatchString(t) || slices.Contains(conf.Topics[:i], t) {
			wrong = append(wrong, sdk.Wrong("topics", "has at position %d no name of a topic, or one that is there already", i+1))
		}
	}
	if conf.Group == "" || len(conf.Group) > 249 {
		wrong = append(wrong, sdk.Wrong("group", "is empty or longer than 249 bytes"))
	}
	if conf.Start != "new" && conf.Start != "all" {
		wrong = append(wrong, sdk.Wrong("start", "is neither new nor all"))
	}
	wrong = append(wrong, conf.checkLogin()...)
	if slices.ContainsFunc(wrong, func(d sdk.Diagnostic) bool { return d.Severity == sdk.Error }) {
		return wrong
	}
	s.config = conf
	return wrong
}

// connect makes a client; it connects when it is first used.
func (s *Source) connect(more ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.config.Brokers...),
		kgo.ClientID("iterateswarm"),
		kgo.RetryTimeout(20 * time.Second),
		kgo.WithLogger(logger{}),
	}
	opts = append(opts, s.config.login(egress.Dialer(s.config.AllowPrivate))...)
	return kgo.NewClient(append(opts, more...)...)
}

// checkTimeout bounds one check.
const checkTimeout = 15 * time.Second

// Check asks the brokers for the topics and the group, and says how far the
// group is behind.
func (s *Source) Check(ctx context.Context) sdk.Health {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client, err := s.connect(kgo.RequestRetries(2))
	if err != nil {
		return sdk.Health{Detail: "The configuration makes no connection: " + err.Error() + "."}
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return sdk.Health{Detail: reason(err)}
	}
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, s.config.Topics...)
	if denied, ok := errors.AsType[*kadm.AuthError](err); ok {
		return sdk.Health{Detail: "The topics cannot be read: " + because(denied) + ". The user needs Describe and Read on them."}
	}
	if err != nil {
		return sdk.Health{Detail: reason(err)}
	}
	partitions := 0
	for _, name := range s.config.Topics {
		t := topics[name]
		if t.Err != nil || len(t.Partitions) == 0 {
			return sdk.Health{Detail: "Topic " + name + " cannot be read: " + because(t.Err) + ". It must exist, and the user needs Describe and Read on it."}
		}
		partitions += len(t.Partitions)
	}
	ends, err := admin.ListEndOffsets(ctx, s.config.Topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return sdk.Health{Detail: "The ends of the topics cannot be read: " + because(err) + ". The user needs Describe on them."}
	}
	committed, err := admin.FetchOffsets(ctx, s.config.Group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // a group begins with its first member
		return sdk.Health{Detail: "The group " + s.config.Group + " cannot be used: " + because(err) + ". The user needs Read on it."}
	}
	behind := int64(0)
	ends.Each(func(end kadm.ListedOffset) {
		if at, ok := committed.Lookup(end.Topic, end.Partition); ok && at.At >= 0 {
			behind += max(0, end.Offset-at.At)
		}
	})
	s.mu.Lock()
	left := s.left
	s.mu.Unlock()
	detail := fmt.Sprintf("%d topics with %d partitions can be read; the group is %d messages behind.", len(s.config.Topics), partitions, behind)
	if left > 0 {
		detail += fmt.Sprintf(" %d messages were left out since the start; the log names them.", left)
	}
	return sdk.Health{OK: true, Detail: detail}
}

// reason is why the brokers do not talk to us, in a sentence.
func reason(err error) string {
	switch {
	case errors.Is(err, egress.ErrPrivate):
		return "A broker is at a private address; a superuser can set allow_private."
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return "The brokers do not accept the user, the password or the mechanism (" + because(err) + ")."
	case errors.Is(err, io.EOF):
		return "The broker closes the connection: the user, the password, the mechanism or TLS is not as it wants it, or the port is another one's."
	}
	return "The brokers cannot be reached: " + because(err) + "."
}

// because is an error without its end's full stop.
func because(err error) string {
	if err == nil {
		return "it is not there"
	}
	return strings.TrimSuffix(err.Error(), ".")
}
