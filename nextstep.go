package groupcast

import "github.com/groupcast/groupcast/internal/protocol"

// Next is what a person can do about an error: a step and what it is done to. The error's Hint says
// the same without naming a tool; a client that knows the step says it in its own words, the command
// line as a command (internal/ui).
type Next struct {
	Step     Step                `json:"step"`
	Transfer protocol.TransferNo `json:"transfer,omitempty"`
	Group    string              `json:"group,omitempty"`
	User     string              `json:"user,omitempty"`
}

// Step is one of the things that can be done. A client that meets a step it does not know shows the
// hint.
type Step string

// The steps.
const (
	StepLogin        Step = "login"          // log in (again)
	StepAdmin        Step = "admin"          // act as an administrator
	StepConfirm      Step = "confirm"        // check the memberships after a restore, then confirm them
	StepFirstAdmin   Step = "first_admin"    // make a new one-time link
	StepPassword     Step = "password"       // an administrator sets a new password, or enables the account
	StepAddMember    Step = "add_member"     // add somebody to Group
	StepSendAgain    Step = "send_again"     // send the files again, to Group if it is set
	StepRetry        Step = "retry"          // retry Transfer
	StepRelease      Step = "release"        // let the held transfers of a group go
	StepCatchUp      Step = "catch_up"       // let a device catch up over HTTPS
	StepDeliveries   Step = "deliveries"     // look who is owed Transfer
	StepPending      Step = "pending"        // look which transfers are open
	StepLeaveOut     Step = "leave_out"      // leave out what cannot be sent
	StepUploads      Step = "uploads"        // finish or delete unfinished uploads
	StepRequests     Step = "requests"       // look at the join requests
	StepMyGroups     Step = "my_groups"      // look at one's own groups and requests
	StepWithdraw     Step = "withdraw"       // take a join request back
	StepUserDevices  Step = "user_devices"   // revoke devices of User
	StepRevokeDevice Step = "revoke_device"  // revoke a device that may receive
	StepSource       Step = "allow_folder"   // start the server so that files below a folder may be named
	StepAddress      Step = "choose_address" // choose the group's multicast address
	StepAnyAddress   Step = "any_address"    // let the server pick the group's address
)

// WithNext adds the step to take, next to its hint.
func (e *Error) WithNext(n Next) *Error {
	e.Next = &n
	return e
}
