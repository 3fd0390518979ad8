package ui

import (
	"cmp"
	"fmt"

	"github.com/groupcast/groupcast"
)

// Hint says on the command line what to do about an error: the command, if there is one for the
// step, else the error's own hint.
func Hint(e *groupcast.Error) string {
	if e.Next == nil {
		return e.Hint
	}
	return cmp.Or(command(*e.Next), e.Hint)
}

// commands are the steps that need nothing filled in.
var commands = map[groupcast.Step]string{
	groupcast.StepLogin: "log in with `groupcast login https://HOST:PORT --user NAME`",
	groupcast.StepAdmin: "log in as an administrator, or run the command on the server's machine as the user that runs " +
		"`groupcast serve`",
	groupcast.StepConfirm: "look at `groupcast member list GROUP`, then use `groupcast restore --confirm`",
	groupcast.StepFirstAdmin: "start the server again with `groupcast serve --reset-admin`, or use " +
		"`groupcast user add NAME --role admin` on the server's own machine",
	groupcast.StepPassword: "an administrator can set a new password with `groupcast user passwd NAME`, or enable a " +
		"disabled account with `groupcast user enable NAME`",
	groupcast.StepRelease:  "release it with `groupcast pending send GROUP`",
	groupcast.StepCatchUp:  "`groupcast transfer catchup` serves it now",
	groupcast.StepPending:  "cancel some of `groupcast pending list`",
	groupcast.StepLeaveOut: "correct them, or send the rest: --skip-bad leaves them out, --exclude PATTERN what matches",
	groupcast.StepUploads: "make room on the server's disk (`groupcast serve --reserve` sets how much is kept free), or " +
		"finish or delete an upload: `groupcast upload list`",
	groupcast.StepRequests:     "look at `groupcast request list`",
	groupcast.StepMyGroups:     "look at `groupcast groups --mine`",
	groupcast.StepWithdraw:     "wait until some are decided, or take one back: `groupcast leave GROUP`",
	groupcast.StepRevokeDevice: "to stop a device that may receive: `groupcast device revoke ID`",
	groupcast.StepSource:       "upload the files, or start the server with --source DIR",
	groupcast.StepAddress:      "give one with --address",
	groupcast.StepAnyAddress:   "choose one of 239.192.0.0/14, or leave --address out and one is picked",
}

func command(n groupcast.Next) string {
	group := Name(cmp.Or(n.Group, "GROUP"))
	switch n.Step {
	case groupcast.StepAddMember:
		return fmt.Sprintf("`groupcast member add %s USER`; to promise it to those who join later: "+
			"`groupcast pending add %s PATH`", group, group)
	case groupcast.StepSendAgain:
		return fmt.Sprintf("send the files again: `groupcast send %s PATH`", group)
	case groupcast.StepRetry:
		return fmt.Sprintf("retry it with `groupcast transfer retry %d`", n.Transfer)
	case groupcast.StepDeliveries:
		return fmt.Sprintf("`groupcast transfer deliveries %d` shows who is", n.Transfer)
	case groupcast.StepUserDevices:
		return fmt.Sprintf("`groupcast user devices %s` shows them; revoke those that are not needed",
			Name(cmp.Or(n.User, "USER")))
	default:
		return commands[n.Step]
	}
}
