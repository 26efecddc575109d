package browser_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"
)

// faults collects what goes wrong in a page without anybody clicking it.
type faults struct {
	host string
	mu   sync.Mutex
	list []string

	streams int // connections opened for live updates
}

func (f *faults) add(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, what)
}

func (f *faults) watch(p *rod.Page) {
	_ = proto.LogEnable{}.Call(p)
	go p.EachEvent(
		func(e *proto.RuntimeExceptionThrown) { f.add("script error: " + e.ExceptionDetails.Text) },
		func(e *proto.RuntimeConsoleAPICalled) {
			if e.Type == proto.RuntimeConsoleAPICalledTypeError {
				f.add(fmt.Sprint("console: ", e.Args[0].Value))
			}
		},
		func(e *proto.LogEntryAdded) {
			if e.Entry.Source == proto.LogLogEntrySourceSecurity {
				f.add("policy: " + e.Entry.Text)
			}
		},
		func(e *proto.NetworkRequestWillBeSent) {
			if e.Request.Method == "GET" && strings.HasSuffix(e.Request.URL, "/api/realtime") {
				f.mu.Lock()
				f.streams++
				f.mu.Unlock()
			}
			if u := e.Request.URL; !strings.HasPrefix(u, f.host) && !strings.HasPrefix(u, "data:") {
				f.add("outside request: " + u)
			}
		},
	)()
}

func (f *faults) none(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, what := range f.list {
		t.Error(what)
	}
}
