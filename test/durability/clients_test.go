package durability

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iterateswarm/iterateswarm/test/texts"
)

// message is what a client sends.
type message struct{ externalID, content, user string }

// distinct writes n messages of which no two are about the same thing.
func distinct(n int, seed uint64) []message {
	w := texts.New(seed)
	list := make([]message, n)
	for i := range list {
		list[i] = message{fmt.Sprintf("m-%d", i), w.Report(), fmt.Sprintf("u%d", i%97)}
	}
	return list
}

var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

// call sends JSON and returns the status and the answer.
func call(ctx context.Context, method, url string, body any, header ...string) (int, []byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	return res.StatusCode, out, err
}

// post sends a message once and returns its id when it was acknowledged.
func (o *house) post(ctx context.Context, m message) (id string, status int, err error) {
	url := o.url.Load()
	if url == nil {
		return "", 0, fmt.Errorf("no server runs")
	}
	status, raw, err := call(ctx, "POST", *url+"/api/feedback", map[string]any{
		"content": m.content, "source": "discord", "user_id": m.user, "external_id": m.externalID,
	}, "X-API-Key", o.key)
	if err != nil || status != 200 {
		return "", status, err
	}
	var body struct{ FeedbackID string }
	if err := json.Unmarshal(raw, &body); err != nil || body.FeedbackID == "" {
		return "", status, fmt.Errorf("answer without an id: %s", raw)
	}
	return body.FeedbackID, status, nil
}

// fleet is clients that send messages until each is acknowledged.
type fleet struct {
	house    *house
	acks     *ackLog
	queue    chan message
	wait     sync.WaitGroup
	firstAck atomic.Int64 // longest time from a start to the first acknowledgement, in nanoseconds
	acked    atomic.Int64 // start of the server that acknowledged last
	odd      atomic.Int64 // answers that are neither 200 nor a refusal to come back to
	slowest  atomic.Int64 // slowest acknowledged request, in nanoseconds
}

func (o *house) fleet(ctx context.Context, clients int, acks *ackLog) *fleet {
	f := &fleet{house: o, acks: acks, queue: make(chan message, 1<<20)}
	for range clients {
		f.wait.Go(func() {
			for m := range f.queue {
				if !f.untilAcked(ctx, m) {
					return
				}
			}
		})
	}
	return f
}

// untilAcked reports false when ctx ended first.
func (f *fleet) untilAcked(ctx context.Context, m message) bool {
	for ctx.Err() == nil {
		started, begin := f.house.started.Load(), time.Now()
		id, status, err := f.house.post(ctx, m)
		if id != "" {
			raise(&f.slowest, int64(time.Since(begin)))
			if f.acked.Swap(started) != started {
				raise(&f.firstAck, time.Now().UnixNano()-started)
			}
			if err := f.acks.add(m.externalID, id); err != nil {
				f.house.t.Errorf("log acknowledgement: %v", err)
			}
			return true
		}
		if err == nil && status != 429 && status != 503 {
			f.odd.Add(1)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return false
}

// finish waits until all that was queued is acknowledged.
func (f *fleet) finish() {
	close(f.queue)
	f.wait.Wait()
}

func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); v > old && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// approveAll approves about so many drafts in batches, or until ctx ends,
// whatever happens to the server meanwhile.
func (o *house) approveAll(ctx context.Context, most int) {
	for n := 0; n < most && ctx.Err() == nil; {
		done := o.approveSome(ctx)
		if n += done; done == 0 {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// approveSome approves up to 20 drafts and returns how many that were.
func (o *house) approveSome(ctx context.Context) int {
	ids := o.ids(ctx, "issues", "state='draft'", 20)
	url := o.url.Load()
	if len(ids) == 0 || url == nil {
		return 0
	}
	_, raw, err := call(ctx, "POST", *url+"/api/issues/batch", map[string]any{"action": "approve", "ids": ids}, "Authorization", o.approver)
	var body struct{ Done int }
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return 0
	}
	return body.Done
}

// ids lists records by a filter, as a superuser sees them.
func (o *house) ids(ctx context.Context, collection, filter string, most int) []string {
	url := o.url.Load()
	if url == nil {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, "GET", *url+"/api/collections/"+collection+"/records", nil)
	if err != nil {
		return nil
	}
	q := req.URL.Query()
	q.Set("filter", filter)
	q.Set("perPage", fmt.Sprint(most))
	q.Set("skipTotal", "1")
	q.Set("fields", "id")
	req.URL.RawQuery = q.Encode()
	req.Header.Set("Authorization", o.admin)
	res, err := client.Do(req)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	var page struct{ Items []struct{ ID string } }
	if json.NewDecoder(res.Body).Decode(&page) != nil {
		return nil
	}
	var out []string
	for _, it := range page.Items {
		out = append(out, it.ID)
	}
	return out
}

// count asks the database, past the server, which may be dead.
func (o *house) count(t *testing.T, query string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.spec.Dir, "data.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// unsettled counts the messages that wait for triage.
func (o *house) unsettled(t *testing.T) int {
	return o.count(t, `SELECT count(*) FROM feedback WHERE state = 'received'`)
}

// waiting counts what still moves by itself.
func (o *house) waiting(t *testing.T) int {
	return o.count(t, `SELECT (SELECT count(*) FROM feedback WHERE state = 'received') +
		(SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending', 'unknown'))`)
}
