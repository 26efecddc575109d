package command

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func judgeCommand() *cobra.Command {
	var channel string
	c := &cobra.Command{
		Use:   "judge",
		Short: "Judge messages on standard input with the embedded engine, without a server",
		Long: `Judge messages with the embedded engine, without a server. Reads JSON Lines on
standard input: id and text, or title and body. Writes one verdict a line: id,
class with probabilities, confidence, severity, language, flags, sentences with
their roles, title, steps, criteria, labels and evidence.`,
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
			err := offline.JudgeStream(cmd.Context(), bufio.NewReader(cmd.InOrStdin()), out, ch, func(n int) {
				if progress != nil {
					progress("judged", n)
				}
			})
			return errors.Join(err, out.Flush())
		},
	}
	c.Flags().StringVar(&channel, "channel", string(triage.ChannelReview), "what kind of place the messages come from: issue, chat, review or email")
	return c
}
