package durability

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// ask sends a request as a superuser and returns the answer; a status other
// than 200 fails the test.
func (o *house) ask(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	status, raw, err := call(t.Context(), method, *o.url.Load()+path, body, "Authorization", o.admin)
	if err != nil || status != 200 {
		t.Fatalf("%s %s: %d %v %s", method, path, status, err, raw)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What a person taught is kept when the process dies right after the answer,
// whether its layer was saved or not. A retraining goes on after a death.
func TestWhatWasTaughtSurvivesAKill(t *testing.T) {
	t.Parallel()
	o := build(t, nil, spec{})
	o.start()
	version := func() string {
		return o.ask(t, "GET", "/api/projects/default/learning", nil)["version"].(string)
	}
	for i := range 9 {
		m := o.ask(t, "POST", "/api/feedback?wait=20s", map[string]any{"content": fmt.Sprintf("the flux is wobbly at gate %c", 'a'+i), "source": "discord"})
		o.ask(t, "POST", "/api/feedback/"+m["FeedbackID"].(string)+"/correct", map[string]any{"class": "bug"})
		if i%3 != 2 {
			continue
		}
		taught := version()
		if i == 5 { // let it be saved, and teach one more that is not
			until(t, 30*time.Second, "the layer to be saved", func() bool { return o.count(t, `SELECT count(*) FROM layers`) == 1 })
		}
		o.kill()
		o.start()
		if now := version(); now != taught {
			t.Errorf("after lesson %d and a kill the layer is %s, it was %s", i+1, now, taught)
		}
	}
	m := o.ask(t, "POST", "/api/feedback?wait=20s", map[string]any{"content": "flux is wobbly again near the pier", "source": "discord"})
	if m["Classification"] != "bug" {
		t.Errorf("after the kills a new message is judged %v", m["Classification"])
	}

	run := o.ask(t, "POST", "/api/projects/default/learning/retrain", nil)["run"].(string)
	lost := o.ask(t, "POST", "/api/collections/runs/records", map[string]any{"project": o.project, "kind": "retrain", "state": "running", "total": 7})["id"].(string)
	o.kill()
	o.start()
	state := func(id string) string {
		return o.ask(t, "GET", "/api/collections/runs/records/"+id, nil)["state"].(string)
	}
	until(t, 30*time.Second, "the retraining to end", func() bool { return state(run) != "running" })
	if s := state(run); s != "done" {
		t.Errorf("the retraining is %s", s)
	}
	if s := state(lost); s != "failed" {
		t.Errorf("a run without a job is %s", s)
	}
}
