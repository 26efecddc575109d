package offline

import (
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The product's own acceptance checks, in the words of docs.
func TestJudgesTheAcceptanceChecks(t *testing.T) {
	t.Parallel()
	e := New()
	const bug, feature, question = triage.Bug, triage.Feature, triage.Question
	for _, c := range []struct {
		text    string
		channel triage.Channel
		class   triage.Class
		from    triage.Severity // mildest allowed
		to      triage.Severity // worst allowed
	}{
		{"App crashes when I click the login button", triage.ChannelChat, bug, triage.High, triage.Critical},
		{"Please add dark mode to the application", triage.ChannelChat, feature, triage.Low, triage.Medium},
		{"How do I reset my password?", triage.ChannelEmail, question, triage.Low, triage.Medium},
		{"Complete data loss when saving files", triage.ChannelIssue, bug, triage.Critical, triage.Critical},
		{"Login button not working on mobile", triage.ChannelChat, bug, triage.Low, triage.Critical},
		{"Please fix the crash", triage.ChannelChat, bug, triage.High, triage.Critical},
		{"It would be great if it stopped crashing", triage.ChannelChat, bug, triage.Medium, triage.Critical},
		{"How do I stop it from deleting my files?", triage.ChannelChat, bug, triage.Medium, triage.Critical},
		{"🚀 App crashes when processing 你好世界 🎉", triage.ChannelChat, bug, triage.High, triage.Critical},
		{"There is a critical typo in the footer", triage.ChannelChat, bug, triage.Low, triage.Medium},
		{"critical typo in footer", triage.ChannelChat, bug, triage.Low, triage.Medium},
		{"no data loss, just a cosmetic glitch", triage.ChannelChat, bug, triage.Low, triage.Low},
	} {
		for _, ch := range []triage.Channel{c.channel, triage.ChannelReview, triage.ChannelChat, triage.ChannelEmail, triage.ChannelIssue} {
			v := e.Judge(triage.Item{Text: c.text, Channel: ch})
			if v.Class != c.class {
				t.Errorf("%s %q: class %s %v, want %s", ch, c.text, v.Class, v.Probabilities, c.class)
			}
			if v.Severity.Rank() < c.from.Rank() || v.Severity.Rank() > c.to.Rank() {
				t.Errorf("%s %q: severity %s %v, want %s to %s", ch, c.text, v.Severity, v.SeverityProbs, c.from, c.to)
			}
		}
	}
}
