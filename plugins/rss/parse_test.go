package rss

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/sdk"
)

var feedURL = func() *url.URL {
	u, _ := url.Parse("https://feeds.test/app/feed.xml?key=s3cret")
	return u
}()

func itemsOf(t *testing.T, body, kind string) []sdk.Item {
	t.Helper()
	list, err := parse([]byte(body), kind)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	var items []sdk.Item
	for _, e := range list {
		if it, ok := item(feedURL, e); ok {
			items = append(items, it)
		}
	}
	return items
}

const about = `{"feed":"feeds.test/app/feed.xml"}`

func TestFeeds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		body string
		want sdk.Item
	}{
		"RSS 2.0": {`<?xml version="1.0"?><!DOCTYPE rss><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
			<channel><title>Forum</title><link>https://feeds.test/</link><image><title>logo</title></image>
			<item><title>Export &amp; import</title><link>/t/7</link><guid isPermaLink="false">7</guid><dc:creator>ann</dc:creator><media:title>no</media:title>
			<pubDate>Fri, 20 Nov 2026 05:30:00 EST</pubDate><category>bug</category><category>export</category><description>short</description>
			<content:encoded><![CDATA[<p>The <b>export</b> hangs<br>at 5 &lt; 6&nbsp;%</p><script>alert("x")</script><ul><li>one</li><li>two</li></ul><img src="https://evil.test/x.png" alt="a shot">]]></content:encoded></item></channel></rss>`,
			sdk.Item{ExternalID: key(feedURL) + ":7", Title: "Export & import", Content: "The export hangs\nat 5 < 6 %\n\n- one\n- two\n\na shot", Permalink: "https://feeds.test/t/7",
				AuthorID: "ann", AuthorHandle: "ann", Created: at, ContextJSON: `{"categories":"bug, export","feed":"feeds.test/app/feed.xml"}`}},
		"RSS 1.0": {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>c</title></channel>
			<item rdf:about="x"><title>T</title><link>https://feeds.test/1</link><description>D &copy; &unknown; & more</description><dc:date>2026-11-20T10:30Z</dc:date></item></rdf:RDF>`,
			sdk.Item{ExternalID: "https://feeds.test/1", Title: "T", Content: "D © &unknown; & more", Permalink: "https://feeds.test/1", Created: at, ContextJSON: about}},
		"Atom": {`<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>f</id><entry><id>tag:feeds.test,2026:1</id><title type="html">A &lt;b&gt;bold&lt;/b&gt; title</title>
			<link rel="enclosure" href="https://evil.test/x"/><link href="https://feeds.test/e/1"/><author><name>Bob</name><email>bob@x.test</email></author><updated>2026-11-21T00:00:00Z</updated>
			<published>2026-11-20T12:30:00+02:00</published><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It <em>crashes</em> at 1 &lt; 2</p><p>always</p></div></content></entry></feed>`,
			sdk.Item{ExternalID: "tag:feeds.test,2026:1", Title: "A bold title", Content: "It crashes at 1 < 2\n\nalways", Permalink: "https://feeds.test/e/1",
				AuthorID: "Bob", AuthorHandle: "Bob", Created: at, ContextJSON: about}},
		"an app's reviews": {`<?xml version="1.0" encoding="utf-8"?><feed xmlns:im="http://itunes.apple.com/rss" xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title>The app</title><im:name>The app</im:name><im:artist>us</im:artist></entry>
			<entry><updated>2026-11-20T03:30:00-07:00</updated><id>11223344</id><title>Crashes</title><content type="text">Since 4.2 the &lt;b&gt; tag crashes it</content><im:contentType term="Application"/><im:voteSum>0</im:voteSum>
			<im:rating>1</im:rating><im:version>4.2.1</im:version><author><name>maya</name><uri>https://itunes.test/u/1</uri></author><link rel="related" href="https://itunes.test/review?id=1"/><content type="html">&lt;table&gt;…&lt;/table&gt;</content></entry></feed>`,
			sdk.Item{}},
		"JSON Feed": {`{"version":"https://jsonfeed.org/version/1.1","title":7,"hubs":[{}],"items":[{"id":7,"url":"https://feeds.test/7","title":"T","content_html":"<p>Hi</p><p>you</p>","date_published":"2026-11-20T10:30:00Z","authors":[{"name":"ann"}],"tags":["a","b"],"image":9}]}`,
			sdk.Item{ExternalID: key(feedURL) + ":7", Title: "T", Content: "Hi\n\nyou", Permalink: "https://feeds.test/7", AuthorID: "ann", AuthorHandle: "ann", Created: at, ContextJSON: `{"categories":"a, b","feed":"feeds.test/app/feed.xml"}`}},
		"title alone": {`<rss><channel><item><title>Only this</title><link>javascript:alert(1)</link><guid>u:1</guid></item></channel></rss>`, sdk.Item{}},
	} {
		items := itemsOf(t, c.body, "")
		if len(items) != 1 {
			t.Errorf("%s: %d items, want 1", what, len(items))
			continue
		}
		switch got := items[0]; what {
		case "an app's reviews":
			if got.ExternalID != key(feedURL)+":11223344" || got.Title != "Crashes" || got.AuthorHandle != "maya" || got.ContextJSON != `{"feed":"feeds.test/app/feed.xml","rating":"1","version":"4.2.1"}` ||
				got.Permalink != "https://itunes.test/review?id=1" || got.Content != "Since 4.2 the <b> tag crashes it" {
				t.Errorf("review %+v", got)
			}
		case "title alone":
			if got.Content != "Only this" || got.Title != "" || got.Permalink != "" {
				t.Errorf("title alone: %+v", got)
			}
		default:
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	id := func(xml string) string {
		t.Helper()
		items := itemsOf(t, `<rss><channel><item>`+xml+`</item></channel></rss>`, "")
		if len(items) != 1 {
			t.Fatalf("%s: %d items", xml, len(items))
		}
		return items[0].ExternalID
	}
	if a, b := id(`<title>x</title>`), id(`<title>x</title>`); a != b || a == id(`<title>y</title>`) {
		t.Error("an entry without id and link is not named by what it says")
	}
	if got := id(`<title>x</title><guid>` + strings.Repeat("a", 1000) + `</guid>`); len(got) > maxID {
		t.Errorf("id of %d bytes", len(got))
	}
	other, _ := url.Parse("https://feeds.test/other")
	if externalID(feedURL, entry{id: "1"}) == externalID(other, entry{id: "1"}) || externalID(feedURL, entry{id: "urn:uuid:1"}) != externalID(other, entry{id: "urn:uuid:1"}) {
		t.Error("two feeds share the id 1, or do not share a global one")
	}
	if strings.Contains(externalID(feedURL, entry{id: "1"}), "s3cret") {
		t.Error("the feed's key is in the id")
	}
}

func TestCharacterSets(t *testing.T) {
	t.Parallel()
	doc := func(declaration, text string) string {
		return declaration + `<rss><channel><item><guid>u:1</guid><title>` + text + `</title></item></channel></rss>`
	}
	utf16 := "\xff\xfe"
	for _, r := range doc(`<?xml version="1.0" encoding="UTF-16"?>`, "Größe") {
		utf16 += string([]byte{byte(r), byte(r >> 8)})
	}
	for what, c := range map[string]struct{ body, kind, want string }{
		"declared":           {doc(`<?xml version="1.0" encoding="ISO-8859-1"?>`, "Gr\xf6\xdfe"), "", "Größe"},
		"by the header":      {doc(``, "Gr\xf6\xdfe"), "text/xml; charset=windows-1252", "Größe"},
		"Japanese":           {doc(`<?xml version="1.0" encoding='Shift_JIS'?>`, "\x93\xfa\x96{"), "text/xml", "日本"},
		"byte order mark":    {"\xef\xbb\xbf" + doc(`<?xml version="1.0" encoding="ISO-8859-1"?>`, "Größe"), "", "Größe"},
		"UTF-16":             {utf16, "", "Größe"},
		"broken UTF-8":       {doc(``, "Gr\xf6e"), "", "Gr\ufffde"},
		"control characters": {doc(``, "a\x00\x08b&#xE000;"), "", "ab\ue000"},
	} {
		if got := itemsOf(t, c.body, c.kind); len(got) != 1 || got[0].Content != c.want {
			t.Errorf("%s: %+v, want %q", what, got, c.want)
		}
	}
	if _, err := parse([]byte(doc("", "x")), "text/xml; charset=klingon"); err == nil || !strings.Contains(err.Error(), "klingon") {
		t.Errorf("unknown: %v", err)
	}
}

// What a hostile server may send: 5 MiB of one thing. None of it is expanded,
// and what is refused says why.
func TestHostileFeeds(t *testing.T) {
	t.Parallel()
	const n = maxBody
	many := func(s string) string { return strings.Repeat(s, n/len(s)) }
	for what, c := range map[string]struct {
		body, says string
		items      int
	}{
		"entity bomb":       {`<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&b;&f;</title></item></channel></rss>`, "", 1},
		"depth":             {`<rss><channel>` + many("<a>"), "too deep", 0},
		"depth in an entry": {`<rss><channel><item><a:b>` + many("<b xml:base='a/'>"), "too deep", 0},
		"attributes":        {`<rss><channel><item ` + many("a='' ") + `/></channel></rss>`, "tag of more than 64 KiB", 0},
		"an open tag":       {`<rss ` + many("a"), "tag of more than 64 KiB", 0},
		"items":             {`<rss><channel>` + many("<item><title>x</title></item>") + `</channel></rss>`, "", 1000},
		"empty items":       {`<feed>` + many("<entry/>") + `</feed>`, "", 0},
		"an open CDATA":     {`<rss><channel><item><title><![CDATA[` + many("<![CDATA["), "in line 1", 0},
		"references":        {`<rss><channel><item><title>` + many("&amp;") + `</title></item></channel></rss>`, "", 1},
		"tags in a text":    {`<rss><channel><item><description><![CDATA[` + many("<div>") + `x]]></description></item></channel></rss>`, "", 0},
		"a long text":       {`<rss><channel><item><description>` + many("word ") + `</description></item></channel></rss>`, "", 1},
		"JSON brackets":     {`{"items":` + many("["), "broken JSON", 0},
		"JSON items":        {`{"items":[` + many(`{"title":"x"},`) + `{}]}`, "", 1000},
		"HTML":              {"<!doctype html><html><body>Not found", "begins with <html>", 0},
		"JSON":              {`{"error":"no"}`, "no JSON Feed", 0},
		"text":              {"Not found", "neither XML nor JSON", 0},
		"nothing":           {" ", "is empty", 0},
		"cut off":           {`<rss><channel><item><title>x</title></item>`, "line 1", 0},
	} {
		list, err := parse([]byte(c.body), "")
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %d entries, %v; want %q", what, len(list), err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		items := 0
		for _, e := range list {
			if it, ok := item(feedURL, e); ok {
				items++
				if len(it.Content) > maxText+8 || strings.Contains(it.Content, "aaaaaaaaaa") || strings.Contains(it.Content, "root:") {
					t.Errorf("%s: %d bytes: %.100q", what, len(it.Content), it.Content)
				}
			}
		}
		if items != c.items {
			t.Errorf("%s: %d items, want %d", what, items, c.items)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for markup, want := range map[string]string{
		`a<b>b</b> c`:                        "ab c",
		`<p>one</p>  <p> two  three</p>`:     "one\n\ntwo three",
		`1 &lt; 2 &amp;&amp; 3 > 2`:          "1 < 2 && 3 > 2",
		`<style>p{}</style><title>x</title>`: "x",
		`<script>a</script`:                  "",
		`<svg><text>no</text></svg>yes`:      "yes",
		`<a href="javascript:x" onclick=y>z`: "z",
		`<!-- <b>x</b> --><![CDATA[y]]>z`:    "z",
		`<scr<script>ipt>alert(1)</script>`:  "ipt>alert(1)",
		"<pre>a\n  b</pre>":                  "a\n  b",
		`<img alt="shot" src=x><img src=y>`:  "shot",
		`a &#x202e; b &#0; c`:                "a \u202e b \ufffd c",
		`x<br><br><br><br>y`:                 "x\n\ny",
		`<p title="<b>">q</p>`:               "q",
	} {
		if got := plain(markup); got != want {
			t.Errorf("plain(%q) = %q, want %q", markup, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)
	for _, text := range []string{"2026-11-20T10:30:00Z", "2026-11-20T12:30:00.000+02:00", "Fri, 20 Nov 2026 10:30:00 GMT", "Fri, 20 Nov 2026 10:30:00 +0000",
		"Fri, 20 Nov 2026 02:30:00 PST", "20 Nov 2026 10:30:00 UT", "Fri,  20 Nov 2026\n10:30:00 UTC", "2026-11-20 10:30:00", "Fri, 20 Nov 2026 10:30 +0000", "2026-11-20T10:30:00"} {
		if got := when(text); !got.Equal(want) {
			t.Errorf("when(%q) = %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "yesterday", strings.Repeat("1", 100), "Fri, 20 Nov 2026 10:30:00 XYZ"} {
		if got := when(text); !got.IsZero() {
			t.Errorf("when(%q) = %s, want none", text, got)
		}
	}
}

// FuzzFeed looks for panics, for items that no host takes, and for inputs whose
// repetition costs more than its length.
func FuzzFeed(f *testing.F) {
	f.Add(`<item><title>a</title><description>&lt;p&gt;b</description></item>`, "")
	f.Add(`<entry><id>1</id><content type="xhtml"><div>x</div></content></entry>`, "text/xml; charset=utf-16")
	f.Add(`{"id":1,"content_html":"<p>x"},`, "application/json")
	f.Add(`<a xmlns:b="c"><![CDATA[<!--`, "")
	f.Add(`<item><b xml:base="a/">`, "")
	f.Add("&amp;<p x='", "")
	f.Fuzz(func(t *testing.T, piece, kind string) {
		wraps := [][2]string{{"", ""}, {"<rss><channel>", "</channel></rss>"}, {"<rss><channel><item><description><![CDATA[", "]]></description></item></channel></rss>"},
			{`<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">`, "</content></entry></feed>"}, {`{"items":[`, "{}]}"}}
		for _, wrap := range wraps {
			list, _ := parse([]byte(wrap[0]+piece+wrap[1]), kind)
			for _, e := range list {
				it, ok := item(feedURL, e)
				if ok && (it.ExternalID == "" || len(it.ExternalID) > maxID || it.Content == "" || len(it.Content) > maxText+8 || !utf8.ValidString(it.Content+it.Title+it.ExternalID+it.AuthorID) ||
					strings.ContainsAny(it.Content, "\x00\x1b\r") || len(it.Title) > maxTitle || len(it.AuthorID) > maxName) {
					t.Fatalf("item %+v", it)
				}
			}
		}
		if piece == "" {
			return
		}
		wrap := wraps[len(piece)%len(wraps)]
		cost := func(size int) (least time.Duration) {
			body := []byte(wrap[0] + strings.Repeat(piece, size/len(piece)+1) + wrap[1])
			for least = time.Hour; ; {
				began := time.Now()
				_, _ = parse(body, kind)
				took := time.Since(began)
				if took >= least || took < 100*time.Millisecond {
					return min(least, took)
				}
				least = took
			}
		}
		if c := cost(32 << 10); c > 100*time.Millisecond && c > 3*cost(16<<10) && cost(64<<10) > 3*c {
			t.Fatalf("32 KiB take %v, half of it less than a third of that", c)
		}
	})
}
