package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tlsDialer opens TLS connections through a dialer that chooses addresses.
type tlsDialer struct {
	dialer *net.Dialer
	config *tls.Config
}

func (d *tlsDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&tls.Dialer{NetDialer: d.dialer, Config: d.config}).DialContext(ctx, network, address)
}

// logger hands the client's warnings to the host's log.
type logger struct{}

// Level leaves out what is no warning.
func (logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log writes one line.
func (logger) Log(level kgo.LogLevel, message string, pairs ...any) {
	for i := range pairs {
		if err, ok := pairs[i].(error); ok {
			pairs[i] = fmt.Sprint(err)
		}
	}
	if level == kgo.LogLevelError {
		slog.Error("kafka client: "+message, pairs...)
		return
	}
	slog.Warn("kafka client: "+message, pairs...)
}
