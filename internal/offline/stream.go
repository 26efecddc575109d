package offline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// Line is one line that JudgeStream reads: an id with a text, or with a title
// and a body. A channel on the line wins over the one given for all.
type Line struct {
	ID         json.RawMessage `json:"id"` // any JSON value; it comes back as it was
	Text       string          `json:"text"`
	Title      string          `json:"title"`
	Body       string          `json:"body"`
	Channel    triage.Channel  `json:"channel"`
	Labels     labelList       `json:"labels"`
	Components labelList       `json:"components"`
}

// labelList reads a list of names and overlooks anything else, since files of
// strangers use these two keys for other things.
type labelList []string

// UnmarshalJSON never fails.
func (l *labelList) UnmarshalJSON(b []byte) error {
	var names []string
	if json.Unmarshal(b, &names) == nil {
		*l = names
	}
	return nil
}

// Item is what the line asks to judge.
func (l Line) Item(channel triage.Channel) triage.Item {
	it := triage.Item{Title: l.Title, Text: l.Text, Channel: channel, Labels: l.Labels, Components: l.Components}
	if it.Text == "" {
		it.Text = l.Body
	} else if l.Body != "" && it.Title == "" {
		it.Title, it.Text = l.Text, l.Body
	}
	switch l.Channel {
	case triage.ChannelIssue, triage.ChannelChat, triage.ChannelReview, triage.ChannelEmail:
		it.Channel = l.Channel
	}
	return it
}

// Judged is one line that JudgeStream writes.
type Judged struct {
	ID json.RawMessage `json:"id"`
	triage.Verdict
	Risks Risks `json:"risks"` // the numbers behind the flags
}

// maxLine is the longest line JudgeStream reads, in bytes.
const maxLine = 16 << 20

// JudgeStream reads JSON Lines from r, judges each with the embedded engine and
// writes one verdict a line to w, in order. It stops at the first line that is
// not JSON and names it. After every line it calls progress, unless that is
// nil, with the number of lines done. An empty channel reads as a review.
func JudgeStream(ctx context.Context, r io.Reader, w io.Writer, channel triage.Channel, progress func(done int)) error {
	return New().JudgeStream(ctx, r, w, channel, progress)
}

// JudgeStream is the function of the same name on an engine of one's own.
func (e *Engine) JudgeStream(ctx context.Context, r io.Reader, w io.Writer, channel triage.Channel, progress func(done int)) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	line, done := 0, 0
	for in.Scan() {
		line++
		if err := ctx.Err(); err != nil {
			return errors.Join(err, out.Flush())
		}
		if len(in.Bytes()) == 0 {
			continue
		}
		var l Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return errors.Join(fmt.Errorf("judge line %d: %w", line, err), out.Flush())
		}
		v, risks := e.judge(nil, l.Item(channel))
		if err := enc.Encode(Judged{ID: l.ID, Verdict: v, Risks: risks}); err != nil {
			return fmt.Errorf("judge line %d: %w", line, err)
		}
		done++
		if progress != nil {
			progress(done)
		}
	}
	if err := in.Err(); err != nil {
		return errors.Join(fmt.Errorf("judge line %d: %w", line+1, err), out.Flush())
	}
	return out.Flush()
}
