package pluginhost

import (
	"testing"
	"time"
)

func TestRestarts(t *testing.T) {
	t.Parallel()
	defaults := Timing{}.withDefaults()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type crash struct {
		after, up time.Duration // since the last crash; how long the process had run
		want      time.Duration // -1: quarantined
	}
	for name, crashes := range map[string][]crash{
		"doubles, then gives up": {{0, 0, time.Second}, {1, 0, 2 * time.Second}, {1, 0, 4 * time.Second}, {1, 0, -1}},
		"a healthy minute starts over": {
			{0, 0, time.Second}, {time.Minute, 0, 2 * time.Second}, {2 * time.Minute, time.Minute, time.Second}},
		"at most a minute, as long as crashes are rare": {
			{0, 0, 1 * time.Second}, {5 * time.Minute, 0, 2 * time.Second}, {5 * time.Minute, 0, 4 * time.Second},
			{5 * time.Minute, 0, 8 * time.Second}, {5 * time.Minute, 0, 16 * time.Second}, {5 * time.Minute, 0, 32 * time.Second},
			{5 * time.Minute, 0, time.Minute}, {5 * time.Minute, 0, time.Minute}},
		"the fourth within ten minutes": {
			{0, 0, time.Second}, {3 * time.Minute, time.Minute, time.Second}, {3 * time.Minute, time.Minute, time.Second},
			{3 * time.Minute, time.Minute, -1}},
		"the fourth just after ten minutes": {
			{0, 0, time.Second}, {3 * time.Minute, time.Minute, time.Second}, {3 * time.Minute, time.Minute, time.Second},
			{4 * time.Minute, time.Minute, time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r restarts
			at := now
			for i, c := range crashes {
				at = at.Add(c.after)
				wait, giveUp := r.crash(at, c.up, defaults)
				if giveUp != (c.want < 0) || !giveUp && wait != c.want {
					t.Errorf("crash %d: wait %v, give up %v; want %v", i+1, wait, giveUp, c.want)
				}
			}
		})
	}
}
