package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	openTimeout  = 30 * time.Second // until the gateway has said hello and ready
	reopenMost   = 2 * time.Minute  // longest wait between two tries
	buffered     = 1000             // messages that wait to be stored; when more come, history is read instead
	waitingMarks = 100              // marked messages that wait to be fetched
	storeInTime  = 2 * time.Second  // a command must be answered within three
)

// listener is one Run: a connection that only puts things into queues, and one
// worker that stores them.
type listener struct {
	*Source
	session *discordgo.Session
	store   sdk.Store

	messages chan sdk.Item
	marks    chan reaction
	commands chan struct{} // one token for each command that is being stored
	closed   chan struct{} // the connection broke

	mu       sync.Mutex
	conn     net.Conn
	app      string             // the application's id
	places   map[string]channel // the chosen channels, and the threads in them
	gaps     map[string]bool    // guilds whose history is to be read
	awaited  map[string]bool    // guilds that have not told their channels yet
	overflow bool               // a message did not fit into the buffer
	queued   uint64             // the latest message that did
	wake     chan struct{}
	high     uint64 // the latest message stored
	cursor   uint64 // everything up to it is stored
}

// Run listens until ctx ends. The cursor is the id of a message: everything up
// to it is stored. It begins with now.
func (s *Source) Run(ctx context.Context, cursor string, store sdk.Store) error {
	l := &listener{
		Source: s, session: s.newSession(), store: store,
		messages: make(chan sdk.Item, buffered), marks: make(chan reaction, waitingMarks), commands: make(chan struct{}, 8),
		closed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		places: map[string]channel{}, gaps: map[string]bool{}, awaited: map[string]bool{}, cursor: snowflake(cursor),
	}
	if l.cursor == 0 {
		l.cursor = idAt(s.now())
	}
	l.high = l.cursor
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.session.ShouldReconnectOnError = false // we do it, so that it ends with ctx
	l.session.SyncEvents = true              // in order; the handler never waits
	l.session.Identify.Intents = s.intents()
	l.session.Dialer = &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: openTimeout, NetDialContext: l.dial}
	l.session.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) { l.event(ctx, e) })
	l.session.AddHandler(func(*discordgo.Session, *discordgo.Disconnect) { signal(l.closed) })
	if err := l.keep(ctx, nil); err != nil {
		return err
	}
	if err := l.open(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { l.fetchMarks(ctx) })
	err := l.work(ctx)
	cancel()
	l.hangUp()
	_ = l.session.Close() // the connection is gone; this ends the heartbeat
	all.Wait()
	return err
}

// intents is what Discord is asked to send: nothing but commands, unless there
// is something to listen to.
func (s *Source) intents() discordgo.Intent {
	var i discordgo.Intent
	if len(s.config.Channels) > 0 {
		i |= discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentMessageContent
	}
	if s.config.Emoji != "" {
		i |= discordgo.IntentGuildMessageReactions | discordgo.IntentMessageContent
	}
	return i
}

// dial keeps the connection, so that it can be closed while discordgo waits.
func (l *listener) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		l.mu.Lock()
		l.conn = conn
		l.mu.Unlock()
	}
	return conn, err
}

func (l *listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// open connects, or resumes a session that broke.
func (l *listener) open(ctx context.Context) error {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-ctx.Done():
		case <-time.After(openTimeout):
		case <-done:
			return
		}
		l.hangUp()
	}()
	err := l.session.Open()
	if errors.Is(err, discordgo.ErrWSAlreadyOpen) {
		err = nil // a late word of the connection before
	}
	l.setTrouble(inWords(err))
	if err != nil {
		return errors.New(inWords(err))
	}
	return nil
}

func (s *Source) setTrouble(words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = words
}

// inWords says why there is no gateway.
func inWords(err error) string {
	if err == nil {
		return ""
	}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch closed.Code {
		case 4004:
			return "Discord does not accept the token. Reset it in the Developer Portal under Bot."
		case 4014:
			return "Discord does not allow the Message Content Intent. Switch it on in the Developer Portal under Bot."
		}
		return fmt.Sprintf("The gateway closed the connection: %d %s.", closed.Code, closed.Text)
	}
	if statusOf(err) == http.StatusUnauthorized {
		return "Discord does not accept the token. Reset it in the Developer Portal under Bot."
	}
	return "The gateway cannot be reached: " + reason(err) + "."
}

// work stores what comes, reads gaps, and connects again, until ctx ends.
func (l *listener) work(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closed:
			if err := l.reopen(ctx); err != nil {
				return err
			}
		case <-l.wake:
			if err := l.fill(ctx); err != nil {
				return err
			}
		case it := <-l.messages:
			if err := l.keep(ctx, l.more(it)); err != nil {
				return err
			}
		}
	}
}

// more adds to a message what waits behind it.
func (l *listener) more(it sdk.Item) []sdk.Item {
	items := []sdk.Item{it}
	for len(items) < sdk.MaxBatch {
		select {
		case it := <-l.messages:
			items = append(items, it)
		default:
			return items
		}
	}
	return items
}

// keep stores messages, and the cursor when nothing before them is missing.
func (l *listener) keep(ctx context.Context, items []sdk.Item) error {
	b := sdk.Batch{Items: items}
	l.mu.Lock()
	for _, it := range items {
		l.high = max(l.high, snowflake(it.ExternalID))
	}
	whole := len(l.gaps) == 0 && len(l.awaited) == 0 && !l.overflow
	if whole {
		l.cursor = max(l.cursor, l.high)
	}
	b.Cursor = fmt.Sprint(l.cursor)
	if l.overflow && len(l.messages) == 0 { // the buffer is empty again: read what did not fit
		signal(l.wake)
	}
	l.mu.Unlock()
	return l.store(ctx, b)
}

// reopen connects again, sooner or later. Only what another try cannot mend
// ends the listener.
func (l *listener) reopen(ctx context.Context) error {
	slog.Warn("discord gateway closed")
	for wait := time.Second; ; wait = min(2*wait, reopenMost) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		err := l.open(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slog.Warn("discord gateway", "err", err)
	}
}

// event is called by the connection and never waits.
func (l *listener) event(ctx context.Context, e *discordgo.Event) {
	switch e.Type {
	case "READY":
		l.ready(ctx, e.RawData)
	case "GUILD_CREATE":
		l.guild(e.RawData)
	case "GUILD_DELETE":
		var g struct{ ID string }
		if json.Unmarshal(e.RawData, &g) == nil {
			l.mu.Lock()
			delete(l.awaited, g.ID)
			l.mu.Unlock()
		}
	case "CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE":
		var c channel
		if json.Unmarshal(e.RawData, &c) == nil {
			l.learn(c)
		}
	case "THREAD_LIST_SYNC":
		var list struct {
			GuildID string    `json:"guild_id"`
			Threads []channel `json:"threads"`
		}
		if json.Unmarshal(e.RawData, &list) == nil {
			for _, c := range list.Threads {
				c.GuildID = list.GuildID
				l.learn(c)
			}
		}
	case "THREAD_DELETE", "CHANNEL_DELETE":
		var c channel
		if json.Unmarshal(e.RawData, &c) == nil {
			l.mu.Lock()
			delete(l.places, c.ID)
			l.mu.Unlock()
		}
	case "MESSAGE_CREATE":
		var m message
		if json.Unmarshal(e.RawData, &m) == nil {
			l.message(&m)
		}
	case "MESSAGE_REACTION_ADD":
		var r reaction
		if json.Unmarshal(e.RawData, &r) == nil {
			l.mark(r)
		}
	case "INTERACTION_CREATE":
		var i interaction
		if json.Unmarshal(e.RawData, &i) == nil {
			l.command(ctx, &i)
		}
	}
}

// ready begins a session. A session that is not a resumed one may have missed
// messages: every guild's history is read as soon as it tells its channels.
func (l *listener) ready(ctx context.Context, raw json.RawMessage) {
	var r struct {
		User        user `json:"user"`
		Application struct {
			ID string `json:"id"`
		} `json:"application"`
		Guilds []struct {
			ID string `json:"id"`
		} `json:"guilds"`
	}
	if json.Unmarshal(raw, &r) != nil {
		return
	}
	l.iAm(r.User.ID)
	l.mu.Lock()
	first := l.app == ""
	l.app = r.Application.ID
	if len(l.config.Channels) > 0 {
		for _, g := range r.Guilds {
			l.awaited[g.ID] = true
		}
	}
	l.mu.Unlock()
	if first && r.Application.ID != "" {
		go l.register(ctx, r.Application.ID)
	}
}

// guild learns which of a guild's channels and threads are ours.
func (l *listener) guild(raw json.RawMessage) {
	var g struct {
		ID          string    `json:"id"`
		Unavailable bool      `json:"unavailable"`
		Channels    []channel `json:"channels"`
		Threads     []channel `json:"threads"`
	}
	if json.Unmarshal(raw, &g) != nil || g.Unavailable {
		return
	}
	for _, c := range append(g.Channels, g.Threads...) {
		c.GuildID = g.ID
		l.learn(c)
	}
	l.mu.Lock()
	delete(l.awaited, g.ID)
	l.gaps[g.ID] = true
	l.mu.Unlock()
	signal(l.wake)
}

// mostPlaces bounds how many threads are known at once.
const mostPlaces = 20_000

// learn keeps a channel when we listen to it.
func (l *listener) learn(c channel) {
	if !l.chosen(c.ID) && !(c.isThread() && l.chosen(c.Parent)) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) < mostPlaces || l.chosen(c.ID) {
		l.places[c.ID] = c
	}
}

// message queues what a person wrote in a place of ours.
func (l *listener) message(m *message) {
	l.mu.Lock()
	in, ours := l.places[m.ChannelID]
	l.mu.Unlock()
	if !ours {
		if !l.chosen(m.ChannelID) {
			return
		}
		in = channel{ID: m.ChannelID, GuildID: m.GuildID}
	}
	it := item(m, in, l.myself())
	if it == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.overflow {
		return // read from the history with the one that did not fit
	}
	select {
	case l.messages <- *it:
		l.queued = max(l.queued, snowflake(it.ExternalID))
	default:
		l.overflow = true
	}
}

func (s *Source) myself() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.me
}

// signal wakes whoever waits, if nobody has yet.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
