package api

import (
	"bytes"
	"mime/multipart"

	"github.com/iterateswarm/iterateswarm/internal/pipeline"
)

// multipartObject reads a multipart form whose body is in memory already. Files
// are refused: feedback is text, attachments are links.
func multipartObject(raw []byte, boundary string) (map[string]any, error) {
	if boundary == "" {
		return nil, pipeline.Fault(pipeline.BadMediaType, "The multipart form has no boundary.")
	}
	form, err := multipart.NewReader(bytes.NewReader(raw), boundary).ReadForm(int64(len(raw)))
	if err != nil {
		return nil, pipeline.Fault(pipeline.BadJSON, "The form cannot be read.")
	}
	defer form.RemoveAll()
	for field := range form.File {
		return nil, pipeline.Fault(pipeline.BadMediaType, "Files are not taken here. Send links in attachments.").At(clipped(field))
	}
	return firstValues(form.Value), nil
}
