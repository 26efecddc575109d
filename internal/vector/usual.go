package vector

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
)

// usualWords lists how often words are in any message: each line begins with a
// number k and goes on with the stems that 2^(-k/2) of all messages have. It
// holds counts over public reviews and issues; TestWriteUsual makes it.
//
//go:embed usual.txt
var usualWords string

var usualShares = func() map[string]float64 {
	m := map[string]float64{}
	for l := range strings.Lines(usualWords) {
		f := strings.Fields(l)
		k, err := strconv.Atoi(f[0])
		if err != nil {
			panic("usual.txt: " + err.Error())
		}
		for _, w := range f[1:] {
			m[w] = math.Exp2(-float64(k) / 2)
		}
	}
	return m
}()

// usual is the share of all messages, of any project, that have a word. It
// stands in for a project's own counts while those are few, so that a score
// means the same on the third message as on the hundred-thousandth.
func usual(stem string) float64 {
	if p, ok := usualShares[stem]; ok {
		return p
	}
	return unusual
}

// unusual is the share assumed for a word that is not in the list.
const unusual = 0.0003
