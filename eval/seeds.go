package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// The public sets hold no chat and mail questions, and hardly any text that is
// not English. These grammars, written by hand for the purpose, fill the gap:
// each line is a pattern whose {words} are drawn from the lists below it.

// pattern is a family of messages of one class.
type pattern struct {
	class triage.Class
	lines string
}

var seedLists = map[string]string{
	"thing":   "login button|login page|search box|settings page|export dialog|upload form|checkout page|photo gallery|video player|calendar view|sidebar|dashboard|notification bell|dark theme|editor|terminal|file picker|comment box|profile page|map|chat window|shopping cart|report screen|password field|sign-up form|invoice list|printer setup|audio recorder|sync|backup job|mobile app|desktop client|web app|API|CLI|installer|the latest update|autosave|camera|contact list|attachment preview|keyboard|home screen|widget|table of orders|payment form|date picker|filter menu|import wizard",
	"app":     "the app|the application|the program|my app|the client|your app|the site|the website|the server|it|this thing|everything|the browser tab|the plugin|the extension|the tool|the service",
	"do":      "I click the {thing}|I open the {thing}|I tap the {thing}|I press save|I log in|I sign in|I upload a photo|I export a report|I rotate the screen|I switch accounts|I scroll down|I type a long message|I paste text|I attach a file|I change the language|I search for a name|I go offline|I resume from sleep|I start a call|I open a large file|I plug in headphones|I add an item to the cart|I close the {thing}|I refresh the page|I submit the form|I print|I delete a comment|trying to sign in|opening the {thing}|saving a file|loading the {thing}|sending a message|pressing the {thing}|uploading images|starting up|processing emoji",
	"when":    "when|whenever|as soon as|every time|each time|if|after|once|the moment",
	"crash":   "crashes|crashed|keeps crashing|force closes|freezes|hangs|dies|closes itself|quits unexpectedly|shuts down|stops responding|throws an exception|goes black|exits without a message|falls over|blows up|terminates|segfaults|locks up|is crashing|just closes|gets killed",
	"broken":  "does not work|doesn't work|is not working|isn't working|stopped working|is broken|fails|does nothing|shows an error|gives an error 500|returns the wrong data|loads forever|never finishes|is blank|is empty|won't open|won't load|won't save|keeps failing|no longer works|disappears|shows the wrong date|is stuck|times out|logs me out|doubles every entry|ignores my choice|shows someone else's data|is misaligned|overlaps the text|flickers|plays no sound|ignores clicks|is missing columns|is missing half of the entries|lacks the last row it had before|jumps to the top|shows an old version",
	"place":   "on mobile|on my phone|on Android|on iOS 17|on iPhone|on Windows 11|in Firefox|in Safari|in Chrome|on my tablet|since the update|since yesterday|after the last release|in version 3.2|on Linux|on slow networks|in landscape mode|for all users|for our whole team|on the second try||||||",
	"feature": "dark mode|a dark theme|an export to CSV|keyboard shortcuts|two-factor login|a search in comments|offline mode|support for Wayland|a bigger font option|multiple accounts|an undo button|drag and drop|a widget|calendar sync|an API for reports|custom themes|push notifications|a way to pin messages|bulk editing|markdown support|single sign-on|tags for notes|a landscape layout|an Apple Watch version|translations into Polish|a sort by date|webhooks|a read-only role|PDF export|autosave|filters by label|voice messages|a preview pane|fingerprint unlock|spell check|an option to hide the sidebar|support for large files|a compact view|scheduled posts|a recurring reminder",
	"ask":     "reset my password|change my e-mail address|export my data|delete my account|change the language|cancel my subscription|add a teammate|invite people|turn off notifications|connect my calendar|update the app|find my invoices|install it on Linux|use the API|get a refund form|move to another server|restore a backup|switch plans|share a folder|see who viewed a file|change my user name|set up two-factor login|import contacts|print a report|log out everywhere|configure a proxy|upgrade from version 2|run it in Docker|contact support|hide my profile",
	"fact":    "the free plan|the storage limit|the price for teams|the API rate limit|your privacy policy|the default port|the difference between the plans|the minimum Android version|the supported file formats|the meaning of the yellow icon|the release date of version 4|the recommended setup",
	"hi":      "Hi, |Hello, |Hey, |hey |Hi team, |Good morning, |Dear support, |||||||||",
	"bye":     " Thanks!| Thanks in advance.| Regards, Ana| Please help.| Thank you| cheers|||||||||",
	"nice":    "Love this app|Great work|Thanks everyone|Good morning all|Nice update|lol|haha nice|ok|brb lunch|see you tomorrow|congrats on the launch|happy birthday Sam|who wants coffee|best app ever|five stars|works great for me|awesome|thank you so much|good night|welcome to the channel|just testing|test|hello world|This is a test.|anyone up for lunch?|what a game last night|I agree|sounds good|+1|nice weather today|see the notes from the meeting|merged, thanks|I am on holiday until Monday|the meeting moved to three|interesting article|never mind, solved|all good now|it works again, thanks|no problem|have a great weekend|deploying now|back in five minutes|use the promo link in my bio|asdf asdf|no comment|.|cool|I am away until Friday|please find the slides attached|here are the minutes|dear friend, I have a business offer for you|all works well now|that fixed it|my favourite program|boring|not bad|I like it|you are the best|see attachment|released to production|the build is green|reviewing it now",
	"spam":    "Buy cheap followers now, visit my shop|Earn 500 dollars a day from home, click here|Congratulations, you have won a free phone, claim now|Hot crypto tips, join my channel today|We offer SEO services, rank first on Google|Limited offer on watches, 80 percent off|Get a loan approved in five minutes|Double your coins with our trading bot|Cheap flights and casino bonus, sign up",
	"harm":    "deleting my files|overwriting my settings|logging me out|sending e-mails to everyone|draining my battery|crashing|closing my tabs|charging me twice|wiping my notes|losing my drafts|restarting my phone|emptying the cart",
	"minor":   "typo|spelling mistake|wrong colour|misaligned icon|small gap|wrong tooltip|grammar mistake|missing comma|blurry icon|old copyright year",
	"spot":    "footer|header|about page|settings page|welcome mail|sidebar|error message|help page|login screen|invoice|menu|title bar",
	"lost":    "all my notes|my photos|three days of work|my saved games|the customer records|every file in the folder|my contacts|the whole database|my drafts|our orders|my progress|all bookmarks",
}

var seedPatterns = []pattern{
	{triage.Bug, `{app} {crash} {when} {do}
{hi}{app} {crash} {when} {do} {place}{bye}
{crash} {when} {do}
{thing} {broken} {place}
{hi}the {thing} {broken} {place}.{bye}
the {thing} {crash} {place}
{app} {broken} {when} {do}
please fix the {thing}, it {broken}
please fix the crash in the {thing}
please fix this, {app} {crash} {place}
it would be great if the {thing} stopped {harm}
would be nice if {app} did not {broken}
it would be great if it worked without {harm}
I wish {app} would stop {harm}
how do I stop it from {harm}?
why does {app} keep {harm}?
why does {app} always {crash} {when} {do}?
is it known that the {thing} {broken}?
anyone else seeing that the {thing} {broken} {place}?
{when} {do}, {app} {crash}
{when} {do} nothing happens
I can't log in {place}
cannot open the {thing} {place}
unable to use the {thing} {place}, it {broken}
lost {lost} after the update
{app} deleted {lost}
saving a file wiped {lost}
data loss when {do}
{lost} gone after {do}
I was charged twice for one order
payment fails {when} {do}
there is a {minor} in the {spot}
{minor} in the {spot}
the {spot} has a {minor}, nothing urgent
just a cosmetic glitch in the {spot}
{hi}{when} {do} I get an error message and the {thing} {broken}.{bye}
I expected the {thing} to open but {app} {crash}
{thing} {broken}
{thing} is slow {place}
very slow {when} {do}
battery drains fast {place}
got a 500 {when} {do}
stack trace {when} {do}
sign-in {broken} {place}
anyone can read other people's invoices by changing the number in the address
the {thing} shows a password in plain text
the {thing} arrives in the wrong order
my messages show up two days too early {place}
{thing} comes up in the wrong language {place}
every mail is sent three times
the list shows the same entry four times
the total is wrong by one cent
the map puts me in another town {place}
dates are one month off {place}
accents come out as squares in the export
the picture is upside down after {do}
text runs over the edge of the {thing}
my volume resets to zero {when} {do}
since the update all my folders are in one list
the counter says minus one
filters stay on even after I clear them
half of the words are cut in the {thing}
the cursor is in the wrong place {when} {do}
it asks for my pin again {when} {do}
says I have no permission although I am the owner
paid for a year but {app} says my trial is over
the timer runs backwards {place}
sound comes out of the wrong speaker {place}
I get a mail for a comment I wrote myself
the {thing} opens twice {when} {do}
music pauses {when} {do}
the pdf has empty pages
none of my colleagues can open the {thing}
our whole department cannot reach {app}
{hi}yesterday's upgrade emptied our customer list. We need it back.{bye}
{hi}the figure on my bill is not the one on the {thing}.{bye}
{hi}the parcel form rejects my postcode although it is right.{bye}
{hi}the newsletter still goes to my old company.{bye}
two problems: the {thing} {broken}, and I would also like {feature}
the {thing} {broken}. Also, could you add {feature}?
crash {place}
error {when} {do}
{thing} glitch {place}`},
	{triage.Feature, `please add {feature}
please add {feature} to {app}
{hi}could you add {feature}?{bye}
{hi}can you please add {feature} to the {thing}?{bye}
it would be great to have {feature}
it would be nice to have {feature} in the {thing}
would love {feature}
I would love to see {feature}
I'd like {feature} in the {thing}
feature request: {feature}
suggestion: {feature} for the {thing}
it would be cool if {app} had {feature}
we need {feature} {place}
any plans for {feature}?
any chance of {feature}?
I wish there was {feature}
support for {feature} please
add {feature}
allow users to choose {feature}
an option to turn off the {thing} would help
the {thing} should have {feature}
you should add {feature}, then it would be perfect
great app, but it needs {feature}
only thing missing is {feature}
please make the {thing} bigger
let me sort the {thing} by name
consider adding {feature}
{hi}I think {feature} would make the {thing} easier to use.{bye}
how about {feature}?
an improvement for the {thing}: {feature}
proposal: replace the {thing} with {feature}
enhancement: {feature} {place}
idea: {feature}
let me rename the {thing}
please let us move the {thing}
allow two people to use the {thing} at once
maybe put {feature} next to the {thing}?
{feature} would be super handy
{feature} would be very helpful
remember my last choice in the {thing}
show the date in the {thing}
more colours for the {thing}, please
could use {feature}
needs {feature}
{hi}we would like to have {feature}, as it would save us time.{bye}
{hi}our members often ask for {feature}.{bye}
{hi}it would help if I could {ask} by myself.{bye}
I'd like to be able to lock the {thing}
let the {thing} open in a new window
crash statistics would be a good addition
bring back {feature}
it'd be perfect with {feature}`},
	{triage.Question, `how do I {ask}?
{hi}how do I {ask}?{bye}
how can I {ask}
{hi}how can I {ask} {place}?{bye}
how to {ask}?
where can I {ask}?
is there a way to {ask}?
is it possible to {ask}?
can I {ask} {place}?
can someone explain how to {ask}
what is {fact}?
what's {fact}
{hi}I would like to know {fact}.{bye}
does anyone know how to {ask}?
does {app} work with screen readers?
which plan includes {feature}?
where do I find {fact}?
could you tell me how to {ask}?
do I need an account to {ask}?
quick question: how do I {ask}
I am new here, how do I {ask}?
I want to {ask}, where is that?
not sure how to {ask}, any hints?
when will {feature} be released?
does the {thing} support {feature}?
what does the {thing} do exactly?
what are your opening hours?
who do I ask about {fact}?
I don't understand {fact}, can you explain?
should I {ask} before the upgrade?
{hi}I could not find in the docs how to {ask}.{bye}
is there documentation on how to {ask}?
can I change my {fact}?
is it safe to {ask}?
is {app} open source?
is the {thing} part of the free plan?
is there a shortcut for the {thing}?
do you offer {feature} for students?
do you have an office in Berlin?
do I have to pay to {ask}?
which papers do you need from me?
when does the next version come out?
{hi}I would like to know when I can {ask}.{bye}
{hi}can I pay by card?{bye}
{hi}may I use the {thing} for my school?{bye}
how often is the {thing} updated?
how do I close a hanging {thing}?
how do I report an error in the {thing}?
what happens to my data when I {ask}?
where is the option for the {thing}
how many people can use one account
how old must I be to sign up
short question: where can I {ask}
what is the largest file I can send`},
	{triage.Noise, `{nice}
{nice}
{nice}
{nice}!
{hi}{nice}
{nice}. {nice}.
{nice}, {nice}
{spam}
{spam}!!!
<script>alert(1)</script>
I love the {thing}, {nice}
the {thing} is really nice
thanks for {feature}
the {thing} works perfectly now, thanks
{feature} works great, {nice}`},
}

// seeds draws n messages of each class, always the same ones.
func seeds(n int) []offline.Lesson {
	rng := rand.New(rand.NewPCG(42, 42))
	lists := map[string][]string{}
	for name, s := range seedLists {
		lists[name] = strings.Split(s, "|")
	}
	var out []offline.Lesson
	for _, p := range seedPatterns {
		lines := strings.Split(p.lines, "\n")
		seen := map[string]bool{}
		for i := range n {
			text := fill(lines[i%len(lines)], lists, rng)
			if rng.IntN(3) == 0 {
				text = strings.ToUpper(text[:1]) + text[1:]
			}
			if rng.IntN(12) == 0 {
				text = strings.ToLower(text)
			}
			if rng.IntN(6) == 0 {
				text = strings.TrimRight(text, "?.!")
			}
			if rng.IntN(8) == 0 {
				text = []string{"🚀 ", "🔥 ", "⚠️ ", "🙏 "}[rng.IntN(4)] + text
			}
			if seen[text] {
				continue
			}
			seen[text] = true
			ch := []triage.Channel{triage.ChannelChat, triage.ChannelEmail}[rng.IntN(2)]
			out = append(out, offline.Lesson{Item: triage.Item{Text: text, Channel: ch}, Label: string(p.class), Source: "seeds"})
		}
	}
	return out
}

// seedIssues makes issues of the seeds: a title of one and a body of two more of
// the same class, or a title alone. They hold what is common to trackers that
// the five of NLBSE'24 do not show, and noise.
func seedIssues() []offline.Lesson {
	by := map[string][]offline.Lesson{}
	for _, x := range seeds(600) {
		by[x.Label] = append(by[x.Label], x)
	}
	var out []offline.Lesson
	for _, c := range triage.Classes {
		of := by[string(c)]
		text := func(i int) string { return of[i%len(of)].Item.Text }
		for i := 1; i < len(of); i += 2 {
			x := offline.Lesson{Item: triage.Item{Title: text(i), Channel: triage.ChannelIssue}, Label: string(c), Source: "seeds", Weight: 0.4}
			if i%4 == 3 {
				x.Item.Text = text(7*i+1) + ". " + text(13*i+5)
			}
			out = append(out, x)
		}
	}
	return out
}

// fill replaces {names} until none is left.
func fill(s string, lists map[string][]string, rng *rand.Rand) string {
	for range 20 {
		a := strings.IndexByte(s, '{')
		if a < 0 {
			break
		}
		b := strings.IndexByte(s, '}')
		words, ok := lists[s[a+1:b]]
		if !ok {
			panic(fmt.Sprintf("seeds: no list %q", s[a+1:b]))
		}
		s = s[:a] + words[rng.IntN(len(words))] + s[b+1:]
	}
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(" .", ".", " ,", ",", " ?", "?").Replace(s)
}
