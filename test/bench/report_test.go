package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// clients are the numbers of clients that send at the same time.
var clients = []int{1, 8, 64}

// report is what one run has measured.
type report struct {
	rows [][4]string // what, product, beside it, aim
}

func (r *report) add(what, got, beside, aim string) {
	r.rows = append(r.rows, [4]string{what, got, beside, aim})
	fmt.Printf("%s: %s (%s)\n", what, got, beside)
}

// Not parallel: it measures.
func TestReport(t *testing.T) {
	if *items == 0 {
		t.Skip("this measures for minutes; run it with make bench")
	}
	var r report
	bin, size := binary(t)
	posts(t, &r, bin)
	path1, _ := path(t, &r, bin, 1)
	_, dir := path(t, &r, bin, 2)
	_ = path1
	flat(t, &r, bin, dir)
	starts(t, &r, bin)
	r.add("binary", fmt.Sprintf("%.1f MB", float64(size)/1e6), "", "")
	text := r.String()
	fmt.Print("\n" + text)
	if *write != "" {
		if err := os.WriteFile(filepath.Join("../..", *write), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// posts compares POST /api/feedback with a bare PocketBase's record create.
func posts(t *testing.T, r *report, bin string) {
	list := bodies(200_000, 1)
	product, plain := product(t, bin, filepath.Join(t.TempDir(), "pb_data"), 2), bare(t)
	defer product.stop()
	defer plain.stop()
	db := product.database()
	at := 0
	for _, n := range clients {
		var ours, theirs []pace
		for range 3 { // by turns, so that both meet the same neighbours
			p := send(t, product.url+"/api/feedback", list[at:], n, *span/3)
			at += p.N + n
			for end := time.Now().Add(time.Minute); product.waiting(db) > 0 && time.Now().Before(end); {
				time.Sleep(20 * time.Millisecond)
			}
			ours = append(ours, p)
			theirs = append(theirs, send(t, plain.url+"/api/collections/feedback/records", list, n, *span/3))
		}
		o, b := middle(ours), middle(theirs)
		aim := ""
		switch n {
		case 8:
			aim = "≥ 600/s, p99 < 50 ms"
		}
		r.add(fmt.Sprintf("POST /api/feedback, %d clients", n), o.String(),
			fmt.Sprintf("bare record create %s; ratio %.2f", b, o.Rate/b.Rate), aim)
	}
}

// middle is the run with the median rate.
func middle(list []pace) pace {
	slices.SortFunc(list, func(a, b pace) int { return int(a.Rate - b.Rate) })
	return list[len(list)/2]
}

// String is a pace for the table.
func (p pace) String() string {
	return fmt.Sprintf("%.0f/s, p50 %s, p99 %s", p.Rate, ms(p.P50), ms(p.P99))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// whole is what it costs to bring messages the whole way.
type whole struct {
	rate float64       // messages a second, from the first sent to the last settled
	cpu  time.Duration // processor time of the server per message
}

// path sends messages and waits until each has found its issue. It returns the
// data directory, with the server stopped.
func path(t *testing.T, r *report, bin string, procs int) (whole, string) {
	dir := filepath.Join(t.TempDir(), "pb_data")
	s := product(t, bin, dir, procs)
	w, p := through(t, s, bodies(*items, uint64(procs)))
	aim := ""
	if procs == 2 {
		aim = "≥ 250/s"
		r.add("memory after that", fmt.Sprintf("%.0f MB, at most %.0f MB", s.memory("VmRSS"), s.memory("VmHWM")), "", "")
	}
	r.add(fmt.Sprintf("whole path, %d messages, GOMAXPROCS=%d", *items, procs), fmt.Sprintf("%.0f/s", w.rate),
		fmt.Sprintf("%s of processor a message; posts meanwhile %s", ms(w.cpu), p), aim)
	s.stop()
	return w, dir
}

// through sends messages with 8 clients and waits until all are settled.
func through(t *testing.T, s *server, list [][]byte) (whole, pace) {
	db := s.database()
	cpu, begin := s.processor(), time.Now()
	p := send(t, s.url+"/api/feedback", list, 8, 10*time.Minute)
	for s.waiting(db) > 0 {
		if time.Since(begin) > 15*time.Minute {
			t.Fatalf("%d messages are not settled after 15 minutes", s.waiting(db))
		}
		time.Sleep(20 * time.Millisecond)
	}
	n := float64(len(list))
	return whole{n / time.Since(begin).Seconds(), time.Duration(float64(s.processor()-cpu) / n)}, p
}

// flat compares the cost of a message among few and among many stored ones.
func flat(t *testing.T, r *report, bin, big string) {
	const each = 1000
	small := filepath.Join(t.TempDir(), "pb_data")
	s := product(t, bin, small, 2)
	through(t, s, bodies(each, 11))
	few, _ := through(t, s, bodies(each, 12))
	s.stop()

	begin := time.Now()
	fill(t, big, *stored, 13)
	filled := time.Since(begin)
	s = product(t, bin, big, 2)
	through(t, s, bodies(200, 14))
	many, p := through(t, s, bodies(each, 15))
	r.add(fmt.Sprintf("one message more at %d stored", each), fmt.Sprintf("%s, %.0f/s", ms(few.cpu), few.rate), "", "")
	r.add(fmt.Sprintf("one message more at %d stored", *stored), fmt.Sprintf("%s, %.0f/s", ms(many.cpu), many.rate),
		fmt.Sprintf("ratio of processor time %.2f, of rate %.2f; posts %s", float64(many.cpu)/float64(few.cpu), few.rate/many.rate, p), "ratio ≤ 1.5")
	r.add(fmt.Sprintf("start and memory at %d stored", *stored), fmt.Sprintf("%s, %.0f MB", ms(s.start), s.memory("VmRSS")),
		fmt.Sprintf("filled in %s", filled.Round(time.Second)), "")
	s.stop()
}

// starts measures a new installation's first start and later ones, and what an
// idle server takes.
func starts(t *testing.T, r *report, bin string) {
	dir := filepath.Join(t.TempDir(), "pb_data")
	s := product(t, bin, dir, 2)
	first := s.start
	s.stop()
	var again []time.Duration
	var idle []float64
	for range 5 {
		s = product(t, bin, dir, 2)
		again = append(again, s.start)
		time.Sleep(2 * time.Second)
		idle = append(idle, s.memory("VmRSS"))
		s.stop()
	}
	slices.Sort(again)
	slices.Sort(idle)
	r.add("first start until the first 200", ms(first), "makes the database", "< 2 s")
	r.add("start until the first 200", ms(again[2]), "", "< 2 s")
	r.add("idle memory", fmt.Sprintf("%.0f MB", idle[2]), "the tracker's own process not counted", "< 80 MB")
}

// String is docs/performance.md.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Performance
Every figure is from one run of this command:

    go test ./test/bench -run TestReport -v -timeout 60m -bench.items=%d -bench.stored=%d -bench.write=docs/performance.md

"make bench" does the same with fewer messages. It builds the binary as a
release is built, starts it and sends it messages over HTTP from clients on the
same processors. The messages are made from templates. Commits are synced to the
disk (FULL); the bare PocketBase beside it does not sync its commits, has one
collection, no hook and no queue.

%s. The machine had other work to do meanwhile,
so compare within this table and not with another; processor time is what
changes least.

| what | IterateSwarm | beside it | aim |
|---|---|---|---|
`, *items, *stored, machine())
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row[:], " | "))
	}
	return b.String()
}

func machine() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	load := strings.Fields(string(raw))
	if len(load) < 3 {
		load = []string{"?", "?", "unknown"}
	}
	return fmt.Sprintf("%s/%s, %d processors, %s, load %s over the last 15 minutes", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load[2])
}
