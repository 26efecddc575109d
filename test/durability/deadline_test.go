package durability

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// deadline is what the slowest answer may take: Slack and Discord give a sender
// three seconds.
const deadline = 2500 * time.Millisecond

// A sender gets its answer in time while the tracker hangs and thousands of
// messages wait. Not parallel: it measures.
func TestAnswersInTimeWhileTheTrackerHangs(t *testing.T) {
	depth, n := 6000, 300
	if testing.Short() {
		depth, n = 300, 60
	}
	h := newHub(t, 31)
	hold := make(chan struct{})
	h.set(func(h *hub) { h.hold = hold })
	defer close(hold)
	o := build(t, h, spec{})
	secret := []byte("0123456789abcdef0123456789abcdef")
	o.start()
	source := o.create(t, "sources", map[string]any{"project": o.project, "name": "Hook", "slug": "hook", "plugin": "webhook", "enabled": true,
		"config": map[string]any{"secrets": []string{"whsec_" + base64.StdEncoding.EncodeToString(secret)}}})
	until(t, 20*time.Second, "the source to run", func() bool {
		return len(o.ids(t.Context(), "sources", "id='"+source+"' && status='running'", 1)) == 1
	})
	ctx := t.Context()
	for _, m := range distinct(20, 32) {
		if _, status, err := o.post(ctx, m); err != nil || status != 200 {
			t.Fatalf("post: %d %v", status, err)
		}
	}
	until(t, 30*time.Second, "drafts", func() bool { return o.approveSome(ctx) > 0 })
	until(t, 30*time.Second, "the tracker to be asked", func() bool { return h.asked() > 0 })

	// The queue is made deep, and goes on growing while the answers are measured.
	acks := newAckLog(t, o.root)
	backlog := o.fleet(ctx, 8, acks)
	for _, m := range distinct(depth, 33) {
		backlog.queue <- message{"b" + m.externalID, m.content, m.user}
	}
	until(t, 2*time.Minute, "a deep queue", func() bool { return int(acks.n.Load()) >= depth*2/3 })
	t.Logf("%d messages wait for triage", o.unsettled(t))
	var mu sync.Mutex
	took := map[string][]time.Duration{}
	var bad atomic.Int64
	together(4, func(c int) {
		for i, m := range distinct(n/4, uint64(40+c)) {
			m.externalID = fmt.Sprintf("c%d-%d", c, i)
			begin := time.Now()
			kind := "post"
			var status int
			var err error
			if i%2 == 0 {
				kind = "webhook"
				status, err = o.webhook(m, secret)
			} else {
				_, status, err = o.post(ctx, m)
			}
			if err != nil || status/100 != 2 {
				bad.Add(1)
				t.Logf("%s: %d %v", kind, status, err)
			}
			mu.Lock()
			took[kind] = append(took[kind], time.Since(begin))
			mu.Unlock()
		}
	})
	want(t, "answers other than 2xx", int(bad.Load()), 0)
	for kind, list := range took {
		slices.Sort(list)
		most := list[len(list)-1]
		t.Logf("%s: %d answers, p50 %v, p99 %v, max %v", kind, len(list), list[len(list)/2], list[len(list)*99/100], most)
		if most > deadline {
			t.Errorf("the slowest %s took %v, want at most %v", kind, most, deadline)
		}
	}
	close(backlog.queue)
}

// create makes a record as a superuser and returns its id.
func (o *house) create(t *testing.T, collection string, fields map[string]any) string {
	t.Helper()
	status, raw, err := call(t.Context(), "POST", *o.url.Load()+"/api/collections/"+collection+"/records", fields, "Authorization", o.admin)
	var body struct{ ID string }
	if err != nil || status != 200 || json.Unmarshal(raw, &body) != nil {
		t.Fatalf("create %s: %d %v %s", collection, status, err, raw)
	}
	return body.ID
}

// webhook sends a message with a Standard Webhooks signature.
func (o *house) webhook(m message, secret []byte) (int, error) {
	body, err := json.Marshal(map[string]any{"content": m.content, "user_id": m.user})
	if err != nil {
		return 0, err
	}
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", m.externalID, stamp, body)
	req, err := http.NewRequest("POST", *o.url.Load()+"/webhooks/hook", strings.NewReader(string(body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", m.externalID)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}
