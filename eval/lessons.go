package main

import (
	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
	"strings"
)

// lessons makes the training rows of the model. A row for which keep is false
// is left out; nil keeps all.
func lessons(l *loader, keep func(row) bool) offline.Lessons {
	var out offline.Lessons
	add := func(to *[]offline.Lesson, rows []row, item func(row) triage.Item, label func(row) string, base offline.Lesson) {
		for _, r := range rows {
			if keep != nil && !keep(r) {
				continue
			}
			x := base
			x.Item, x.Label = item(r), label(r)
			if x.Source == "" {
				x.Source = r.Repo
			}
			if x.Label != "" {
				*to = append(*to, x)
			}
		}
	}
	nlbse := l.load("nlbse24-issues/train.jsonl.gz")
	maalej := in(l.load("reviews-maalej/all.jsonl.gz"), "train")
	play := in(l.load("reviews-play8000/all.jsonl.gz"), "train")
	clap := in(l.load("reviews-clap/all.jsonl.gz"), "train")
	clinc := in(l.load("smalltalk-clinc/all.jsonl.gz"), "train")
	frminer := l.load("chat-frminer/all.jsonl.gz")
	vscode := l.load("multilingual-vscode/dev.jsonl.gz")
	mozilla := in(l.load("severity-mozilla/balanced.jsonl.gz"), "train")
	eclipse := in(l.load("severity-eclipse/titles.jsonl.gz"), "train")
	bee := in(l.load("s2r-sentences/bee.jsonl.gz"), "train")
	sms := in(l.load("spam-sms/all.jsonl.gz"), "train")
	surge := in(l.load("toxicity/surge.jsonl.gz"), "train")
	heated := in(l.load("toxicity/incivility.jsonl.gz"), "train")
	attacks := l.load("injection/dev.jsonl.gz")

	add(&out.Class, nlbse, issue, theLabel, offline.Lesson{Fit: true, Weight: 1})
	for _, set := range [][]row{maalej, play, clap} {
		add(&out.Class, set, review, theLabel, offline.Lesson{Source: "reviews", Fit: true, Weight: 10})
	}
	add(&out.Class, clinc, chat, theLabel, offline.Lesson{Source: "clinc", Weight: 0.5})
	add(&out.Class, frminer, chat, func(r row) string {
		if r.Label == "feature" {
			return "feature"
		}
		return ""
	}, offline.Lesson{Source: "frminer", Only: true})
	add(&out.Class, eclipse, issue, theLabel, offline.Lesson{Source: "eclipse", Weight: 0.3, Fit: true})
	add(&out.Class, vscode, issue, theLabel, offline.Lesson{Source: "vscode-foreign", Fit: true})

	out.Class = append(out.Class, seedIssues()...)
	for _, x := range seeds(600) {
		x.Weight = 2
		out.Class = append(out.Class, x)
	}
	for _, x := range seedsForeign(40) {
		x.Weight = 4
		out.Class = append(out.Class, x)
	}

	add(&out.Severity, mozilla, issue, theLabel, offline.Lesson{Source: "mozilla"})
	add(&out.Roles, bee, chat, func(r row) string {
		return map[string]string{"OB": "observed", "EB": "expected", "S2R": "step", "other": "other"}[r.Label]
	}, offline.Lesson{Source: "bee"})
	for i := range out.Roles {
		out.Roles[i].Weight = map[string]float64{"observed": 1.5, "expected": 8, "step": 4}[out.Roles[i].Label]
	}

	yes := func(of ...string) func(row) string {
		return func(r row) string {
			if oneOf(r.Label, of...) {
				return "yes"
			}
			return "no"
		}
	}
	no := func(row) string { return "no" }
	add(&out.Spam, sms, chat, yes("spam"), offline.Lesson{Source: "sms"})
	add(&out.Toxic, surge, chat, yes("Toxic"), offline.Lesson{Source: "surge"})
	add(&out.Uncivil, heated, chat, yes("uncivil"), offline.Lesson{Source: "incivility"})
	add(&out.Injection, attacks, chat, yes("injection"), offline.Lesson{Source: "injection"})
	some := func(rows []row, n int) []row { return rows[:min(n, len(rows))] }
	for _, set := range [][]row{some(maalej, 400), some(play, 400), some(clap, 400)} {
		add(&out.Spam, set, review, no, offline.Lesson{Source: "reviews", Weight: 0.5})
		add(&out.Injection, set, review, no, offline.Lesson{Source: "reviews", Weight: 0.9})
	}
	for _, set := range [][]row{some(sms, 1500), some(heated, 2500), surge} {
		add(&out.Injection, set, chat, no, offline.Lesson{Source: "no attack", Weight: 0.5})
	}
	// Feedback is civil unless it swears; otherwise every complaint would be
	// flagged, because the two sets hold no feedback.
	for _, set := range [][]row{some(maalej, 1200), some(play, 1200), some(clap, 1200)} {
		add(&out.Toxic, set, review, civil, offline.Lesson{Source: "reviews", Weight: 0.4})
		add(&out.Uncivil, set, review, civil, offline.Lesson{Source: "reviews", Weight: 0.2})
	}
	add(&out.Toxic, nlbse, issue, civil, offline.Lesson{Weight: 0.3})
	add(&out.Uncivil, nlbse, issue, civil, offline.Lesson{Weight: 0.2})
	for _, x := range append(seeds(150), seedsForeign(12)...) {
		x.Label, x.Weight = "no", 0.4
		out.Toxic, out.Uncivil = append(out.Toxic, x), append(out.Uncivil, x)
		out.Injection = append(out.Injection, x)
		if !strings.Contains(seedLists["spam"], strings.TrimRight(x.Item.Text, "!")) {
			out.Spam = append(out.Spam, x)
		}
	}
	add(&out.Spam, nlbse, issue, no, offline.Lesson{Weight: 0.3})
	add(&out.Injection, nlbse, issue, no, offline.Lesson{Weight: 0.9})
	return out
}

// civil says "no" to a row without a swear word and drops the others.
func civil(r row) string {
	low := strings.ToLower(r.Text + r.Title + r.Body)
	for _, w := range [...]string{"fuck", "shit", "crap", "suck", "idiot", "stupid", "dumb", "trash", "garbage", "damn", "hell", "hate", "pathetic", "moron", "bitch", "ass ", "asshole", "scam", "liar", "thief", "wtf", "ridiculous", "joke"} {
		if strings.Contains(low, w) {
			return ""
		}
	}
	return "no"
}

func theLabel(r row) string {
	if r.Label == "other" {
		return string(triage.Noise)
	}
	return r.Label
}

func issue(r row) triage.Item {
	return triage.Item{Title: r.Title, Text: r.Body, Channel: triage.ChannelIssue}
}

func review(r row) triage.Item { return triage.Item{Text: r.Text, Channel: triage.ChannelReview} }

func chat(r row) triage.Item { return triage.Item{Text: r.Text, Channel: triage.ChannelChat} }
