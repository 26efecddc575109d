package triage

import (
	"errors"
	"fmt"
)

// FeedbackState is where one message stands. docs/architecture.md draws the machine.
type FeedbackState string

// The states of a message.
const (
	Received  FeedbackState = "received" // stored with its offline verdict; the triage job is due
	Triaged   FeedbackState = "triaged"  // judged; a question rests here, everything else moves on
	Joined    FeedbackState = "joined"   // linked to an issue
	NoiseHeld FeedbackState = "noise"    // kept, restorable, makes no issue
	Held      FeedbackState = "held"     // needs a person: low confidence, or it killed its worker
)

// FeedbackMoves lists every legal move of a message.
var FeedbackMoves = map[FeedbackState][]FeedbackState{
	Received:  {Triaged, Joined, NoiseHeld, Held},
	Triaged:   {Joined, NoiseHeld, Held, Received},
	Joined:    {Joined, Triaged, NoiseHeld, Held, Received},
	NoiseHeld: {Received, Triaged, Joined},
	Held:      {Received, Triaged, Joined, NoiseHeld},
}

// IssueState is where an issue stands.
type IssueState string

// The states of an issue.
const (
	Draft    IssueState = "draft"    // waits for a person
	Approved IssueState = "approved" // to be filed; a delivery exists
	Filed    IssueState = "filed"    // the tracker has it
	Closed   IssueState = "closed"   // done in the tracker; offered only as "regression of"
	Declined IssueState = "declined" // a person said no
	Snoozed  IssueState = "snoozed"  // comes back as a draft at a given time
)

// Action is what moves an issue.
type Action string

// The actions of people and of the pipeline on an issue.
const (
	ActApprove Action = "approve"
	ActDecline Action = "decline"
	ActSnooze  Action = "snooze"
	ActReopen  Action = "reopen" // bring back to a draft, or a closed issue back to filed
	ActFile    Action = "file"   // the pipeline: the tracker has confirmed
	ActClose   Action = "close"
	ActEdit    Action = "edit" // no move; allowed until the issue is filed
	ActMerge   Action = "merge"
	ActSplit   Action = "split"
)

var issueMoves = map[Action]map[IssueState]IssueState{
	ActApprove: {Draft: Approved, Snoozed: Approved},
	ActDecline: {Draft: Declined, Snoozed: Declined},
	ActSnooze:  {Draft: Snoozed},
	ActReopen:  {Snoozed: Draft, Declined: Draft, Approved: Draft, Closed: Filed},
	ActFile:    {Approved: Filed},
	ActClose:   {Filed: Closed},
	ActEdit:    {Draft: Draft, Snoozed: Snoozed},
	ActMerge:   {Draft: Draft, Snoozed: Snoozed, Approved: Approved, Filed: Filed},
	ActSplit:   {Draft: Draft, Snoozed: Snoozed, Approved: Approved, Filed: Filed, Declined: Declined, Closed: Closed},
}

// ErrIllegalMove says that a state does not allow an action.
var ErrIllegalMove = errors.New("illegal move")

// Next returns the state that action leads to from state. The error wraps
// ErrIllegalMove when the move does not exist.
func Next(from IssueState, action Action) (IssueState, error) {
	to, ok := issueMoves[action][from]
	if !ok {
		return from, fmt.Errorf("%w: cannot %s an issue that is %s", ErrIllegalMove, action, from)
	}
	return to, nil
}

// CanMove reports whether a message may go from one state to another.
func CanMove(from, to FeedbackState) bool {
	for _, s := range FeedbackMoves[from] {
		if s == to {
			return true
		}
	}
	return false
}

// Role is what a person may do in one project.
type Role string

// The roles, each with the rights of those before it.
const (
	Viewer   Role = "viewer"   // reads
	Triager  Role = "triager"  // edits drafts, joins, splits, snoozes, corrects
	Approver Role = "approver" // approves and declines
	Admin    Role = "admin"    // configures the project
)

// Roles lists every role, weakest first.
var Roles = [...]Role{Viewer, Triager, Approver, Admin}

// AtLeast reports whether r has the rights of want.
func (r Role) AtLeast(want Role) bool { return r.rank() >= want.rank() && r.rank() > 0 }

func (r Role) rank() int {
	for i, v := range Roles {
		if v == r {
			return i + 1
		}
	}
	return 0
}
