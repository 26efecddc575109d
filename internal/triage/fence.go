package triage

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Fence puts raw text into a code fence that nothing in it can close. What is
// inside equals the text byte for byte, but for three things that deceive a
// reader or the tracker even in code and are written visibly: characters that
// change the direction of text, tags and other controls become "[U+202E]",
// bytes that are no UTF-8 become "\ufffd", and our own marker is broken.
func Fence(s string) string {
	s = visible(s)
	longest, run := 2, 0
	for i := 0; i < len(s); i++ {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return fence + "text\n" + s + fence
}

// ownMarker matches the start of the line by which a tracker plugin finds an
// issue again; see the delivery protocol in docs/architecture.md.
var ownMarker = regexp.MustCompile(`(?i)<!--(\s*iterateswarm)`)

// visible writes out what must not stand in an issue even inside code.
func visible(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = ownMarker.ReplaceAllString(s, "<! --$1")
	if strings.IndexFunc(s, deceiving) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		if deceiving(r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// deceiving reports whether r hides or reorders text. Zero-width joiners stay:
// emoji and several scripts need them.
func deceiving(r rune) bool {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return false
	case unicode.Is(unicode.Cc, r):
		return true
	case r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return true
	case r == 0x2028 || r == 0x2029:
		return true
	}
	return r >= 0xe0000 && r <= 0xe0fff
}
