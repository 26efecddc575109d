package sdk

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The handshake between host and plugin.
const (
	CookieName      = "ITERATESWARM_PLUGIN"   // environment variable; without it a plugin refuses to run
	CookieValue     = "1"                     //
	HostPID         = "ITERATESWARM_HOST_PID" // environment variable; the plugin ends when this is no longer its parent
	ProtocolVersion = 1                       //
	MaxMessage      = 4 << 20                 // bytes, either direction
)

// Serve runs p until the host stops it or is gone. It is the last line of a
// plugin's main. From here on slog's default logger writes to the host's log;
// standard output belongs to the protocol.
//
// Serve panics when p is neither a source nor a Tracker or its manifest says
// something else: no configuration can mend that.
func Serve(p Plugin) {
	if err := p.Manifest().Check(); err != nil {
		panic(err)
	}
	set, err := serverSet(p)
	if err != nil {
		panic(err)
	}
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, JSONFormat: true, Level: hclog.Info})
	slog.SetDefault(slog.New(logHandler(os.Stderr)))
	go endWithHost()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake(),
		Plugins:         set,
		Logger:          log,
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts,
				grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage))...)
		},
	})
}

// Handshake is what host and plugin show each other before the first call.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   CookieName,
		MagicCookieValue: CookieValue,
	}
}

func serverSet(p Plugin) (plugin.PluginSet, error) {
	m := Describe(p)
	switch {
	case m.Kind == KindSource && (m.Can(CanReceive) || m.Can(CanRun)):
	case m.Kind == KindTracker && is[Tracker](p):
	default:
		return nil, fmt.Errorf("plugin %s: the manifest says %s, the type has not its methods", m.Name, m.Kind)
	}
	return plugin.PluginSet{dispensed: &wire{plugin: p}}, nil
}
