package discord

import (
	"context"
	"log/slog"
	"regexp"

	"github.com/bwmarrin/discordgo"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// tokenForm is how Discord writes an interaction's token.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_.=-]+$`)

// command takes an interaction that came over the gateway: it is stored, and
// answered within Discord's three seconds whether that worked or not.
func (l *listener) command(ctx context.Context, i *interaction) {
	if snowflake(i.ID) == 0 || !tokenForm.MatchString(i.Token) {
		return // both become part of an address
	}
	select {
	case l.commands <- struct{}{}:
	default:
		slog.Warn("discord: too many commands at once; one is left unanswered")
		return
	}
	go func() {
		defer func() { <-l.commands }()
		it, text := l.take(i)
		if it != nil {
			ctx, cancel := context.WithTimeout(ctx, storeInTime)
			defer cancel()
			if err := l.store(ctx, sdk.Batch{Items: []sdk.Item{*it}}); err != nil {
				text = "This could not be stored just now. Try again in a minute."
			}
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if err := l.ask(ctx, l.session, "POST", discordgo.EndpointInteractionResponse(i.ID, i.Token), respond(text), nil); err != nil {
			slog.Warn("discord: command not answered", "interaction", i.ID, "err", reason(err))
		}
	}()
}

// definition is a command as Discord is told of it.
type definition struct {
	Name        string       `json:"name"`
	Type        int          `json:"type"`
	Description string       `json:"description,omitempty"`
	Options     []definition `json:"options,omitempty"`
	Required    bool         `json:"required,omitempty"`
	MaxLength   int          `json:"max_length,omitempty"`
}

const stringOption = 3

var definitions = [...]definition{
	{Name: feedbackCommand, Type: slashCommand, Description: "Tell the team what is wrong or missing.", Options: []definition{
		{Name: "text", Type: stringOption, Description: "What happened, or what you would like.", Required: true, MaxLength: 4000}}},
	{Name: triageCommand, Type: menuCommand},
}

// register makes the two commands known, one by one: a command of the same name
// is replaced, and others of the application stay.
func (l *listener) register(ctx context.Context, app string) {
	for _, d := range definitions {
		if err := l.ask(ctx, l.session, "POST", discordgo.EndpointApplicationGlobalCommands(app), d, nil); err != nil && ctx.Err() == nil {
			slog.Warn("discord: command not registered", "command", d.Name, "err", reason(err))
		}
	}
}
