package floors

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iterateswarm/iterateswarm/internal/triage"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns what stands between a heading and the next one.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(doc, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	before, _, _ := strings.Cut(after, "\n##")
	return before
}

func lines(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^\s*`+pattern+`\s*$`).FindAllStringSubmatch(text, -1) {
		found = append(found, strings.Join(m[1:], " "))
	}
	slices.Sort(found)
	return found
}

var (
	feedbackStates = []triage.FeedbackState{triage.Received, triage.Triaged, triage.Joined, triage.NoiseHeld, triage.Held}
	issueStates    = []triage.IssueState{triage.Draft, triage.Approved, triage.Filed, triage.Closed, triage.Declined, triage.Snoozed}
	actions        = []triage.Action{
		triage.ActApprove, triage.ActDecline, triage.ActSnooze, triage.ActReopen, triage.ActFile,
		triage.ActClose, triage.ActEdit, triage.ActMerge, triage.ActSplit,
	}
)

func TestArchitectureDrawsTheMovesOfAMessage(t *testing.T) {
	t.Parallel()
	drawn := lines(section(t, readDoc(t, "docs/architecture.md"), "### A message"), `(\w+) --> (\w+)`)
	var want []string
	for _, from := range feedbackStates {
		for _, to := range feedbackStates {
			if triage.CanMove(from, to) {
				want = append(want, string(from)+" "+string(to))
			}
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, drawn); diff != "" {
		t.Errorf("docs/architecture.md does not draw internal/triage/states.go (-code +drawing):\n%s", diff)
	}
}

func TestArchitectureDrawsTheMovesOfAnIssue(t *testing.T) {
	t.Parallel()
	text := section(t, readDoc(t, "docs/architecture.md"), "### An issue")
	drawn := lines(text, `(\w+) --> (\w+): (\w+)`)
	for _, row := range regexp.MustCompile(`(?m)^\| (\w+) \| ([\w, ]+) \|$`).FindAllStringSubmatch(text, -1) {
		if row[1] == "action" {
			continue
		}
		for state := range strings.SplitSeq(row[2], ", ") {
			drawn = append(drawn, state+" "+state+" "+row[1])
		}
	}
	slices.Sort(drawn)
	var want []string
	for _, from := range issueStates {
		for _, action := range actions {
			if to, err := triage.Next(from, action); err == nil {
				want = append(want, strings.Join([]string{string(from), string(to), string(action)}, " "))
			}
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, drawn); diff != "" {
		t.Errorf("docs/architecture.md does not draw internal/triage/states.go (-code +drawing):\n%s", diff)
	}
}

func TestEveryFolderOfTheTableIsOnTheMap(t *testing.T) {
	t.Parallel()
	doc := section(t, readDoc(t, "docs/architecture.md"), "## Where things are")
	for _, r := range Table() {
		folder := strings.TrimSuffix(r.Folder, "/*")
		if _, err := os.Stat("../../" + folder); err != nil || folder == "." {
			continue // has a floor and is not built yet
		}
		if !strings.Contains(doc, "`"+folder+"`") && !strings.Contains(doc, "`"+folder+"/`") {
			t.Errorf("docs/architecture.md does not say where %s is", folder)
		}
	}
}

func TestEveryErrorNumberHasAHeading(t *testing.T) {
	t.Parallel()
	inCode := lines(readDoc(t, "internal/pipeline/problem.go"), `\w+ += ([1-5]\d{4})\b.*`)
	inDoc := lines(readDoc(t, "docs/errors.md"), `### (\d{5})`)
	if diff := cmp.Diff(inCode, inDoc); diff != "" {
		t.Errorf("docs/errors.md and internal/pipeline/problem.go differ (-code +headings):\n%s", diff)
	}
}
