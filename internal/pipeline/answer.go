package pipeline

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// Answer sends what a person wrote to the author of a message: an answer, or a
// question for what is missing. An empty question asks for what the verdict
// misses.
func (p *Pipeline) Answer(id string, kind sdk.ReplyKind, text string, a Act) (*core.Record, error) {
	r, err := p.App.FindRecordById(records.Feedback, id)
	if err != nil {
		return nil, Fault(NoFeedback, "There is no message %q.", id)
	}
	if err := p.May(p.App, a.By, r.GetString("project"), triage.Triager, NoFeedback); err != nil {
		return nil, err
	}
	if kind != sdk.Text && kind != sdk.Ask {
		return nil, Fault(BadValue, "kind is message or ask.").At("kind")
	}
	c, err := p.channelOf(p.App, r)
	if err != nil {
		return nil, err
	}
	if c == nil || !c.manifest.Can(sdk.CanReply) || !c.source.GetBool("enabled") {
		return nil, Fault(NoWayBack, "Nobody can be answered on %s: it is no enabled source whose plugin replies.", r.GetString("source"))
	}
	settings, _, err := p.read(p.App, r.GetString("project"))
	if err != nil {
		return nil, err
	}
	if text = strings.TrimSpace(text); text == "" && kind == sdk.Ask {
		values := messageValues(r)
		if values["missing"] == "" {
			return nil, Fault(BadValue, "Say what to ask; the message misses nothing that we know of.").At("text")
		}
		text = words(settings, sdk.Ask, values)
	}
	if err := checkAnswer(text); err != nil {
		return nil, err
	}
	var reply *core.Record
	err = p.App.RunInTransaction(func(tx core.App) error {
		about := core.GenerateDefaultRandomId()
		reply, err = p.reply(tx, newReply{kind: kind, about: about, issue: r.GetString("issue"), text: text, author: a.By.Id, message: r, channel: c})
		if err != nil {
			return err
		}
		_, err = records.Append(tx, records.Decision{Project: r.GetString("project"), Subject: records.Feedback, SubjectID: r.Id,
			Action: "reply", ActorKind: records.ByPerson, Actor: a.By.Collection().Name + "/" + a.By.Id,
			After: map[string]any{"kind": kind}, RequestID: a.RequestID})
		return err
	})
	return reply, err
}

// Notice is what the reporters of an issue would be told, and whom it reaches.
type Notice struct {
	Reporters []heard // those that can be told, at most noticeShown
	Count     int     // all that can be told
	Silent    int     // those on channels that take no replies
	Text      string
}

// noticeShown is how many reporters a notice names.
const noticeShown = 20

// Preview says whom a notice would reach, with the words it would have.
func (p *Pipeline) Preview(id string, kind sdk.ReplyKind, a Act) (Notice, error) {
	issue, settings, err := p.noticed(id, kind, triage.Viewer, a)
	if err != nil {
		return Notice{}, err
	}
	n := Notice{Text: words(settings, kind, issueValues(issue, p.reasonOf(issue)))}
	for after := ""; ; {
		rows, err := reportersOf(p.App, issue.Id, after, tellRows)
		if err != nil {
			return n, err
		}
		for _, row := range rows {
			message, err := p.App.FindRecordById(records.Feedback, row.Feedback)
			if err != nil {
				return n, err
			}
			c, err := p.channelOf(p.App, message)
			if err != nil {
				return n, err
			}
			if !reachable(c) {
				n.Silent++
				continue
			}
			if n.Count++; len(n.Reporters) < noticeShown {
				n.Reporters = append(n.Reporters, row)
			}
		}
		if len(rows) < tellRows {
			return n, nil
		}
		after = rows[len(rows)-1].Reporter
	}
}

// Notify tells every reporter of an issue who can be reached, once for each kind.
func (p *Pipeline) Notify(id string, kind sdk.ReplyKind, text string, a Act) (int, error) {
	issue, settings, err := p.noticed(id, kind, triage.Approver, a)
	if err != nil {
		return 0, err
	}
	if text = strings.TrimSpace(text); text == "" {
		text = words(settings, kind, issueValues(issue, p.reasonOf(issue)))
	}
	if err := checkAnswer(text); err != nil {
		return 0, err
	}
	n, err := p.tellAll(issue, kind, text, a.By.Id, reachable)
	if err != nil || n == 0 {
		return n, err
	}
	err = p.App.RunInTransaction(func(tx core.App) error {
		_, err := records.Append(tx, records.Decision{Project: issue.GetString("project"), Subject: records.Issues, SubjectID: issue.Id,
			Action: "notify", ActorKind: records.ByPerson, Actor: a.By.Collection().Name + "/" + a.By.Id,
			After: map[string]any{"kind": kind, "reporters": n}, RequestID: a.RequestID})
		return err
	})
	return n, err
}

func reachable(c *channel) bool {
	return c != nil && c.source.GetBool("enabled") && c.manifest.Can(sdk.CanReply)
}

func (p *Pipeline) noticed(id string, kind sdk.ReplyKind, need triage.Role, a Act) (*core.Record, records.Settings, error) {
	issue, err := p.App.FindRecordById(records.Issues, id)
	if err != nil {
		return nil, records.Settings{}, Fault(NoIssue, "There is no issue %q.", id)
	}
	if err := p.May(p.App, a.By, issue.GetString("project"), need, NoIssue); err != nil {
		return nil, records.Settings{}, err
	}
	if kind != sdk.Filed && kind != sdk.Fixed && kind != sdk.Declined {
		return nil, records.Settings{}, Fault(BadValue, "kind is filed, fixed or declined.").At("kind")
	}
	if !stillSo(issue, kind) {
		return nil, records.Settings{}, Fault(IllegalMove, "Issue %d is %s; its reporters cannot be told that it is %s.",
			issue.GetInt("number"), issue.GetString("state"), kind)
	}
	settings, _, err := p.read(p.App, issue.GetString("project"))
	return issue, settings, err
}

// Resend sends a failed reply again: a person has looked that it did not arrive.
func (p *Pipeline) Resend(id string, a Act) (*core.Record, error) {
	r, err := p.App.FindRecordById(records.Replies, id)
	if err != nil {
		return nil, Fault(NoReply, "There is no reply %q.", id)
	}
	if err := p.May(p.App, a.By, r.GetString("project"), triage.Triager, NoReply); err != nil {
		return nil, err
	}
	err = p.App.RunInTransaction(func(tx core.App) error {
		if r, err = tx.FindRecordById(records.Replies, id); err != nil {
			return err
		}
		if s := r.GetString("state"); s != replyFailed {
			return Fault(IllegalMove, "The reply is %s; only one that failed is sent again.", s)
		}
		r.Set("state", replyPending)
		r.Set("error", "")
		r.Set("next_at", in(0))
		return tx.Save(r)
	})
	return r, err
}

// checkAnswer refuses a text that no channel would take.
func checkAnswer(text string) error {
	n := len([]rune(text))
	if n == 0 {
		return Fault(BadValue, "Say something.").At("text")
	}
	if n > longestReply {
		return Fault(BadValue, "A reply has at most %d characters; this one has %d.", longestReply, n).At("text")
	}
	return nil
}
