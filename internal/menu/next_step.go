package menu

import "github.com/groupcast/groupcast"

// steps are the entries by which people take a step that an error names, by role.
var steps = map[Role]map[groupcast.Step]string{
	Administrator: {
		groupcast.StepAddMember: "3", groupcast.StepSendAgain: "6", groupcast.StepRelease: "7",
		groupcast.StepDeliveries: "8", groupcast.StepPending: "8", groupcast.StepRequests: "9",
		groupcast.StepRetry: "t", groupcast.StepCatchUp: "t", groupcast.StepPassword: "a",
		groupcast.StepUserDevices: "a", groupcast.StepRevokeDevice: "a", groupcast.StepConfirm: "r",
	},
	Receiver: {groupcast.StepMyGroups: "3"},
}

// inThisMenu says where in the menu a step is taken; nothing if it is not taken there.
func inThisMenu(n *groupcast.Next) string {
	if n == nil {
		return ""
	}
	for _, of := range steps {
		if key, ok := of[n.Step]; ok {
			return " (in this menu: " + key + ")"
		}
	}
	return ""
}
