package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const (
	dialTime  = 15 * time.Second
	batchSize = 20 // messages that are fetched and stored together
)

// Run reads the mailbox: what has come since the cursor, then whatever comes.
// The cursor is "VALIDITY:UID" of the last message that is stored.
func (s *Source) Run(ctx context.Context, cursor string, store sdk.Store) error {
	if s.Host == "" {
		<-ctx.Done()
		return ctx.Err()
	}
	news := make(chan struct{}, 1)
	c, box, err := s.open(ctx, &imapclient.UnilateralDataHandler{Mailbox: func(*imapclient.UnilateralDataMailbox) {
		select {
		case news <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	after, err := s.begin(c, box, cursor)
	if err != nil {
		return err
	}
	for {
		if after, err = s.fetch(ctx, c, box.UIDValidity, after, store); err != nil {
			return ended(ctx, err)
		}
		if err := s.wait(ctx, c, news); err != nil {
			return ended(ctx, err)
		}
	}
}

// ended prefers the reason why we stopped to what the closed connection says.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// open connects, signs in and selects the folder.
func (s *Source) open(ctx context.Context, on *imapclient.UnilateralDataHandler) (*imapclient.Client, *imap.SelectData, error) {
	address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("%s does not answer: %w", address, err)
	}
	options := &imapclient.Options{UnilateralDataHandler: on, TLSConfig: &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}}
	var c *imapclient.Client
	switch s.Security {
	case "none":
		c = imapclient.New(conn, options)
	case "starttls":
		c, err = imapclient.NewStartTLS(conn, options)
	default:
		secure := tls.Client(conn, options.TLSConfig)
		if err = secure.HandshakeContext(ctx); err == nil {
			c = imapclient.New(secure, options)
		}
	}
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("no secure connection to %s: %w", address, err)
	}
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.Close()
		}
	})()
	if err := c.Login(s.Username, s.Password).Wait(); err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("%s does not let %s in: %s", s.Host, s.Username, reason(err))
	}
	box, err := c.Select(s.Mailbox, nil).Wait()
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("there is no folder %q: %s", s.Mailbox, reason(err))
	}
	return c, box, nil
}

// reason is what the server says, without our command, which could hold a secret.
func reason(err error) string {
	var said *imap.Error
	if errors.As(err, &said) && said.Text != "" {
		return said.Text
	}
	return "the connection broke"
}

// begin says after which message to go on. A mailbox that was made anew counts
// its messages anew: then, as at the first start, only the backlog is read.
func (s *Source) begin(c *imapclient.Client, box *imap.SelectData, cursor string) (imap.UID, error) {
	validity, uid, _ := strings.Cut(cursor, ":")
	v, err1 := strconv.ParseUint(validity, 10, 32)
	u, err2 := strconv.ParseUint(uid, 10, 32)
	if err1 == nil && err2 == nil && uint32(v) == box.UIDValidity {
		return imap.UID(u), nil
	}
	if cursor != "" {
		slog.Warn("the mailbox was made anew; reading begins at its end", "backlog", s.Backlog)
	}
	last := box.UIDNext - 1
	if s.Backlog == 0 || box.NumMessages == 0 {
		return last, nil
	}
	first := uint32(1)
	if box.NumMessages > uint32(s.Backlog) {
		first = box.NumMessages - uint32(s.Backlog) + 1
	}
	list, err := c.Fetch(imap.SeqSet{{Start: first, Stop: first}}, &imap.FetchOptions{UID: true}).Collect()
	if err != nil || len(list) == 0 {
		return last, err
	}
	return list[0].UID - 1, nil
}

// fetch stores every message after a UID, in batches, and returns the last UID.
func (s *Source) fetch(ctx context.Context, c *imapclient.Client, validity uint32, after imap.UID, store sdk.Store) (imap.UID, error) {
	for ctx.Err() == nil {
		found, err := c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{{{Start: after + 1, Stop: 0}}}}, nil).Wait()
		if err != nil {
			return after, err
		}
		var uids []imap.UID
		for _, u := range found.AllUIDs() {
			if u > after { // "n:*" always names the last message
				uids = append(uids, u)
			}
		}
		if len(uids) == 0 {
			return after, nil
		}
		uids = uids[:min(len(uids), batchSize)]
		batch, err := s.read(c, uids)
		if err != nil {
			return after, err
		}
		last := uids[len(uids)-1]
		batch.Cursor = fmt.Sprintf("%d:%d", validity, last)
		if err := store(ctx, batch); err != nil {
			return after, err
		}
		if after = last; s.MarkSeen == nil || *s.MarkSeen {
			flag := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
			if err := c.Store(imap.UIDSetNum(uids...), flag, nil).Close(); err != nil && ctx.Err() == nil {
				slog.Warn("messages could not be marked as read", "err", err)
			}
		}
	}
	return after, ctx.Err()
}

// read fetches messages, sizes first: one that is too large is named and left
// where it is.
func (s *Source) read(c *imapclient.Client, uids []imap.UID) (sdk.Batch, error) {
	var batch sdk.Batch
	sizes, err := c.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true}).Collect()
	if err != nil {
		return batch, err
	}
	for _, m := range sizes {
		section := &imap.FetchItemBodySection{Peek: true}
		if m.RFC822Size > maxMessage {
			section.Specifier = imap.PartSpecifierHeader
		}
		list, err := c.Fetch(imap.UIDSetNum(m.UID), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			return batch, err
		}
		if len(list) == 0 {
			continue // moved or deleted meanwhile
		}
		raw := list[0].FindBodySection(section)
		if section.Specifier != "" {
			raw = append(raw, fmt.Sprintf("\r\n\r\nThis message has %d MiB. It was left in the mailbox %s.", m.RFC822Size>>20, s.Mailbox)...)
			raw = plainBody(raw)
		}
		item, why, err := s.itemOf(raw, m.InternalDate)
		switch {
		case err != nil:
			slog.Warn("message left out", "uid", m.UID, "err", err)
		case why != "":
			slog.Info("message left out", "uid", m.UID, "why", why)
		default:
			batch.Items = append(batch.Items, item)
		}
	}
	return batch, nil
}

// plainBody keeps a header from saying what its own body no longer is.
func plainBody(raw []byte) []byte {
	head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	var kept []string
	skip := false
	for line := range strings.SplitSeq(head, "\r\n") {
		folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		if !folded {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			skip = name == "content-type" || name == "content-transfer-encoding" || name == ""
		}
		if !skip {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, "\r\n") + "\r\n\r\n" + strings.TrimLeft(body, "\r\n"))
}

// wait returns when the server tells of something new, or after a while. A
// server without IDLE is asked every minute.
func (s *Source) wait(ctx context.Context, c *imapclient.Client, news <-chan struct{}) error {
	if !c.Caps().Has(imap.CapIdle) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
			return c.Noop().Wait()
		}
	}
	idle, err := c.Idle()
	if err != nil {
		return err
	}
	broken := make(chan error, 1)
	go func() { broken <- idle.Wait() }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-broken:
		return errors.Join(errors.New("the server has ended the connection"), err)
	case <-news:
	case <-time.After(s.idle):
	}
	if err := idle.Close(); err != nil {
		return err
	}
	return <-broken
}
