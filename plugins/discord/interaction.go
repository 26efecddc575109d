package discord

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// The names of the commands, as people see them.
const (
	feedbackCommand = "feedback"
	triageCommand   = "Send to triage"
)

// Discord's numbers.
const (
	pingInteraction    = 1
	commandInteraction = 2

	slashCommand = 1
	menuCommand  = 3

	pong     = 1
	replyNow = 4

	ephemeral      = 1 << 6 // only the one who asked sees it
	suppressEmbeds = 1 << 2 // no preview of links
)

// interaction is the use of a command.
type interaction struct {
	ID            string   `json:"id"`
	ApplicationID string   `json:"application_id"`
	Type          int      `json:"type"`
	Token         string   `json:"token"`
	GuildID       string   `json:"guild_id"`
	ChannelID     string   `json:"channel_id"`
	Channel       *channel `json:"channel"`
	Member        *struct {
		User *user `json:"user"`
	} `json:"member"`
	User *user `json:"user"`
	Data struct {
		Name    string `json:"name"`
		Type    int    `json:"type"`
		Target  string `json:"target_id"`
		Options []struct {
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		} `json:"options"`
		Resolved struct {
			Messages map[string]*message `json:"messages"`
		} `json:"resolved"`
	} `json:"data"`
}

// HandleWebhook is the interactions endpoint. It answers 401 with an empty body
// to every request whose signature is not in order, whatever the reason.
func (s *Source) HandleWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReply, error) {
	if req.Method != http.MethodPost {
		return sdk.WebhookReply{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {"POST"}}}, nil
	}
	if !signed(s.key, req.Header, req.Body, s.now()) {
		return sdk.WebhookReply{Status: http.StatusUnauthorized}, nil
	}
	if e := req.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return answer(http.StatusUnsupportedMediaType, map[string]string{"message": "The body is compressed; send it as it is."}), nil
	}
	var i interaction
	if err := json.Unmarshal(req.Body, &i); err != nil || i.Type == 0 {
		return answer(http.StatusBadRequest, map[string]string{"message": "The body is not an interaction."}), nil
	}
	if i.Type == pingInteraction {
		return answer(http.StatusOK, map[string]int{"type": pong}), nil
	}
	it, text := s.take(&i)
	reply := answer(http.StatusOK, respond(text))
	if it != nil {
		reply.Items = []sdk.Item{*it}
	}
	return reply, nil
}

func answer(status int, v any) sdk.WebhookReply {
	b, _ := json.Marshal(v) // strings, numbers and maps always encode
	return sdk.WebhookReply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: b}
}

// silent mentions nobody.
var silent = mentions{Parse: []string{}}

type mentions struct {
	Parse []string `json:"parse"`
}

type response struct {
	Type int          `json:"type"`
	Data responseData `json:"data"`
}

type responseData struct {
	Content  string   `json:"content"`
	Flags    int      `json:"flags"`
	Mentions mentions `json:"allowed_mentions"`
}

// respond is an answer that only the one who used the command sees.
func respond(text string) response {
	return response{replyNow, responseData{text, ephemeral, silent}}
}

// take returns the feedback of an interaction, and what to say to the one who
// used the command once it is stored.
func (s *Source) take(i *interaction) (*sdk.Item, string) {
	who := i.User
	if i.Member != nil && i.Member.User != nil {
		who = i.Member.User
	}
	in := channel{ID: i.ChannelID, GuildID: i.GuildID}
	if i.Channel != nil {
		in = *i.Channel
		in.GuildID = i.GuildID
	}
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	switch {
	case i.Type != commandInteraction || who == nil || who.Bot:
		return nil, "This is not known here."
	case i.Data.Type == menuCommand && i.Data.Name == triageCommand:
		m := i.Data.Resolved.Messages[i.Data.Target]
		if m == nil || m.ID != i.Data.Target {
			return nil, "Discord did not send the message along. Try again."
		}
		if m.ChannelID == "" {
			m.ChannelID = i.ChannelID
		}
		it := item(m, in, me)
		if it == nil {
			return nil, "Messages of bots and messages without text are not taken."
		}
		return it, "Thank you. The message is taken."
	case (i.Data.Type == slashCommand || i.Data.Type == 0) && i.Data.Name == feedbackCommand:
		return s.feedback(i, who, in)
	}
	return nil, "This is not known here."
}

// feedback is the message of /feedback.
func (s *Source) feedback(i *interaction, who *user, in channel) (*sdk.Item, string) {
	it := &sdk.Item{ExternalID: i.ID, AuthorID: who.ID, AuthorHandle: who.handle(), Created: timeOf(i.ID)}
	for _, o := range i.Data.Options {
		if o.Name == "text" {
			_ = json.Unmarshal(o.Value, &it.Content) // anything but text stays empty
		}
	}
	if snowflake(i.ID) == 0 || isBlank(it.Content) {
		return nil, "There is no text. Write /feedback and what you have to say."
	}
	it.Content = cut(it.Content, maxContent)
	it.ContextJSON = place{Guild: i.GuildID, Channel: i.ChannelID, Thread: in.isThread(), Command: true}.json()
	return it, "Thank you. Your feedback is stored."
}
