package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/config"
	"github.com/iterateswarm/iterateswarm/internal/llm"
	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// question is one message that both engines judge.
type question struct {
	item triage.Item
	want string // the class
	lang string
}

// set is what one row of the comparison is about.
type set struct {
	name string
	fold func(string) string
	rows []question
}

// compare scores the configured model and the embedded engine on the same
// messages, prints both and adds a section to the report.
func compare(o options) error {
	c, err := config.FromEnviron(os.Environ())
	if err != nil {
		return err
	}
	if c.LLM.Model == "" {
		return errors.New("no language model is configured: set ITERATESWARM_LLM_MODEL, see docs/llm.md")
	}
	model, err := llm.New(llm.FromConfig(c))
	if err != nil {
		return err
	}
	sets, err := chosen(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	section, err := duel(ctx, offline.New(), model, sets, func(n, of int) { fmt.Fprintf(os.Stderr, "\r%d of %d", n, of) })
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	fmt.Print(section)
	if o.out == "" {
		o.out = "eval/report.md"
	}
	return replaceSection(o.out, section)
}

// chosen reads the sets that the flags name.
func chosen(o options) ([]set, error) {
	l := &loader{dir: o.data}
	var out []set
	for name := range strings.SplitSeq(o.sets, ",") {
		s := set{name: name, fold: three}
		add := func(rows []row, item func(row) triage.Item) {
			for _, r := range (split{}).of(rows) {
				if r.Label != "" {
					s.rows = append(s.rows, question{item(r), r.Label, "en"})
				}
			}
		}
		switch name = strings.TrimSpace(name); {
		case name == "own":
			own, err := ownRows()
			if err != nil {
				return nil, err
			}
			s.fold = same
			for _, r := range own {
				if r.Class != "" {
					s.rows = append(s.rows, question{triage.Item{Title: r.Title, Text: r.Text, Channel: r.Channel}, string(r.Class), r.Lang})
				}
			}
		case o.data == "":
			return nil, fmt.Errorf("set %s needs --data", name)
		case name == "nlbse":
			add(l.load("nlbse24-issues/test.jsonl.gz"), issue)
		case name == "maalej", name == "clap":
			add(l.load("reviews-"+name+"/all.jsonl.gz"), review)
		case name == "play":
			add(l.load("reviews-play8000/all.jsonl.gz"), review)
		default:
			return nil, fmt.Errorf("there is no set %q", name)
		}
		s.rows = spread(s.rows, o.most)
		out = append(out, s)
	}
	return out, l.err
}

// spread takes n rows at equal distances.
func spread[T any](rows []T, n int) []T {
	if n <= 0 || len(rows) <= n {
		return rows
	}
	out := make([]T, n)
	for i := range out {
		out[i] = rows[i*len(rows)/n]
	}
	return out
}

// bill is what a model took.
type bill struct {
	calls, tokensIn, tokensOut int
	cost                       float64
	took                       []time.Duration // of each judgement
	vain                       int             // judgements without a verdict: the embedded engine's counts
}

// duel lets both engines judge every message. What the model gives no verdict on
// counts with the embedded engine's, as it does in the product.
func duel(ctx context.Context, e *offline.Engine, m *llm.Engine, sets []set, progress func(n, of int)) (string, error) {
	total, n := 0, 0
	for _, s := range sets {
		total += len(s.rows)
	}
	var b strings.Builder
	var bill bill
	fmt.Fprintf(&b, "## A language model beside it\n\n%s at an endpoint of kind %s, prompt %s; embedded weights %s, %s. Made by `go run ./eval llm`.\n\n",
		m.State().Model, m.State().Kind, llm.PromptVersion(), e.Version(), time.Now().Format("2006-01-02"))
	b.WriteString("| class | embedded, macro-F1 | model, macro-F1 | embedded, accuracy | model, accuracy | gain in points | n |\n|---|---|---|---|---|---|---|\n")
	for _, s := range sets {
		var theirs, ours []judged
		var lang []string
		for _, q := range s.rows {
			first := e.Judge(q.item)
			start := time.Now()
			th, err := m.JudgePatiently(ctx, q.item, first)
			switch {
			case ctx.Err() != nil:
				return "", ctx.Err()
			case err != nil && len(th.Calls) == 0:
				return "", fmt.Errorf("after %d of %d messages: %w", n, total, err) // nothing can be asked any more
			case err != nil:
				bill.vain++
				th.Verdict = first
			}
			bill.add(th.Calls, time.Since(start))
			ours = append(ours, judged{want: s.fold(q.want), got: s.fold(string(first.Class))})
			theirs = append(theirs, judged{want: s.fold(q.want), got: s.fold(string(th.Verdict.Class))})
			lang = append(lang, q.lang)
			n++
			progress(n, total)
		}
		line(&b, s, s.name, ours, theirs, lang, func(string) bool { return true })
		if s.name == "own" {
			line(&b, s, "own, English", ours, theirs, lang, func(l string) bool { return l == "en" })
			line(&b, s, "own, other languages", ours, theirs, lang, func(l string) bool { return l != "en" })
		}
	}
	b.WriteString(bill.text(n, m.State().Priced))
	return b.String(), nil
}

// line writes one row: the messages whose language is of interest.
func line(b *strings.Builder, s set, name string, ours, theirs []judged, lang []string, of func(string) bool) {
	var x, y []judged
	for i := range ours {
		if of(lang[i]) {
			x, y = append(x, ours[i]), append(y, theirs[i])
		}
	}
	fmt.Fprintf(b, "| %s | %.3f | %.3f | %.3f | %.3f | %+.1f | %d |\n", name,
		f1(x, s.fold), f1(y, s.fold), accuracy(x), accuracy(y), 100*(accuracy(y)-accuracy(x)), len(x))
}

func (b *bill) add(calls []triage.Call, took time.Duration) {
	for _, c := range calls {
		b.calls++
		b.tokensIn += c.TokensIn
		b.tokensOut += c.TokensOut
		b.cost += c.Cost
	}
	b.took = append(b.took, took)
}

func (b *bill) text(n int, priced bool) string {
	slices.Sort(b.took)
	cost := "no price configured, so no cost"
	if priced {
		cost = fmt.Sprintf("cost %.4f, %.6f a message", b.cost, b.cost/float64(max(1, n)))
	}
	at := func(q float64) time.Duration {
		if len(b.took) == 0 {
			return 0
		}
		return b.took[int(q*float64(len(b.took)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("\n%d messages, %d calls, %d without a verdict of the model; %d tokens sent and %d received, %.0f a message; %s; latency p50 %v, p95 %v, our own rate included.\n",
		n, b.calls, b.vain, b.tokensIn, b.tokensOut, float64(b.tokensIn+b.tokensOut)/float64(max(1, n)), cost, at(.5), at(.95))
}

const llmHeading = "## A language model beside it\n"

// llmSection is that section of a report as it is now, or nothing.
func llmSection(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	_, after, found := strings.Cut(string(text), llmHeading)
	if !found {
		return ""
	}
	if next := strings.Index(after, "\n## "); next >= 0 {
		after = after[:next+1]
	}
	return "\n" + llmHeading + after
}

// replaceSection puts the section at the end of a report, in place of an older one.
func replaceSection(file, section string) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	whole := strings.TrimRight(strings.Replace(string(text), llmSection(file), "", 1), "\n")
	return os.WriteFile(file, []byte(strings.TrimLeft(whole+"\n\n"+section, "\n")), 0o644)
}
