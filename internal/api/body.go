package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// jsonDepth is how deep JSON from outside may be nested.
const jsonDepth = 64

// readBody reads a request's body of at most limit bytes.
func readBody(e *core.RequestEvent, limit int64) ([]byte, error) {
	if enc := e.Request.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, pipeline.Fault(pipeline.BadMediaType, "The body must not be compressed; it is %q.", clipped(enc))
	}
	// The limit is told to net/http itself, past PocketBase's wrappers: it then
	// lets the sender read the answer before it ends the connection.
	raw, err := io.ReadAll(http.MaxBytesReader(bare(e.Response), e.Request.Body, limit))
	var max *http.MaxBytesError
	switch {
	case errors.As(err, &max):
		return nil, tooLarge(max.Limit)
	case err != nil:
		return nil, pipeline.Fault(pipeline.BadJSON, "The body ended early; send it again.")
	}
	return raw, nil
}

// bare is net/http's own writer under all wrappers.
func bare(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// checkJSON reports the first thing that makes raw no acceptable JSON: syntax,
// bytes that are no UTF-8, a lone surrogate, a name given twice, nesting beyond
// jsonDepth. The sentence has the position.
func checkJSON(raw []byte) *pipeline.Problem {
	dec := jsontext.NewDecoder(strings.NewReader(string(raw)))
	for {
		_, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return badJSON(err, dec.InputOffset())
		case dec.StackDepth() > jsonDepth:
			return pipeline.Fault(pipeline.BadJSON, "The JSON is nested deeper than %d levels at byte %d.", jsonDepth, dec.InputOffset())
		}
	}
}

func badJSON(err error, offset int64) *pipeline.Problem {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		offset = syntax.ByteOffset
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "UTF-8"):
		return pipeline.Fault(pipeline.BadText, "The JSON holds bytes that are not UTF-8 at byte %d.", offset)
	case strings.Contains(text, "surrogate"):
		return pipeline.Fault(pipeline.BadText, "The JSON holds a lone surrogate (half of a character) at byte %d.", offset)
	case strings.Contains(text, "duplicate"):
		return pipeline.Fault(pipeline.BadJSON, "The JSON names a field twice at byte %d.", offset)
	}
	return pipeline.Fault(pipeline.BadJSON, "The body is not valid JSON at byte %d.", offset)
}

// clipped keeps a value from outside short enough for a sentence.
func clipped(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// replay is a body that was read and is read again by whoever comes next.
func replay(raw []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(raw)) }
