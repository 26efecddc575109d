package vector

import "strings"

// slang lists, a line each, the stems by which people name one thing. Words
// that differ in what they report ("landscape", "portrait") must not share a
// line: an automatic join would take them for the same.
const slang = `
account acct
ad advert advertis
app applic
bluetooth bt
broken broke
button btn
config configur prefer
convers chat
crash fc forceclos segfault
delet remov eras
doc document
fail failur
fix repair
freez frozen froze hang hung stuck unrespons
keyboard kb
login logon signin
logout logoff signout
messag msg
minut min
notif notifi notic
password pwd passwd
phone cellphon mobil
photo pic pictur imag img
screen displai
second sec
slow laggi lag sluggish
sound audio
video vid
`

var oneName = func() map[string]string {
	m := map[string]string{}
	for l := range strings.Lines(slang) {
		if f := strings.Fields(l); len(f) > 0 {
			for _, w := range f[1:] {
				m[w] = f[0]
			}
		}
	}
	return m
}()

// canonical returns the one stem that stands for a thing.
func canonical(stem string) string {
	if c, ok := oneName[stem]; ok {
		return c
	}
	return stem
}
