package acceptance

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/servertest"
)

// unsized is a body whose size nobody is told.
func unsized(body string) io.Reader { return io.MultiReader(strings.NewReader(body)) }

// resident is the memory of this process in bytes, the server's included.
func resident(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here; the memory is not measured")
	}
	var size, pages int
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A large body is refused before it is read, on every route, whoever sends it.
// Not parallel: it looks at the memory of the process.
func TestLargeBodiesAreNotRead(t *testing.T) {
	s := servertest.Start(t)
	key, admin, root := s.Key(), s.User("admin"), s.Superuser()
	const size = 28 << 20
	bodies := map[string]string{
		"application/json":                  `{"content":[` + strings.Repeat("[],", size/3) + "0]}",
		"multipart/form-data; boundary=b":   strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nx\r\n", size/60) + "--b--\r\n",
		"application/x-www-form-urlencoded": strings.Repeat("a=1&", size/4),
	}
	for _, chunked := range []bool{false, true} {
		for _, path := range []string{
			"/api/collections/issues/records", "/api/collections/feedback/records", "/api/collections/users/auth-with-password",
			"/api/collections/users/request-password-reset", "/api/batch", "/api/realtime", "/api/issues/batch", "/api/setup", "/api/feedback",
			"/api/backups/upload", "/api/settings/test/s3",
		} {
			for kind, body := range bodies {
				for who, c := range map[string]call{"anonymous": {}, "key": {key: key}, "admin": {token: admin}} {
					c.method, c.url, c.header = "POST", s.URL+path, map[string]string{"Content-Type": kind}
					if c.body = body; chunked {
						c.body = unsized(body)
					}
					before := resident(t)
					a, err := c.do()
					if err != nil {
						if !chunked { // refused without a look at the body, when that has no size
							t.Errorf("%s, %s, %s: no answer: %v", path, kind, who, err)
						}
						continue
					}
					grown := resident(t) - before
					if a.status == 200 || a.status == 204 || a.status >= 500 {
						t.Errorf("%s, %s, %s, chunked %t: %d", path, kind, who, chunked, a.status)
					}
					if grown > 100<<20 {
						t.Errorf("%s, %s, %s, chunked %t: the process grew by %d MiB", path, kind, who, chunked, grown>>20)
					}
				}
			}
		}
	}
	for _, chunked := range []bool{false, true} {
		for _, path := range []string{"/api/collections/issues/records", "/api/collections/users/request-verification", "/api/issues/batch"} {
			c := call{method: "POST", url: s.URL + path, token: admin, header: map[string]string{"Content-Type": "application/json"}}
			large := `{"content":"` + strings.Repeat("x", 1<<20) + `"}`
			if c.body = large; chunked {
				c.body = unsized(large)
			}
			if err := isProblem(must(t, c), 41301); err != nil {
				t.Errorf("%s with 1 MiB, chunked %t: %v", path, chunked, err)
			}
		}
	}
	// What fits goes through, and what was read once can be read again.
	if a := must(t, call{method: "POST", url: s.URL + "/api/collections/feedback/records", key: key, body: map[string]any{
		"content": "The export crashes", "source": "cap", "context": map[string]string{"log": strings.Repeat("x", 40<<10)}}}); a.status != 200 {
		t.Errorf("a body that fits: %d %s", a.status, clip(string(a.body)))
	}
	// A superuser uploads files.
	attic(t, s)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	f, err := w.CreateFormFile("file", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write(bytes.Repeat([]byte("x"), 3<<20)) // a buffer takes all
	w.Close()
	upload := call{method: "POST", url: s.URL + "/api/collections/attic/records", token: root, body: form.Bytes(),
		header: map[string]string{"Content-Type": w.FormDataContentType()}}
	if a := must(t, upload); a.status != 200 {
		t.Errorf("a superuser's file: %d %s", a.status, clip(string(a.body)))
	}
	upload.token = admin
	if err := isProblem(must(t, upload), 41301); err != nil {
		t.Errorf("an admin's file: %v", err)
	}
}

// attic makes a collection of files that anybody may add to.
func attic(t *testing.T, s *servertest.Server) {
	t.Helper()
	c := core.NewBaseCollection("attic")
	c.Fields.Add(&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 10 << 20})
	everybody := ""
	c.CreateRule = &everybody
	if err := s.App.Save(c); err != nil {
		t.Fatal(err)
	}
}
