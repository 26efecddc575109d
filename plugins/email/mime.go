package email

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// The limits of a message. The walk over its parts is bounded by them, whatever
// the message says of itself: nested multiparts without an end cost other
// parsers time that doubles with each level.
const (
	maxMessage = 10 << 20 // bytes, as it came
	maxHeader  = 64 << 10 // bytes of one header
	maxDepth   = 10       // multiparts inside one another
	maxParts   = 100
	maxText    = 60 << 10 // bytes of text that are kept; the host takes 64 KiB
	maxFiles   = 20       // attachments that are named
)

// file is an attachment; its content is left behind.
type file struct {
	name string
	kind string
	size int64
}

// content is what the parts of a message hold.
type content struct {
	plain string
	html  string
	files []file
	cut   bool // a limit was reached: there was more
}

// header is a message's header with its words decoded.
type header struct{ mail.Header }

// get is one field, decoded, in one line.
func (h header) get(name string) string { return decoded(h.Header.Get(name)) }

// words decodes encoded words in any charset that browsers know.
var words = &mime.WordDecoder{CharsetReader: charsetReader}

func decoded(s string) string {
	if d, err := words.DecodeHeader(s); err == nil {
		s = d
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
}

func charsetReader(charset string, input io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("unknown charset %q", charset)
	}
	return e.NewDecoder().Reader(input), nil
}

var errLimit = errors.New("the message is larger than 10 MiB")

// parse reads a raw message. It fails only when there is no header to be read.
func parse(raw []byte) (header, content, error) {
	if len(raw) > maxMessage {
		return header{}, content{}, errLimit
	}
	head, body, _ := split(raw)
	if len(bytes.TrimSpace(head)) == 0 {
		return header{}, content{}, errors.New("there is no message")
	}
	if len(head) > maxHeader {
		return header{}, content{}, fmt.Errorf("the header is larger than %d KiB", maxHeader>>10)
	}
	m, err := mail.ReadMessage(bytes.NewReader(append(append([]byte{}, head...), "\r\n\r\n"...)))
	if err != nil {
		return header{}, content{}, errors.New("this is no message: its header cannot be read")
	}
	w := &walk{}
	w.part(textproto.MIMEHeader(m.Header), bytes.NewReader(body), 0)
	return header{m.Header}, w.content, nil
}

// split finds the end of the header.
func split(raw []byte) (head, body []byte, ok bool) {
	for _, sep := range []string{"\r\n\r\n", "\n\n"} {
		if h, b, found := bytes.Cut(raw, []byte(sep)); found {
			return h, b, true
		}
	}
	return bytes.TrimRight(raw, "\r\n"), nil, false
}

// walk goes over the parts of one message, each byte at most once a level.
type walk struct {
	content
	parts int
}

// part takes one part in. Whatever is wrong with it, the rest goes on.
func (w *walk) part(h textproto.MIMEHeader, body io.Reader, depth int) {
	if w.parts++; w.parts > maxParts || depth > maxDepth {
		w.cut = true
		return
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
		if h.Get("Content-Type") != "" {
			kind, _, _ = strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
			kind = strings.TrimSpace(kind)
		}
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		w.parted(body, params["boundary"], depth)
		return
	}
	disposition, about, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := decoded(about["filename"])
	if name == "" {
		name = decoded(params["name"])
	}
	if disposition == "attachment" || name != "" || (kind != "text/plain" && kind != "text/html") {
		w.file(name, kind, body, h.Get("Content-Transfer-Encoding"))
		return
	}
	text := w.text(body, h.Get("Content-Transfer-Encoding"), params["charset"])
	if kind == "text/html" {
		w.html = join(w.html, text)
	} else {
		w.plain = join(w.plain, text)
	}
}

// parted goes over a multipart. Only its own level is read: a part is read whole
// before it is looked into, so no byte is read twice a level.
func (w *walk) parted(body io.Reader, boundary string, depth int) {
	r := multipart.NewReader(body, boundary)
	for w.parts <= maxParts {
		p, err := r.NextRawPart()
		if err != nil {
			return
		}
		raw, err := io.ReadAll(io.LimitReader(p, maxMessage))
		w.part(p.Header, bytes.NewReader(raw), depth+1)
		if err != nil {
			return
		}
	}
	w.cut = true
}

func (w *walk) file(name, kind string, body io.Reader, encoding string) {
	if len(w.files) >= maxFiles {
		w.cut = true
		return
	}
	size, _ := io.Copy(io.Discard, transfer(body, encoding))
	if name == "" {
		name = "unnamed"
	}
	if r := []rune(name); len(r) > 200 {
		name = string(r[:200])
	}
	w.files = append(w.files, file{name: name, kind: kind, size: size})
}

// text reads a text part, as far as it is kept.
func (w *walk) text(body io.Reader, encoding, charset string) string {
	raw, _ := io.ReadAll(io.LimitReader(transfer(body, encoding), 4*maxText))
	if len(raw) == 4*maxText {
		w.cut = true
	}
	if charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		if r, err := charsetReader(charset, bytes.NewReader(raw)); err == nil {
			if d, err := io.ReadAll(r); err == nil {
				raw = d
			}
		}
	}
	if !utf8.Valid(raw) { // said to be UTF-8 and is not: most likely the old Western one
		if r, err := charsetReader("windows-1252", bytes.NewReader(raw)); err == nil {
			if d, err := io.ReadAll(r); err == nil {
				raw = d
			}
		}
	}
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", "\n"), "\x00", "")
}

// transfer undoes a transfer encoding. Base64 is read leniently: what is no
// letter of it is left out.
func transfer(body io.Reader, encoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &letters{r: bufio.NewReader(body)})
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

// letters lets through what is base64.
type letters struct{ r *bufio.Reader }

// Read reads letters of base64 only.
func (l *letters) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c, err := l.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
			p[n] = c
			n++
		}
	}
	return n, nil
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "\n" + b
}
