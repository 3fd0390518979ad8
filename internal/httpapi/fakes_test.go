package httpapi

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/protocol"
)

type approvingService struct{ approving }

func (s *approvingService) GroupsOnOffer(context.Context, groupcast.Principal, bool) ([]groupcast.GroupOnOffer, error) {
	return s.groups(), nil
}

// breakingService breaks off after a mebibyte.
type breakingService struct{ *httpapitest.Service }

func (breakingService) Blocks(
	context.Context, groupcast.Principal, protocol.TransferNo, protocol.BlockNumber, uint32,
) (io.ReadCloser, error) {
	return broken{io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), failing{})}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

// crowdedService has 2,500 users.
type crowdedService struct{ *httpapitest.Service }

func (crowdedService) Users(
	_ context.Context, _ groupcast.Principal, w groupcast.Window,
) (groupcast.Page[groupcast.User], error) {
	users := make([]groupcast.User, 2500)
	for i := range users {
		users[i].Name = fmt.Sprintf("u%04d", i)
	}
	users = users[min(w.From, len(users)):]
	if w.Limit > 0 {
		users = users[:min(w.Limit, len(users))]
	}
	return groupcast.Page[groupcast.User]{Rows: users, Total: 2500}, nil
}

// panickingService falls over.
type panickingService struct{ *httpapitest.Service }

func (panickingService) Users(
	context.Context, groupcast.Principal, groupcast.Window,
) (groupcast.Page[groupcast.User], error) {
	panic("canary: index out of range")
}
