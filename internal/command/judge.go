package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func judgeCommand(o *Options) *cobra.Command {
	var channel, engine string
	c := &cobra.Command{
		Use:   "judge",
		Short: "Judge messages on standard input, without a server",
		Long: `Judge messages with the embedded engine, or with the configured language model
(--engine llm; docs/llm.md), without a server. Reads JSON Lines on
standard input: id and text, or title and body. Writes one verdict a line: id,
class with probabilities, confidence, severity, language, flags, sentences with
their roles, title, steps, criteria, labels and evidence. A line that the model
gave no verdict on has the embedded engine's, and says why in "degraded".`,
		Example: `  echo '{"id":1,"text":"App crashes when I click login"}' | iterateswarm judge --channel chat`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ch := triage.Channel(channel)
			switch ch {
			case triage.ChannelIssue, triage.ChannelChat, triage.ChannelReview, triage.ChannelEmail:
			default:
				return usageError{fmt.Errorf("unknown channel %q; there are issue, chat, review and email", channel)}
			}
			progress := lineProgress(cmd.ErrOrStderr())
			out := bufio.NewWriter(cmd.OutOrStdout())
			done := func(n int) {
				if progress != nil {
					progress("judged", n)
				}
			}
			var err error
			switch engine {
			case "offline":
				err = offline.JudgeStream(cmd.Context(), bufio.NewReader(cmd.InOrStdin()), out, ch, done)
			case "llm":
				err = judgeWithModel(cmd.Context(), *o, cmd.InOrStdin(), out, ch, done)
			default:
				return usageError{fmt.Errorf("unknown engine %q; there are offline and llm", engine)}
			}
			return errors.Join(err, out.Flush())
		},
	}
	c.Flags().StringVar(&channel, "channel", string(triage.ChannelReview), "what kind of place the messages come from: issue, chat, review or email")
	c.Flags().StringVar(&engine, "engine", "offline", "which engine judges: offline, or llm for the configured language model")
	return c
}

// byModel is one line that judging with a model writes.
type byModel struct {
	ID json.RawMessage `json:"id"`
	triage.Verdict
	Degraded string `json:"degraded,omitempty"` // why it is the embedded engine's verdict after all
}

// judgeWithModel judges one line after the other. It waits when the model asks
// to, and at our own rate.
func judgeWithModel(ctx context.Context, o Options, r io.Reader, w io.Writer, ch triage.Channel, done func(int)) error {
	model, err := openModel(o)
	if err != nil {
		return err
	}
	if model == nil {
		return errors.New("no language model is configured: set ITERATESWARM_LLM_MODEL, see docs/llm.md")
	}
	embedded := offline.New()
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), 16<<20)
	for n, line := 0, 1; in.Scan(); line++ {
		if len(in.Bytes()) == 0 {
			continue
		}
		var l offline.Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return fmt.Errorf("judge line %d: %w", line, err)
		}
		it := l.Item(ch)
		out := byModel{ID: l.ID, Verdict: embedded.Judge(it)}
		th, err := model.JudgePatiently(ctx, it, out.Verdict)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			out.Degraded = err.Error()
		default:
			out.Verdict = th.Verdict
		}
		if err := enc.Encode(out); err != nil {
			return fmt.Errorf("judge line %d: %w", line, err)
		}
		n++
		done(n)
	}
	return in.Err()
}
