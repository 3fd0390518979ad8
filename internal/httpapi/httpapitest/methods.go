package httpapitest

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// The methods of groupcast.Service: each notes its call and answers with Fill's value.

// Login notes the call.
func (s *Service) Login(_ context.Context, from string, l groupcast.Login) (groupcast.LoggedIn, error) {
	return answer[groupcast.LoggedIn](s.note("Login", groupcast.Principal{}, from, l))
}

// FirstAdmin notes the call.
func (s *Service) FirstAdmin(_ context.Context, from string, f groupcast.FirstAdmin) (groupcast.NewAdmin, error) {
	return answer[groupcast.NewAdmin](s.note("FirstAdmin", groupcast.Principal{}, from, f))
}

// Welcome notes the call.
func (s *Service) Welcome(context.Context) (groupcast.Welcome, error) {
	return answer[groupcast.Welcome](s.note("Welcome", groupcast.Principal{}))
}

// ChangeServer notes the call.
func (s *Service) ChangeServer(
	_ context.Context, p groupcast.Principal, c groupcast.ServerChange,
) (groupcast.ServerStatus, error) {
	return answer[groupcast.ServerStatus](s.note("ChangeServer", p, c))
}

// Logout notes the call.
func (s *Service) Logout(_ context.Context, p groupcast.Principal) error {
	return s.note("Logout", p)
}

// ChangePassword notes the call.
func (s *Service) ChangePassword(_ context.Context, p groupcast.Principal, c groupcast.PasswordChange) error {
	return s.note("ChangePassword", p, c)
}

// Me notes the call.
func (s *Service) Me(_ context.Context, p groupcast.Principal) (groupcast.Me, error) {
	return answer[groupcast.Me](s.note("Me", p))
}

// GroupsOnOffer notes the call.
func (s *Service) GroupsOnOffer(_ context.Context, p groupcast.Principal, mine bool) ([]groupcast.GroupOnOffer, error) {
	return answer[[]groupcast.GroupOnOffer](s.note("GroupsOnOffer", p, mine))
}

// Join notes the call.
func (s *Service) Join(
	_ context.Context, p groupcast.Principal, group string, text string,
) (groupcast.JoinRequest, error) {
	return answer[groupcast.JoinRequest](s.note("Join", p, group, text))
}

// Leave notes the call.
func (s *Service) Leave(_ context.Context, p groupcast.Principal, group string) error {
	return s.note("Leave", p, group)
}

// AddUser notes the call.
func (s *Service) AddUser(_ context.Context, p groupcast.Principal, n groupcast.NewUser) (groupcast.User, error) {
	return answer[groupcast.User](s.note("AddUser", p, n))
}

// User notes the call.
func (s *Service) User(_ context.Context, p groupcast.Principal, name string) (groupcast.User, error) {
	return answer[groupcast.User](s.note("User", p, name))
}

// Device notes the call.
func (s *Service) Device(
	_ context.Context, p groupcast.Principal, id protocol.DeviceID,
) (groupcast.Device, error) {
	return answer[groupcast.Device](s.note("Device", p, id))
}

// DeviceDeliveries notes the call.
func (s *Service) DeviceDeliveries(
	_ context.Context, p groupcast.Principal, id protocol.DeviceID, w groupcast.Window,
) (groupcast.Page[groupcast.Received], error) {
	return answer[groupcast.Page[groupcast.Received]](s.note("DeviceDeliveries", p, id))
}

// SentFiles notes the call.
func (s *Service) SentFiles(
	_ context.Context, p groupcast.Principal, q groupcast.SentFileQuery,
) (groupcast.SentFiles, error) {
	return answer[groupcast.SentFiles](s.note("SentFiles", p, q))
}

// Users notes the call.
func (s *Service) Users(
	_ context.Context, p groupcast.Principal, _ groupcast.Window,
) (groupcast.Page[groupcast.User], error) {
	return answer[groupcast.Page[groupcast.User]](s.note("Users", p))
}

// UpdateUser notes the call.
func (s *Service) UpdateUser(
	_ context.Context, p groupcast.Principal, name string, c groupcast.UserChange,
) (groupcast.User, error) {
	return answer[groupcast.User](s.note("UpdateUser", p, name, c))
}

// DeleteUser notes the call.
func (s *Service) DeleteUser(_ context.Context, p groupcast.Principal, name string) error {
	return s.note("DeleteUser", p, name)
}

// UserGroups notes the call.
func (s *Service) UserGroups(_ context.Context, p groupcast.Principal, name string) ([]groupcast.GroupOnOffer, error) {
	return answer[[]groupcast.GroupOnOffer](s.note("UserGroups", p, name))
}

// Devices notes the call.
func (s *Service) Devices(
	_ context.Context, p groupcast.Principal, f groupcast.DeviceFilter, _ groupcast.Window,
) (groupcast.Page[groupcast.Device], error) {
	return answer[groupcast.Page[groupcast.Device]](s.note("Devices", p, f))
}

// RevokeDevice notes the call.
func (s *Service) RevokeDevice(_ context.Context, p groupcast.Principal, id protocol.DeviceID) error {
	return s.note("RevokeDevice", p, id)
}

// CreateGroup notes the call.
func (s *Service) CreateGroup(_ context.Context, p groupcast.Principal, n groupcast.NewGroup) (groupcast.Group, error) {
	return answer[groupcast.Group](s.note("CreateGroup", p, n))
}

// Groups notes the call.
func (s *Service) Groups(_ context.Context, p groupcast.Principal) ([]groupcast.Group, error) {
	return answer[[]groupcast.Group](s.note("Groups", p))
}

// Group notes the call.
func (s *Service) Group(_ context.Context, p groupcast.Principal, name string) (groupcast.Group, error) {
	return answer[groupcast.Group](s.note("Group", p, name))
}

// UpdateGroup notes the call.
func (s *Service) UpdateGroup(
	_ context.Context, p groupcast.Principal, name string, c groupcast.GroupChange,
) (groupcast.Group, error) {
	return answer[groupcast.Group](s.note("UpdateGroup", p, name, c))
}

// DeleteGroup notes the call.
func (s *Service) DeleteGroup(_ context.Context, p groupcast.Principal, name string) error {
	return s.note("DeleteGroup", p, name)
}

// Members notes the call.
func (s *Service) Members(
	_ context.Context, p groupcast.Principal, group string, _ groupcast.Window,
) (groupcast.Page[groupcast.Member], error) {
	return answer[groupcast.Page[groupcast.Member]](s.note("Members", p, group))
}

// AddMember notes the call.
func (s *Service) AddMember(
	_ context.Context, p groupcast.Principal, group string, user string,
) (groupcast.Member, error) {
	return answer[groupcast.Member](s.note("AddMember", p, group, user))
}

// RemoveMember notes the call.
func (s *Service) RemoveMember(_ context.Context, p groupcast.Principal, group string, user string) error {
	return s.note("RemoveMember", p, group, user)
}

// Seats notes the call.
func (s *Service) Seats(_ context.Context, p groupcast.Principal, group string) (groupcast.SeatMap, error) {
	return answer[groupcast.SeatMap](s.note("Seats", p, group))
}

// SetSeats notes the call.
func (s *Service) SetSeats(
	_ context.Context, p groupcast.Principal, group string, m groupcast.SeatMap,
) (groupcast.SeatMap, error) {
	return answer[groupcast.SeatMap](s.note("SetSeats", p, group, m))
}

// Requests notes the call.
func (s *Service) Requests(
	_ context.Context, p groupcast.Principal, state groupcast.RequestState, _ groupcast.Window,
) (groupcast.Page[groupcast.JoinRequest], error) {
	return answer[groupcast.Page[groupcast.JoinRequest]](s.note("Requests", p, state))
}

// Approve notes the call.
func (s *Service) Approve(
	_ context.Context, p groupcast.Principal, group string, user string,
) (groupcast.JoinRequest, error) {
	return answer[groupcast.JoinRequest](s.note("Approve", p, group, user))
}

// Deny notes the call.
func (s *Service) Deny(
	_ context.Context, p groupcast.Principal, group string, user string,
) (groupcast.JoinRequest, error) {
	return answer[groupcast.JoinRequest](s.note("Deny", p, group, user))
}

// AddTransfer notes the call.
func (s *Service) AddTransfer(
	_ context.Context, p groupcast.Principal, n groupcast.NewTransfer,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("AddTransfer", p, n))
}

// Transfers notes the call.
func (s *Service) Transfers(
	_ context.Context, p groupcast.Principal, f groupcast.TransferFilter,
) (groupcast.Page[groupcast.Transfer], error) {
	return answer[groupcast.Page[groupcast.Transfer]](s.note("Transfers", p, f))
}

// Transfer notes the call.
func (s *Service) Transfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("Transfer", p, no))
}

// Deliveries notes the call.
func (s *Service) Deliveries(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, _ groupcast.Window,
) (groupcast.Page[groupcast.Delivery], error) {
	return answer[groupcast.Page[groupcast.Delivery]](s.note("Deliveries", p, no))
}

// Files notes the call.
func (s *Service) Files(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, _ groupcast.Window,
) (groupcast.Page[groupcast.FileEntry], error) {
	return answer[groupcast.Page[groupcast.FileEntry]](s.note("Files", p, no))
}

// CancelTransfer notes the call.
func (s *Service) CancelTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("CancelTransfer", p, no))
}

// RetryTransfer notes the call.
func (s *Service) RetryTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("RetryTransfer", p, no))
}

// PauseTransfer notes the call.
func (s *Service) PauseTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("PauseTransfer", p, no))
}

// ResumeTransfer notes the call.
func (s *Service) ResumeTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("ResumeTransfer", p, no))
}

// ChangeTransfer notes the call.
func (s *Service) ChangeTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, c groupcast.TransferChange,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("ChangeTransfer", p, no, c))
}

// TransferProof notes the call.
func (s *Service) TransferProof(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Proof, error) {
	return answer[groupcast.Proof](s.note("TransferProof", p, no))
}

// LossMap notes the call.
func (s *Service) LossMap(_ context.Context, p groupcast.Principal, no protocol.TransferNo) (groupcast.LossMap, error) {
	return answer[groupcast.LossMap](s.note("LossMap", p, no))
}

// DropMember notes the call.
func (s *Service) DropMember(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, user string,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("DropMember", p, no, user))
}

// CheckTransfer notes the call.
func (s *Service) CheckTransfer(
	_ context.Context, p groupcast.Principal, n groupcast.NewTransfer, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	return answer[groupcast.LeftOutPage](s.note("CheckTransfer", p, n, w))
}

// PlanTransfer notes the call.
func (s *Service) PlanTransfer(
	_ context.Context, p groupcast.Principal, q groupcast.PlanQuery,
) (groupcast.SendPlan, error) {
	return answer[groupcast.SendPlan](s.note("PlanTransfer", p, q))
}

// LeftOut notes the call.
func (s *Service) LeftOut(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	return answer[groupcast.LeftOutPage](s.note("LeftOut", p, no, w))
}

// DeliveryEntries notes the call.
func (s *Service) DeliveryEntries(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
) (groupcast.DeliveryEntries, error) {
	return answer[groupcast.DeliveryEntries](s.note("DeliveryEntries", p, no, dev, w))
}

// ActOnDelivery notes the call.
func (s *Service) ActOnDelivery(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction,
) (groupcast.Delivery, error) {
	return answer[groupcast.Delivery](s.note("ActOnDelivery", p, no, dev, a))
}

// SendTransfer notes the call.
func (s *Service) SendTransfer(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	return answer[groupcast.Transfer](s.note("SendTransfer", p, no))
}

// Pending notes the call.
func (s *Service) Pending(
	_ context.Context, p groupcast.Principal, group string, _ groupcast.Window,
) (groupcast.Page[groupcast.PendingTransfer], error) {
	return answer[groupcast.Page[groupcast.PendingTransfer]](s.note("Pending", p, group))
}

// SendPending notes the call.
func (s *Service) SendPending(_ context.Context, p groupcast.Principal, group string) ([]groupcast.Transfer, error) {
	return answer[[]groupcast.Transfer](s.note("SendPending", p, group))
}

// CheckUpload notes the call.
func (s *Service) CheckUpload(
	_ context.Context, p groupcast.Principal, entries []groupcast.UploadEntry, exclude []string,
) (groupcast.LeftOutPage, error) {
	return answer[groupcast.LeftOutPage](s.note("CheckUpload", p, entries, exclude))
}

// CreateUpload notes the call.
func (s *Service) CreateUpload(
	_ context.Context, p groupcast.Principal, entries []groupcast.UploadEntry,
) (groupcast.Upload, error) {
	return answer[groupcast.Upload](s.note("CreateUpload", p, entries))
}

// Upload notes the call.
func (s *Service) Upload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	return answer[groupcast.Upload](s.note("Upload", p, id))
}

// CompleteUpload notes the call.
func (s *Service) CompleteUpload(_ context.Context, p groupcast.Principal, id string) (groupcast.Upload, error) {
	return answer[groupcast.Upload](s.note("CompleteUpload", p, id))
}

// DeleteUpload notes the call.
func (s *Service) DeleteUpload(_ context.Context, p groupcast.Principal, id string) error {
	return s.note("DeleteUpload", p, id)
}

// UnfinishedUploads notes the call.
func (s *Service) UnfinishedUploads(_ context.Context, p groupcast.Principal) ([]groupcast.UnfinishedUpload, error) {
	return answer[[]groupcast.UnfinishedUpload](s.note("UnfinishedUploads", p))
}

// Check notes the call.
func (s *Service) Check(
	_ context.Context, p groupcast.Principal, q groupcast.CheckQuery, told func(groupcast.CheckResult),
) error {
	rows, err := answer[[]groupcast.CheckResult](s.note("Check", p, q))
	for _, r := range rows {
		told(r)
	}
	return err
}

// Audit notes the call.
func (s *Service) Audit(
	_ context.Context, p groupcast.Principal, q groupcast.AuditQuery,
) (groupcast.Page[groupcast.AuditEntry], error) {
	return answer[groupcast.Page[groupcast.AuditEntry]](s.note("Audit", p, q))
}

// ConfirmMemberships notes the call.
func (s *Service) ConfirmMemberships(_ context.Context, p groupcast.Principal) error {
	return s.note("ConfirmMemberships", p)
}

// ServerStatus notes the call.
func (s *Service) ServerStatus(_ context.Context, p groupcast.Principal) (groupcast.ServerStatus, error) {
	return answer[groupcast.ServerStatus](s.note("ServerStatus", p))
}

// Challenge notes the call.
func (s *Service) Challenge(_ context.Context, token string) (groupcast.Challenge, error) {
	return answer[groupcast.Challenge](s.note("Challenge", groupcast.Principal{}, token))
}

// Renew notes the call.
func (s *Service) Renew(_ context.Context, _ string, r groupcast.Renewal) error {
	return s.note("Renew", groupcast.Principal{}, r)
}

// Fork notes the call.
func (s *Service) Fork(_ context.Context, p groupcast.Principal, f groupcast.Fork) (groupcast.LoggedIn, error) {
	return answer[groupcast.LoggedIn](s.note("Fork", p, f))
}

// AgentState notes the call.
func (s *Service) AgentState(_ context.Context, p groupcast.Principal) (groupcast.AgentState, error) {
	return answer[groupcast.AgentState](s.note("AgentState", p))
}

// Ready notes the call.
func (s *Service) Ready(_ context.Context, p groupcast.Principal, r groupcast.Ready) (groupcast.Handout, error) {
	return answer[groupcast.Handout](s.note("Ready", p, r))
}

// Report notes the call.
func (s *Service) Report(_ context.Context, p groupcast.Principal, r groupcast.AgentReport) error {
	return s.note("Report", p, r)
}

// Entries notes the call.
func (s *Service) Entries(_ context.Context, p groupcast.Principal, e groupcast.EntryPage) error {
	return s.note("Entries", p, e)
}

// Receipt notes the call.
func (s *Service) Receipt(_ context.Context, p groupcast.Principal, r groupcast.Receipt) error {
	return s.note("Receipt", p, r)
}

// ProbesHeard notes the call.
func (s *Service) ProbesHeard(_ context.Context, p groupcast.Principal, a groupcast.ProbeAnswer) error {
	return s.note("ProbesHeard", p, a)
}

// MyDeliveries notes the call.
func (s *Service) MyDeliveries(_ context.Context, p groupcast.Principal) ([]groupcast.Received, error) {
	return answer[[]groupcast.Received](s.note("MyDeliveries", p))
}

// SignIns notes the call.
func (s *Service) SignIns(_ context.Context, p groupcast.Principal) ([]groupcast.SignIn, error) {
	return answer[[]groupcast.SignIn](s.note("SignIns", p))
}

// EndSignIn notes the call.
func (s *Service) EndSignIn(_ context.Context, p groupcast.Principal, id string) error {
	return s.note("EndSignIn", p, id)
}

// Series notes the call.
func (s *Service) Series(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, after time.Time,
) ([]groupcast.Point, error) {
	return answer[[]groupcast.Point](s.note("Series", p, no, after))
}

// KeyHolders notes the call.
func (s *Service) KeyHolders(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo,
) ([]groupcast.KeyHolder, error) {
	return answer[[]groupcast.KeyHolder](s.note("KeyHolders", p, no))
}

// KeySessions notes the call.
func (s *Service) KeySessions(_ context.Context, p groupcast.Principal, group string) ([]groupcast.KeySession, error) {
	return answer[[]groupcast.KeySession](s.note("KeySessions", p, group))
}

// Savings notes the call.
func (s *Service) Savings(_ context.Context, p groupcast.Principal) (groupcast.Savings, error) {
	return answer[groupcast.Savings](s.note("Savings", p))
}
