// Package texts writes feedback for tests that need much of it: sentences as
// people send them, made from parts, so that two differ in what they are about.
// Nothing in them comes from anybody.
package texts

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Writer writes messages. The same seed writes the same messages. It must not
// be used by two goroutines at once.
type Writer struct{ r *rand.Rand }

// New returns a writer.
func New(seed uint64) *Writer { return &Writer{rand.New(rand.NewPCG(seed, 7))} }

// Report is a bug report or a wish with a code and a name of its own, so that it
// is no duplicate of another one.
func (w *Writer) Report() string {
	if w.r.IntN(5) == 0 {
		return w.wish()
	}
	return w.bug()
}

func (w *Writer) bug() string {
	s := []string{fmt.Sprintf("%s %s when I %s %s.", w.of(subjects), w.of(failures), w.of(acts), w.thing())}
	if w.r.IntN(2) == 0 {
		s = append(s, fmt.Sprintf("It says %q.", w.of(complaints)+" "+w.code()))
	} else {
		s = append(s, "Error "+w.code()+" in the log.")
	}
	for _, more := range []string{
		fmt.Sprintf("I am on %s, version %d.%d.%d.", w.of(systems), 1+w.r.IntN(9), w.r.IntN(20), w.r.IntN(30)),
		fmt.Sprintf("Steps: 1. open %s 2. %s %s 3. wait %d seconds.", w.of(places), w.of(acts), w.thing(), 2+w.r.IntN(90)),
		fmt.Sprintf("I expected %s to %s.", w.thing(), w.of(outcomes)),
		fmt.Sprintf("It started after the update of %d %s.", 1+w.r.IntN(28), w.of(months)),
		w.of(moods),
	} {
		if w.r.IntN(5) < 2 {
			s = append(s, more)
		}
	}
	return strings.Join(s, " ")
}

func (w *Writer) wish() string {
	return fmt.Sprintf("Please add %s for %s. %s We handle %d of them a week in %s and call it %s.",
		w.of(wishes), w.thing(), w.of(reasons), 3+w.r.IntN(900), w.of(places), w.code())
}

// thing names something that only few messages name.
func (w *Writer) thing() string {
	return fmt.Sprintf("%s %s%s%s", w.of(things), w.of(first), w.of(second), w.of(endings))
}

// code is an error number, or what looks like one.
func (w *Writer) code() string { return fmt.Sprintf("%s-%05d", w.of(prefixes), w.r.IntN(100_000)) }

func (w *Writer) of(list []string) string { return list[w.r.IntN(len(list))] }

func words(s string) []string { return strings.Split(s, "|") }

var (
	subjects   = words("The app|The page|The editor|The dashboard|The export|The login form|The search|The calendar|The mobile app|The upload|The invoice view|The sync client|The printer dialog|The chat window|The map|The settings screen|The report builder|The notification list|The checkout|The importer")
	failures   = words("crashes|freezes|shows a blank screen|loses my changes|hangs for minutes|throws an exception|closes without a word|reports a timeout|shows the wrong total|duplicates every row|does not respond|fails with an error|logs me out|drops the connection|eats all the memory|flickers and stops|returns an empty list|overwrites the old file|ignores the filter|breaks the layout")
	acts       = words("click on|save|open|rename|delete|drag|share|print|import|duplicate|archive|restore|sort|filter|merge|paste|scroll through|edit|download|publish")
	things     = words("the file|the folder|the customer|the project|the template|the invoice|the board|the playlist|the contact|the ticket|the workspace|the sheet|the photo album|the shipment|the meeting|the branch|the sensor|the recipe|the campaign|the account")
	places     = words("the team space|billing|the admin area|the archive|the shop|the reading list|the warehouse view|the front page|the API console|the audit log|the partner portal|the planner|the inbox|the class room|the lab book|the order desk")
	outcomes   = words("stay as it was|show all entries|ask me first|keep the order|finish in a second|send the mail|open in a new tab|remember my choice|show a progress bar|tell me what is wrong")
	complaints = words("Unexpected token|Access denied|Cannot read property|Connection reset|Out of range|Unknown column|Bad gateway|Certificate expired|No such element|Write conflict")
	systems    = words("Windows 11|macOS 15|Ubuntu 24.04|Android 14|iOS 18|Firefox|Chrome|Safari|Edge|Fedora 42")
	months     = words("January|February|March|April|May|June|July|August|September|October")
	moods      = words("This blocks our whole team.|Not urgent, but annoying.|Happens every time.|Only sometimes, I see no pattern.|Please fix this soon.|My colleague sees it too.|A restart helps for a while.|It worked last week.")
	wishes     = words("a dark mode|keyboard shortcuts|bulk editing|an undo button|an export to PDF|two-factor login|a weekly summary|colour labels|a public link|offline access|a quick filter|version history")
	reasons    = words("It would save us hours.|Our customers ask for it.|The competition has it.|Doing it by hand is slow.|We copy everything into a spreadsheet now.|Our auditors want it.")
	prefixes   = words("ERR|E|FX|SYS|NET|DB|UI|AUTH|PAY|IO|GPU|JOB")
	first      = words("kor|bel|mar|tin|vas|dol|gre|sul|pen|ral|wex|hob|jun|lim|zar|fen|qui|nor|tal|rud")
	second     = words("a|e|i|o|u|an|en|il|or|us|at|em|id|ol|ar")
	endings    = words("vik|dor|len|mus|tap|ress|gan|phor|low|min|bert|zik|nova|quist|dale|ham|tron|sey")
)
