package sdk

import "strings"

const (
	markerStart = "<!-- iterateswarm:v1 k="
	markerEnd   = " -->"
	maxKey      = 64
)

// Marker is the line that ties an issue in a tracker to the delivery that made
// it. It is the first line of the body, where neither truncation nor an
// open comment in somebody's text can remove it.
func Marker(key string) string { return markerStart + key + markerEnd }

// ParseMarker returns the key of a marker line. ok is false unless the line is
// exactly a marker; a carriage return at the end is forgiven, as editing an
// issue in a browser adds one.
func ParseMarker(line string) (key string, ok bool) {
	line = strings.TrimSuffix(line, "\r")
	key, ok = strings.CutPrefix(line, markerStart)
	if !ok {
		return "", false
	}
	key, ok = strings.CutSuffix(key, markerEnd)
	if !ok || !ValidKey(key) {
		return "", false
	}
	return key, true
}

// MarkerOf returns the key of the marker in the first line of an issue's body.
func MarkerOf(body string) (key string, ok bool) {
	first, _, _ := strings.Cut(body, "\n")
	return ParseMarker(first)
}

// ValidKey reports whether key is 1 to 64 ASCII letters and digits.
func ValidKey(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for i := range len(key) {
		c := key[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
