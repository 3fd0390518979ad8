// What the server says, as in the OpenAPI document. Times are RFC 3339, durations nanoseconds.
export interface User { id: string; name: string; role: "admin" | "member"; disabled: boolean; created_at: string }
export interface Me { user: User; local: boolean; admin: boolean }
export interface Device {
  id: string; user_id: string; user: string; name: string; os: string; version: string; created_at: string; last_seen: string;
  active: boolean; address?: string; path: Path; free_bytes: number; loss_percent: number; clock_off_ns: number;
}
export type Path = "unknown" | "multicast" | "https";
export interface Group {
  id: string; name: string; address: string; description: string; unlisted: boolean; created_at: string;
  members: number; active: number; pending: number; membership_version: number; warning?: string;
}
export interface GroupOnOffer { id: string; name: string; description: string; address: string; membership: "none" | "asked" | "member" | "denied"; since?: string }
export interface Member { group_id: string; group: string; user_id: string; user: string; since: string; devices: number; active: number }
export interface JoinRequest {
  id: string; group: string; user: string; text: string; state: "open" | "approved" | "denied"; asked_at: string; decided_at?: string; decided_by?: string;
}
export interface AuditEntry { id: number; at: string; actor: string; action: string; object: string; detail: string; address: string }
export type TransferState = "held" | "waiting" | "gathering" | "sending" | "done" | "cancelled" | "expired" | "failed";
export interface SessionStatus {
  id: string; rate: number; limiter: string; sent_bytes: number; source_symbols: number; parity_symbols: number; loss_percent: number;
  progress: number; pass: number; devices: number; remaining_ns: number; verdict: string; forger_likely: boolean;
}
export interface Transfer {
  id: number; group_id: string; group: string; name: string; files: number; bytes: number; blocks: number; state: TransferState; reason?: string;
  created_at: string; created_by: string; started_at?: string; ended_at?: string; expires_at: string; hold: boolean; via: string;
  rate_limit: number; in_place: boolean; root: string; owed: number; verified: number; failed: number; session?: SessionStatus;
  wire_bytes: number; https_bytes: number;
}
export type DeliveryState = "queued" | "receiving" | "verified" | "already-had" | "superseded" | "failed" | "refused" | "expired" | "cancelled";
export interface Delivery {
  transfer: number; group: string; user_id: string; user: string; device_id: string; device: string; state: DeliveryState; reason?: string;
  path: Path; active: boolean; blocks_verified: number; bytes_verified: number; loss_percent: number; bar?: string; updated_at: string;
}
export interface FileEntry { path: string; kind: string; size: number; digest: string }
export interface PendingTransfer { transfer: Transfer; reason: string; deliveries: Delivery[] }
export interface UploadEntry { path: string; kind: "file" | "folder" | "symlink"; size: number; offset: number; mode: number; mtime: string; target?: string }
export interface Upload { id: string; created_at: string; entries: UploadEntry[] }
export interface CheckResult {
  device_id: string; device: string; user: string; active: boolean; round_trip_ns: number;
  multicast: { group: string; sent: number; heard: number }[] | null; last_seen?: string; loss_percent: number; free_bytes: number; note?: string;
}
export interface ServerStatus {
  server_id: string; version: string; started_at: string; devices: number; active: number; sessions: number; interface: string; restored: boolean; note?: string;
}
export interface ServerEvent { version: number; kind: string; at: string; group?: string; user?: string; transfer?: number; text?: string; data?: unknown }
export interface Point { at: string; sent: number; repair: number; p10: number; p50: number; p90: number; loss: number; limiter: string }
export interface Received extends Delivery { name: string; bytes: number }
export interface SignIn { id: string; scope: string; device: string; address: string; created_at: string; last_used: string; current: boolean }
