package offline

import (
	"strings"
	"sync"
)

// stopwords are the words that tell Latin and Cyrillic languages apart.
var stopwords = []struct{ code, words string }{
	{"en", "the and is to of in it that this for with on not you have when my i can was are be but from please app does how what if there would an at as by me"},
	{"de", "der die das und ist nicht ich ein eine mit auf für wenn es zu den dem im von auch wie kann aber nach bei wird beim meine oder noch sind hat bitte keine mehr werden man nur sich des geht"},
	{"fr", "le la les et est pas je un une des pour dans que qui sur avec ne mon ma il ce au du en vous nous mais plus quand comment lorsque cette sont a être j'ai c'est l'application mes"},
	{"es", "el la los las y es no que un una en para con por se mi del al como cuando pero más lo me esta está hay puedo este muy su son si desde ya todo cómo quiero"},
	{"pt", "o os as e é não que um uma em para com por se meu minha do da dos das ao como quando mas mais no na está eu isso esse esta muito são já ou pelo você tem"},
	{"it", "il lo gli e è non che un una di per con si mio mia del della dei delle al come quando ma più nel nella sono ho questo questa anche alla da se dal dopo ogni"},
	{"nl", "de het een en is niet van ik op dat die voor met te zijn er maar als aan ook bij naar kan wordt mijn wanneer geen nog om deze heb hoe"},
	{"pl", "i w nie się na z do jest że to jak po przy dla mi moje od co ale tylko czy przez aplikacja kiedy gdy proszę można są już jestem"},
	{"tr", "ve bir bu için ile da de ne değil çok gibi ama var yok daha olarak nasıl olan her ben benim uygulama sonra kadar mı mi"},
	{"sv", "och att det är inte en ett som på för med jag av till den har när kan om men från"},
	{"ru", "и в не на я что с как это по у при к но мне для после из за от если все то есть бы же так мой было приложение когда можно"},
	{"uk", "і в не на я що з як це по у при до але мені для після із за від якщо все то є би та мій було коли є ще"},
	{"cs", "a v je se na že to s jak po při pro mi ale jen když jsem není které od už ve také"},
	{"id", "yang dan di ini itu tidak saya untuk dengan dari ke pada bisa ada aplikasi jika saat akan tolong sudah"},
	{"vi", "và là của không có tôi được cho này khi với các một đã trong không những"},
}

var stopwordTable = sync.OnceValue(func() map[uint32]uint32 {
	t := make(map[uint32]uint32)
	for i, l := range stopwords {
		for _, w := range strings.Fields(l.words) {
			t[wordHash(w)] |= 1 << i
		}
	}
	return t
})

// detectLanguage names the language of up to 400 words of prose by script, then by
// stopwords and special letters. It answers "und" when it cannot tell.
func detectLanguage(title, text *words, prose []bool) string {
	table := stopwordTable()
	var votes [16]float64
	var han, kana, hangul, cyrillic, arabic, hebrew, greek, deva, thai, latin, marks int
	n := 0
	for _, w := range [...]*words{title, text} {
		for i := range w.tokens {
			t := &w.tokens[i]
			if w == text && !prose[i] {
				continue // paths and options are full of "com", "do" and "as"
			}
			if t.kind == markToken || t.kind == numberToken || t.kind == linkToken {
				continue
			}
			if n++; n > 400 {
				break
			}
			switch r := w.runes[t.r0]; {
			case r >= 0x3040 && r <= 0x30ff:
				kana++
			case r >= 0xac00 && r <= 0xd7af:
				hangul++
			case r >= 0x0e00 && r <= 0x0e7f:
				thai++
			case t.kind == cjkToken:
				han++
			case r >= 0x0400 && r <= 0x04ff:
				cyrillic++
			case r >= 0x0600 && r <= 0x06ff:
				arabic++
			case r >= 0x0590 && r <= 0x05ff:
				hebrew++
			case r >= 0x0370 && r <= 0x03ff:
				greek++
			case r >= 0x0900 && r <= 0x097f:
				deva++
			default:
				latin++
			}
			if t.kind != wordToken {
				continue
			}
			if in := table[t.hash]; in != 0 {
				share := 1.0
				if in&(in-1) != 0 {
					share = 0.6
				}
				for l := range stopwords {
					if in&(1<<l) != 0 {
						votes[l] += share
					}
				}
			}
			for _, r := range w.runes[t.r0:t.r1] {
				if r < 0x80 {
					continue
				}
				marks++
				if ls := specialLetters(r); ls != "" {
					for l := range stopwords {
						if strings.Contains(ls, stopwords[l].code) {
							votes[l] += 0.7
						}
					}
				}
			}
		}
	}
	cjk := han + kana + hangul
	switch {
	case kana > 0 && kana*8 >= cjk && cjk*3 > latin:
		return "ja"
	case hangul > 0 && hangul >= han && cjk*2 > latin:
		return "ko"
	case han > 0 && han*2 > latin && han > 2*latin/3:
		return "zh"
	case thai > latin:
		return "th"
	case arabic > latin:
		return "ar"
	case hebrew > latin:
		return "he"
	case greek > latin:
		return "el"
	case deva > latin:
		return "hi"
	case cyrillic > latin:
		if votes[11] > votes[10] {
			return "uk"
		}
		return "ru"
	}
	best, top := -1, 0.0
	for l := range stopwords {
		if votes[l] > top && stopwords[l].code != "ru" && stopwords[l].code != "uk" {
			best, top = l, votes[l]
		}
	}
	if best > 0 && latin > 40 && top < 0.06*float64(latin) {
		best = 0 // a language is a fifth stopwords; this is a list of names
	}
	if best > 0 && (votes[0] >= top*0.8 || top < 1.5) {
		if votes[0] > 0 || top < 1.2 || latin > 6 && top < 1.9 {
			best = 0
		}
	}
	switch {
	case best >= 0 && (top >= 1 || latin < 5):
		return stopwords[best].code
	case latin > 2 && marks == 0:
		return "en" // bare keywords, as in a terse title
	}
	return "und"
}

func specialLetters(r rune) string {
	switch r {
	case 'ß', 'ä':
		return "de sv"
	case 'ü':
		return "de tr"
	case 'ö':
		return "de sv tr"
	case 'ñ', '¿', '¡':
		return "es"
	case 'ã', 'õ':
		return "pt"
	case 'ç':
		return "fr pt tr"
	case 'è', 'à', 'ù', 'ò':
		return "fr it"
	case 'ê', 'ô':
		return "fr pt"
	case 'œ', 'û', 'î':
		return "fr"
	case 'á', 'í', 'ó', 'ú':
		return "es pt cs"
	case 'ą', 'ę', 'ł', 'ń', 'ś', 'ź', 'ż':
		return "pl"
	case 'ğ', 'ı', 'ş', 'İ':
		return "tr"
	case 'å':
		return "sv"
	case 'ě', 'ř', 'ů', 'č', 'š', 'ž':
		return "cs"
	case 'і', 'ї', 'є', 'ґ':
		return "uk"
	case 'đ', 'ơ', 'ư', 'ạ', 'ế', 'ộ':
		return "vi"
	}
	return ""
}
