// Package bench measures the product from outside: the real binary is built and
// started, and clients in this process send it messages over HTTP. Every figure
// that depends on the machine stands beside one of a bare PocketBase that was
// measured in the same run.
//
//	make bench
//	go test ./test/bench -run TestReport -v -timeout 60m -bench.items=10000 -bench.stored=100000 -bench.write=docs/performance.md
package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

var (
	items  = flag.Int("bench.items", 0, "messages on the whole path; 0: nothing is measured")
	stored = flag.Int("bench.stored", 100_000, "messages that are stored already when the cost of one more is measured again")
	span   = flag.Duration("bench.span", 3*time.Second, "how long each number of clients sends")
	write  = flag.String("bench.write", "", "file that gets the report, from the root of the repository")
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		if err := serveBare(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	servertest.Main(m)
}
