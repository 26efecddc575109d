package main

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func scoreIssues(t *table, e *offline.Engine, rows []row) {
	all := judgeAll(e, rows, issue)
	byRepo := map[string][]judged{}
	notNoise(all)
	for i := range all {
		byRepo[all[i].row.Repo] = append(byRepo[all[i].row.Repo], all[i])
	}
	sum := 0.0
	for _, j := range byRepo {
		sum += f1(j, same)
	}
	t.add("NLBSE'24, mean F1 over five repositories, shipped model", sum/float64(max(1, len(byRepo))), ".775", ".80", len(all))
	t.add("ECE, NLBSE'24", ece(all), ".05", ".03", len(all))
	t.add("coverage at 97 % accuracy, NLBSE'24", coverage(all, 0.97), ".18", ".25", len(all))
}

// notNoise takes the best of the three other classes: a tracker's issue is never
// noise.
func notNoise(rows []judged) {
	for i := range rows {
		if rows[i].got == "noise" {
			rows[i].got, rows[i].p = bestOf(rows[i].v, triage.Bug, triage.Feature, triage.Question)
		}
	}
}

func bestOf(v triage.Verdict, of ...triage.Class) (string, float64) {
	best := of[0]
	for _, c := range of {
		if v.Probabilities[c] > v.Probabilities[best] {
			best = c
		}
	}
	return string(best), v.Probabilities[best]
}

func scoreEclipse(t *table, e *offline.Engine, rows []row) {
	j := judgeAll(e, rows, issue)
	for i := range j {
		j[i].got, j[i].p = bestOf(j[i].v, triage.Bug, triage.Feature)
	}
	t.add("Eclipse titles, bug/feature macro-F1", f1(j, same), "", "", len(j))
}

func scoreSeverity(t *table, e *offline.Engine, rows []row) {
	j := judgeAll(e, rows, issue)
	var p []float64
	var y []bool
	for i := range j {
		j[i].got, j[i].p = string(j[i].v.Severity), j[i].v.SeverityProbs[j[i].v.Severity]
		if j[i].want != "medium" {
			p = append(p, j[i].v.SeverityProbs[triage.Critical]+j[i].v.SeverityProbs[triage.High]-j[i].v.SeverityProbs[triage.Low])
			y = append(y, j[i].want != "low")
		}
	}
	t.add("severity, Mozilla, macro-F1 of 4 levels", f1(j, same), ".55", ".58", len(j))
	t.add("severity, Mozilla, severe against low, AUC", auc(p, y), ".90", ".92", len(p))
}

func scoreRoles(t *table, e *offline.Engine, rows []row) {
	names := map[string]string{"OB": "observed", "EB": "expected", "S2R": "step", "other": "other"}
	var out []judged
	for _, r := range rows {
		v := e.Judge(chat(r))
		got := "other"
		for _, s := range v.Sentences {
			if s.Role != triage.RoleOther {
				got = string(s.Role)
				break
			}
		}
		out = append(out, judged{want: names[r.Label], got: got})
	}
	t.add("steps, observed, expected (BEE), macro-F1", f1(out, same), ".72", ".76", len(out))
}

func scoreRisks(t *table, e *offline.Engine, l *loader, s split) {
	measure := func(rows []row, item func(row) triage.Item, yes, flag string, risk func(offline.Risks) float64) (f, both, a float64, n int) {
		var tp, fp, fn, tn float64
		var p []float64
		var y []bool
		for _, r := range rows {
			is := r.Label == yes
			got := slices.Contains(e.Judge(item(r)).Flags, flag)
			switch {
			case got && is:
				tp++
			case got:
				fp++
			case is:
				fn++
			default:
				tn++
			}
			p, y = append(p, risk(e.Risks(item(r)))), append(y, is)
		}
		f = 2 * tp / max(1, 2*tp+fp+fn)
		return f, (f + 2*tn/max(1, 2*tn+fp+fn)) / 2, auc(p, y), len(rows)
	}
	f, _, _, n := measure(s.of(l.load("spam-sms/all.jsonl.gz")), chat, "spam", triage.FlagSpam, func(r offline.Risks) float64 { return r.Spam })
	t.add("spam (SMS), F1", f, ".95", ".97", n)
	_, both, a, n := measure(s.of(l.load("toxicity/surge.jsonl.gz")), chat, "Toxic", triage.FlagToxic, func(r offline.Risks) float64 { return r.Toxic })
	t.add("toxicity (Surge), AUC", a, ".93", ".95", n)
	t.add("toxicity (Surge), flag macro-F1", both, "", "", n)
	_, both, a, n = measure(s.of(l.load("toxicity/incivility.jsonl.gz")), chat, "uncivil", triage.FlagToxic, func(r offline.Risks) float64 { return r.Uncivil })
	t.add("incivility, flag macro-F1", both, ".70", ".73", n)
	t.add("incivility, AUC", a, "", "", n)
	if s.held {
		attacks := s.of(l.load("injection/dev.jsonl.gz"))
		var hit, all, embedded, orders, wrongly, benign float64
		for _, r := range attacks {
			got := slices.Contains(e.Judge(chat(r)).Flags, triage.FlagInjection)
			switch {
			case r.Label == "benign":
				benign++
				if got {
					wrongly++
				}
			case strings.HasPrefix(r.ID, "bipia"):
				orders++
				if got {
					embedded++
				}
			case strings.HasPrefix(r.ID, "wild"):
				all++
				if got {
					hit++
				}
			}
		}
		n, found := overrides(e, attacks, s.of(l.load("nlbse24-issues/train.jsonl.gz")))
		t.add("explicit overrides in an issue found", found, ".75", ".90", n)
		t.add("jailbreaks found", hit/max(1, all), ".70", ".90", int(all))
		t.add("plain orders to an assistant found (BIPIA)", embedded/max(1, orders), "", "", int(orders))
		t.add("false alarms on NotInject", wrongly/max(1, benign), ".025", ".025", int(benign))
	}
	for _, set := range [...]struct{ name, file string }{{"reviews", "reviews-clap/all.jsonl.gz"}, {"sms", "spam-sms/all.jsonl.gz"}, {"heated threads", "toxicity/incivility.jsonl.gz"}} {
		rows := s.of(l.load(set.file))
		n := 0.0
		for _, r := range rows {
			if slices.Contains(e.Judge(chat(r)).Flags, triage.FlagInjection) {
				n++
			}
		}
		t.add("false alarms of injection, "+set.name, n/float64(max(1, len(rows))), ".025", ".025", len(rows))
	}
}

// override is a sentence that tells a model to drop what it was told.
var override = regexp.MustCompile(`(?i)[^.!?\n]*\b(ignore|disregard|forget|override|bypass)\b[^.!?\n]{0,60}\b(instructions?|prompts?|rules?|guidelines?|previous|above|policies|directives?|training)\b[^.!?\n]*[.!?]?`)

// overrides takes the sentences out of attacks that tell a model to drop what it
// was told, puts each into the middle of an issue, and returns how many there
// are and the share that is flagged.
func overrides(e *offline.Engine, attacks, issues []row) (int, float64) {
	var r rate
	for _, a := range attacks {
		s := strings.TrimSpace(override.FindString(a.Text))
		if a.Label == "benign" || s == "" || len(s) > 400 {
			continue
		}
		it := issue(issues[r.n%len(issues)])
		half := strings.LastIndexByte(it.Text[:len(it.Text)/2], '\n') + 1
		it.Text = it.Text[:half] + "\n" + s + "\n" + it.Text[half:]
		r.count(slices.Contains(e.Judge(it).Flags, triage.FlagInjection))
	}
	return r.n, r.value()
}

func scoreForeign(t *table, e *offline.Engine, s split, rows []row) {
	if !s.held {
		return // the set has no test split; see eval --dev
	}
	j := judgeAll(e, s.of(rows), issue)
	t.add("not English, bug/feature macro-F1", f1(j, same), ".57", ".65", len(j))
	english := 0
	for _, x := range j {
		if x.v.Language == "en" || x.v.Language == "und" {
			english++
		}
	}
	t.add("not English, language missed", float64(english)/float64(max(1, len(j))), "", "", len(j))
}

func scoreTitles(t *table, e *offline.Engine, rows []row) {
	sum, n, bad := 0.0, 0, 0
	for _, r := range rows {
		if len(r.Body) < 80 {
			continue
		}
		v := e.Judge(triage.Item{Text: r.Body, Channel: triage.ChannelIssue})
		sum += rougeL(v.Title, r.Title)
		n++
		if c := len([]rune(v.Title)); c < 5 || c > 90 {
			bad++
		}
	}
	t.add("title, ROUGE-L on NLBSE bodies", sum/float64(max(1, n)), ".145", ".20", n)
	t.add("titles of a wrong length", float64(bad), "0", "0", n)
}

func scoreSpeed(t *table, e *offline.Engine, issues, reviews []row) {
	rate := func(rows []row, item func(row) triage.Item) float64 {
		rows = rows[:min(1500, len(rows))]
		start := time.Now()
		for _, r := range rows {
			e.Judge(item(r))
		}
		return float64(len(rows)) / time.Since(start).Seconds()
	}
	t.add("issues a second, one core", rate(issues, issue), "1000", "4000", 0)
	t.add("reviews a second, one core", rate(reviews, review), "8000", "30000", 0)
}
