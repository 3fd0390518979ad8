package menu

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// confirmField asks whether the memberships are right, where a server that was set back waits for
// that word.
func (m *Menu) confirmField() Field {
	f := only(yesOrNo("right", "Are all of them right? If not sure: no, and look at them", ""), recordWho)
	asked := f.Prepare
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		c, err := asked(ctx, a)
		if err != nil || c.Skip {
			return c, err
		}
		st, err := m.Admin.ServerStatus(ctx)
		return Choices{Options: c.Options, Skip: !st.Restored}, err
	}
	return f
}

// memberships shows who is a member of what, and confirms it if that was asked for.
func (m *Menu) memberships(ctx context.Context, a Answers) (Page, error) {
	groups, err := m.Admin.Groups(ctx)
	if err != nil {
		return Page{}, err
	}
	var members []groupcast.Member
	for _, g := range groups {
		more, err := m.Admin.Members(ctx, g.Name)
		if err != nil {
			return Page{}, err
		}
		members = append(members, more...)
	}
	p := table(members, "No group has a member.", "GROUP|CLIENT|SINCE", func(m groupcast.Member) []string {
		return []string{m.Group, m.User, ui.Ago(m.Since)}
	})
	st, err := m.Admin.ServerStatus(ctx)
	if err != nil || !st.Restored {
		return p, err
	}
	if !a.yes("right") {
		p.Lines = append(p.Lines, ui.Name(st.Note), "Remove who should not be there, then confirm: this line again.")
		return p, nil
	}
	if err := m.Admin.ConfirmMemberships(ctx); err != nil {
		return Page{}, err
	}
	p.Lines = append(p.Lines, "Confirmed: what is pending is sent again.")
	return p, nil
}

func (m *Menu) planRecord(ctx context.Context, a Answers) (Plan, error) {
	if a["what"] != recordWho || !a.yes("right") {
		return nil, nil
	}
	s, err := m.Admin.ServerStatus(ctx)
	if err != nil || !s.Restored {
		return nil, err
	}
	return Plan{"Confirm that the memberships of all groups are right: what is pending is sent again."}, nil
}
