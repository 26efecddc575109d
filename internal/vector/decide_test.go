package vector

import (
	"testing"
	"time"
)

func TestDecideJoinsOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		old, new string
		join     bool
	}{
		{"App crashes when I click the login button", "the app crashes when clicking the login button!!", true},
		{"App crashes when I click the login button", "app crashes when i click the login button", true},
		{"it crashes", "It crashes!", true},
		{"help", "help", true},
		{"The export of the monthly report hangs at ninety percent", "the export of monthly reports hangs at ninety percent", true},
		{"The login page shows a blank screen after update", "Login page showing a blank screen after the update :(", true},

		{"Error 404 on login", "Error 500 on login", false},
		{"export to CSV", "export to PDF", false},
		{"export the report to csv please", "export the report to pdf please", false},
		{"it crashes", "it crashes again", false},
		{"it crashes", "crash", false},
		{"The app crashes on startup since version 2.1.0", "The app crashes on startup since version 2.1.1", false},
		{"Notifications arrive on my phone after the update", "Notifications do not arrive on my phone after the update", false},
		{"I can log in with my Google account", "I can't log in with my Google account", false},
		{"Copying a file from the server to the client loses data", "Copying a file from the client to the server loses data", false},
		{"The settings page crashes on Android tablet", "The settings page crashes on an iPad tablet", false},
		{"Crash in C++ generated code when linking", "Crash in C# generated code when linking", false},
		{"How much could I top up with my card today", "how much for topping up my account by card today", false},
		{"Why are the requirements to verify my identity so strict", "How are the requirements to verify my identity so strict", false},
		{"The app crashes before login on the tablet screen", "The app crashes after login on the tablet screen", false},
		{"Playback stops when the screen turns off", "Playback stops when the screen turns on", false},
		{`Saving fails with "disk is full" on the server`, `Saving fails with "permission denied" on the server`, false},
		{"User.getName returns null after the migration", "User.getEmail returns null after the migration", false},
		{"Dark mode makes the text unreadable on the board", "Light mode makes the text unreadable on the board", false},
		{"", "", false},
		{"App crashes when I click the login button", "Dark mode please", false},
	}
	for _, tt := range tests {
		ix := New()
		ix.Add(Doc{ID: "a", Project: "p", Group: "i1", Text: tt.old, At: time.Unix(1, 0)})
		ix.Add(Doc{ID: "b", Project: "p", Group: "i2", Text: "Something else is slow today", At: time.Unix(2, 0)})
		q := Query{Project: "p", Text: tt.new}
		hits := ix.Search(q)
		d := Decide(q, hits, DefaultThresholds)
		if d.Join != tt.join {
			t.Errorf("Decide(%q after %q).Join = %v, want %v (why %q, why not %q)", tt.new, tt.old, d.Join, tt.join, d.Why, d.WhyNot)
		}
		if d.Join && d.Hit.ID != "a" {
			t.Errorf("Decide(%q) joined %s, want a", tt.new, d.Hit.ID)
		}
		t.Logf("%-60q score %.3f %v %q | %q", tt.new, d.Hit.Score, d.Hit.Shared, d.Why, d.WhyNot)
	}
}
