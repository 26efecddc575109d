// Package triage says what feedback is and how it is judged: the words of the
// product (class, severity, state, role), the verdict an engine gives, and the
// moves that an item and an issue may make. It imports the standard library
// only, so every other package can speak its language.
package triage

// Class is what a message is about.
type Class string

// The four classes, with the label definitions that people and engines share.
const (
	Bug      Class = "bug"      // something is broken, does not work, or errors
	Feature  Class = "feature"  // new functionality or an improvement
	Question Class = "question" // asks for help, reports no problem
	Noise    Class = "noise"    // nothing to act on: thanks, greetings, spam
)

// Classes lists every class, in the order of the engine's probability vector.
var Classes = [...]Class{Bug, Feature, Question, Noise}

// Valid reports whether c is one of the four classes.
func (c Class) Valid() bool { return c == Bug || c == Feature || c == Question || c == Noise }

// Severity is how bad the matter is for the people it meets.
type Severity string

// The four severities, worst first.
const (
	Critical Severity = "critical" // data loss, security, complete failure
	High     Severity = "high"     // a major feature is broken, many people, no workaround
	Medium   Severity = "medium"   // partly broken, there is a workaround
	Low      Severity = "low"      // cosmetic or minor
)

// Severities lists every severity, worst first, in the order of the engine's
// probability vector.
var Severities = [...]Severity{Critical, High, Medium, Low}

// Valid reports whether s is one of the four severities.
func (s Severity) Valid() bool { return s == Critical || s == High || s == Medium || s == Low }

// Rank orders severities: 4 for critical down to 1 for low, 0 for anything else.
func (s Severity) Rank() int {
	for i, v := range Severities {
		if s == v {
			return len(Severities) - i
		}
	}
	return 0
}

// Channel is the kind of place a message came from. Engines read an issue
// template, a chat line and a review differently.
type Channel string

// The four channels.
const (
	ChannelIssue  Channel = "issue"  // a tracker's issue: title, template, long body
	ChannelChat   Channel = "chat"   // Discord, Slack: short, informal
	ChannelReview Channel = "review" // an app-store review or a form
	ChannelEmail  Channel = "email"  // a mail: subject, greeting, signature
)

// ChannelOf guesses the channel from a source's name, such as "discord" or
// "github"; a name it does not know reads as a review, the plainest kind.
func ChannelOf(source string) Channel {
	switch source {
	case "github", "gitlab", "gitea", "forgejo", "jira", "linear", "import":
		return ChannelIssue
	case "discord", "slack", "chat", "kafka":
		return ChannelChat
	case "email", "mail", "imap":
		return ChannelEmail
	}
	return ChannelReview
}

// Item is what an engine is given to judge.
type Item struct {
	Title      string   // subject line; empty for chat and forms
	Text       string   // the message, verbatim UTF-8
	Channel    Channel  // empty reads as ChannelReview
	Source     string   // the name of the place it came from; only what a project has taught looks at it
	Labels     []string // the project's own label list; a verdict suggests from it only
	Components []string // the project's own component list, likewise

	// What only a language model is told.
	Language   string      // of the project, ISO 639-1: the draft is written in it; empty reads as "en"
	Candidates []Candidate // issues that may be about the same matter, best first
	Account    Account     // whose budget it is charged to
}

// Candidate is an issue that a message may be another report of.
type Candidate struct {
	ID    string
	Title string
	Lead  string // what happens, or the first step
}

// Translation is a message in the project's language. The original stays as it is.
type Translation struct {
	Language string `json:"language"` // ISO 639-1
	Text     string `json:"text"`
}

// Part names the text an offset points into.
type Part string

// The two texts of an Item.
const (
	PartTitle Part = "title"
	PartText  Part = "text"
)

// Evidence points at the words that led to one field of a verdict.
type Evidence struct {
	Field string `json:"field"` // "class", "severity", "steps", "title", …
	Part  Part   `json:"part"`
	Start int    `json:"start"` // byte offset into the UTF-8 of that part
	End   int    `json:"end"`   // exclusive; Start < End, both on rune boundaries
}

// SentenceRole is what one sentence of a report does.
type SentenceRole string

// The roles a sentence can have; RoleOther is none of them.
const (
	RoleStep     SentenceRole = "step"     // how to reproduce it
	RoleObserved SentenceRole = "observed" // what happens
	RoleExpected SentenceRole = "expected" // what should happen
	RoleOther    SentenceRole = "other"
)

// Sentence is one sentence of the item with its role.
type Sentence struct {
	Part  Part         `json:"part"`
	Start int          `json:"start"` // byte offsets, as in Evidence
	End   int          `json:"end"`
	Role  SentenceRole `json:"role"`
}

// Spec is the draft of an issue. Everything in it comes from the text, or says
// in words what the text leaves out.
type Spec struct {
	Title       string            `json:"title"`               // 5 to 100 characters, one line, not the raw text
	Steps       []string          `json:"steps"`               // how to reproduce; for a bug never empty
	Observed    string            `json:"observed"`            // what happens; may be empty
	Expected    string            `json:"expected"`            // what should happen; may be empty
	Criteria    []string          `json:"criteria"`            // acceptance criteria; for a bug or feature never empty
	Labels      []string          `json:"labels"`              // ⊆ Item.Labels and what the project's people have used
	Components  []string          `json:"components"`          // ⊆ Item.Components, or words of the text when that is empty; likewise
	Assignees   []string          `json:"assignees,omitempty"` // who it is for, as the project's people have taught; empty: nobody knows
	Environment map[string]string `json:"environment"`         // keys "version", "os", "browser", "device"
	Missing     []string          `json:"missing"`             // what a person should ask for, such as "steps to reproduce"
}

// Opinion is what one engine says of class and severity.
type Opinion struct {
	Class      Class    `json:"class"`
	Severity   Severity `json:"severity"`
	Confidence float64  `json:"confidence"`
}

// Opinions are those of both engines, and whose is used.
type Opinions struct {
	Model    Opinion `json:"model"`
	Embedded Opinion `json:"embedded"`
	Used     string  `json:"used"` // "model" or "embedded"
	Why      string  `json:"why"`
}

// Verdict is what an engine says of an Item. It is a proposal; code and people
// check it.
type Verdict struct {
	Class         Class                `json:"class"`
	Probabilities map[Class]float64    `json:"probabilities"` // sums to 1
	Confidence    float64              `json:"confidence"`    // calibrated, 0 < c ≤ 1, of Class
	Severity      Severity             `json:"severity"`
	SeverityProbs map[Severity]float64 `json:"severity_probabilities"`
	Reasoning     string               `json:"reasoning"` // one or two sentences; quotes the evidence
	Language      string               `json:"language"`  // ISO 639-1, "und" when unsure
	Flags         []string             `json:"flags"`     // FlagSpam, FlagToxic, FlagInjection
	Sentences     []Sentence           `json:"sentences"`
	Evidence      []Evidence           `json:"evidence"`
	Engine        string               `json:"engine"`         // "offline" or a model's name
	EngineVersion string               `json:"engine_version"` // hash of the weights, or the prompt's version
	// What only a language model says.
	DuplicateOf  string       `json:"duplicate_of,omitempty"`  // ID of the candidate that is about the same matter
	DuplicateWhy string       `json:"duplicate_why,omitempty"` // in a sentence
	Translation  *Translation `json:"translation,omitempty"`   // nil: the message is in the project's language
	Opinions     *Opinions    `json:"opinions,omitempty"`      // what each engine said, when a model was asked
	Spec
}

// The flags a verdict can carry. A flag informs a person; it changes no state.
const (
	FlagSpam      = "spam"
	FlagToxic     = "toxic"
	FlagInjection = "injection"
)
