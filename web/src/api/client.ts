// One function per call of the JSON API; the browser's cookie says who asks.
import { texts } from "../texts";
import { known, sentence } from "../lib/format";
import type * as T from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly bad?: T.BadEntries,
  ) {
    super(message);
  }
}

const root = "/api/v1";

async function call<R>(method: string, path: string, body?: unknown): Promise<R> {
  return answer<R>(await ask(method, path, body));
}

function ask(method: string, path: string, body?: unknown): Promise<Response> {
  return reach(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

// What a browser says of a connection that fails helps nobody: it gets words. One who breaks a
// call off himself is told just that.
async function reach(path: string, how: RequestInit): Promise<Response> {
  try {
    return await fetch(root + path, how);
  } catch (e) {
    if (how.signal?.aborted) throw e;
    throw new ApiError(0, "unavailable", texts.problemsOf.noAnswer);
  }
}

let refused: () => void = () => undefined;

/** Calls back when the server answers that it does not know who asks: the sign-in may be over. */
export function onRefused(then: () => void): void {
  refused = then;
}

async function text(res: Response): Promise<string> {
  try {
    return await res.text();
  } catch {
    throw new ApiError(0, "unavailable", texts.problemsOf.brokeOff);
  }
}

interface Problem {
  detail?: string;
  title?: string;
  code?: string;
  hint?: string;
  bad?: T.BadEntries;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // not from our API
  }
}

// What went wrong and what to do next, in the server's words; in a language that it does not speak these come after
// what its code says.
function inWords(p: Problem, status: number): string {
  const words = [p.detail ?? p.title ?? texts.problemsOf.status(status), p.hint ?? ""].filter((x) => x !== "");
  const said = words.map(sentence).join(" ");
  const code = texts.serverSpeaksIt ? undefined : known<string>(texts.problemsOf.codes, p.code ?? "");
  return code ? texts.problemsOf.both(code, said) : said;
}

async function answer<R>(res: Response): Promise<R> {
  const body = await text(res);
  if (res.ok) {
    if (!body) return undefined as R;
    const value = parsed(body);
    if (value !== undefined) return value as R;
    const what = texts.problemsOf.otherServer;
    throw new ApiError(0, "unavailable", what);
  }
  if (res.status === 401) refused();
  const problem = (parsed(body) ?? {}) as Problem; // without one the status must do
  throw new ApiError(res.status, problem.code ?? "", inWords(problem, res.status), problem.bad);
}

const e = encodeURIComponent;
const list = async <R>(path: string) => (await call<R[] | null>("GET", path)) ?? [];

const piece = 1000;

/** A stretch of a list, and how many rows the whole list has. */
export interface Stretch<R> {
  rows: R[];
  total: number;
}

async function stretch<R>(path: string): Promise<Stretch<R>> {
  const res = await ask("GET", path);
  const rows = (await answer<R[] | null>(res)) ?? [];
  return { rows, total: Number(res.headers.get("X-Total-Count") ?? rows.length) };
}

/** A long list, read piece by piece. What is there so far is told on the way; a row that moved
 *  between two pieces is there once. */
async function pieces<R>(path: string, key: (row: R) => string, soFar?: (rows: R[]) => void): Promise<R[]> {
  const rows = new Map<string, R>();
  for (let from = 0; ; from += piece) {
    const some = await list<R>(`${path}${path.includes("?") ? "&" : "?"}limit=${piece}&from=${from}`);
    const before = rows.size;
    for (const r of some) rows.set(key(r), r);
    const all = [...rows.values()];
    if (some.length < piece || rows.size === before) return all; // what brings nothing new is the end, too
    soFar?.(all);
  }
}

export const api = {
  me: () => call<T.Me>("GET", "/me"),
  signIn: (user: string, password: string) => call<T.Me>("POST", "/web/login", { user, password }),
  signOut: () => call<void>("POST", "/web/logout", {}),
  // Over plain HTTP on the server's own machine the answers say where to sign in (no cookie is set there).
  welcome: () => call<T.Welcome & { sign_in?: string }>("GET", "/welcome"),
  firstAdmin: (token: string, name: string, password: string, server: string) =>
    call<{ ticket: string; sign_in?: string }>("POST", "/setup", { token, name, password, server }),
  enter: (ticket: string) => call<T.Me>("POST", "/web/enter", { ticket }),
  renameServer: (name: string) => call<T.ServerStatus>("PATCH", "/server", { name }),
  changePassword: (old: string, fresh: string) => call<void>("POST", "/password", { old, new: fresh }),
  status: () => call<T.ServerStatus>("GET", "/status"),
  confirmMemberships: () => call<void>("POST", "/confirm-memberships", {}),

  groupsOnOffer: () => list<T.GroupOnOffer>("/offers"),
  join: (group: string, text: string) => call<T.JoinRequest>("POST", `/groups/${e(group)}/join`, { text }),
  leave: (group: string) => call<void>("POST", `/groups/${e(group)}/leave`, {}),

  users: (soFar?: (u: T.User[]) => void) => pieces<T.User>("/users", (u) => u.id, soFar),
  anyUsers: () => list<T.User>("/users?limit=2"),
  addUser: (name: string, role: string, password: string) => call<T.User>("POST", "/users", { name, role, password }),
  updateUser: (name: string, change: { role?: string; password?: string; disabled?: boolean }) =>
    call<T.User>("PATCH", `/users/${e(name)}`, change),
  deleteUser: (name: string) => call<void>("DELETE", `/users/${e(name)}`),
  userGroups: (name: string) => list<T.GroupOnOffer>(`/users/${e(name)}/groups`),
  devices: (soFar?: (d: T.Device[]) => void) => pieces<T.Device>("/devices", (d) => d.id, soFar),
  user: (name: string) => call<T.User>("GET", `/users/${e(name)}`),
  devicesOf: (user: string) => list<T.Device>(`/devices?user=${e(user)}`),
  device: (id: string) => call<T.Device>("GET", `/devices/${e(id)}`),
  deviceDeliveries: (id: string) => stretch<T.Received>(`/devices/${e(id)}/deliveries?limit=${piece}`),
  sentFiles: (name: string, before = 0) =>
    call<T.SentFiles>("GET", `/files?name=${e(name)}&limit=200${before ? `&before=${before}` : ""}`),
  /** The server's state as one tar, to be kept in a safe place. */
  async backup(): Promise<Blob> {
    const res = await ask("GET", "/backup");
    if (!res.ok) return answer<Blob>(res);
    return res.blob();
  },
  labelDevices: (c: T.LabelChange) => call<T.DeviceResult[]>("POST", "/devices/labels", c),
  dropOwed: (d: T.DropOwed) => call<T.DeviceResult[]>("POST", "/devices/drop-owed", d),
  revokeDevice: (id: string) => call<void>("DELETE", `/devices/${e(id)}`),

  groups: () => list<T.Group>("/groups"),
  group: (name: string) => call<T.Group>("GET", `/groups/${e(name)}`),
  updateGroup: (group: string, change: { new_devices: string }) =>
    call<T.Group>("PATCH", `/groups/${e(group)}`, change),
  createGroup: (g: {
    name: string;
    address?: string;
    description?: string;
    unlisted?: boolean;
    new_devices?: string;
  }) => call<T.Group>("POST", "/groups", g),
  deleteGroup: (name: string) => call<void>("DELETE", `/groups/${e(name)}`),
  seats: (group: string) => call<T.SeatMap>("GET", `/groups/${e(group)}/seats`),
  setSeats: (group: string, m: T.SeatMap) => call<T.SeatMap>("PUT", `/groups/${e(group)}/seats`, m),
  members: (group: string) => pieces<T.Member>(`/groups/${e(group)}/members`, (m) => m.user_id),
  keySessions: (group: string) => list<T.KeySession>(`/groups/${e(group)}/sessions`),
  addMember: (group: string, user: string) => call<T.Member>("PUT", `/groups/${e(group)}/members/${e(user)}`, {}),
  removeMember: (group: string, user: string) => call<void>("DELETE", `/groups/${e(group)}/members/${e(user)}`),
  requests: (state = "") => pieces<T.JoinRequest>(`/requests${state ? `?state=${state}` : ""}`, (r) => r.id),
  approve: (group: string, user: string) =>
    call<T.JoinRequest>("POST", `/groups/${e(group)}/requests/${e(user)}/approve`, {}),
  deny: (group: string, user: string) =>
    call<T.JoinRequest>("POST", `/groups/${e(group)}/requests/${e(user)}/deny`, {}),

  transfers: (q = "") => list<T.Transfer>(`/transfers${q}`),
  transfer: (no: number) => call<T.Transfer>("GET", `/transfers/${no}`),
  /** The proof as the server wrote it, byte for byte. */
  async proof(no: number): Promise<string> {
    const res = await ask("GET", `/transfers/${no}/proof`);
    return res.ok ? text(res) : answer<string>(res);
  },
  /** The first deliveries of a transfer in some states. */
  deliveriesIn: (no: number, states: string) =>
    list<T.Delivery>(`/transfers/${no}/deliveries?state=${e(states)}&limit=50`),
  deliveries: (no: number) => pieces<T.Delivery>(`/transfers/${no}/deliveries`, (d) => `${d.user_id} ${d.device_id}`),
  files: (no: number) => stretch<T.FileEntry>(`/transfers/${no}/files?limit=300`),
  keyHolders: (no: number) => list<T.KeyHolder>(`/transfers/${no}/keys`),
  savings: () => call<T.Savings>("GET", "/savings"),
  // What cannot be sent, the first of it: as many as the server lists by name.
  checkTransfer: async (t: T.NewTransfer) => {
    const bad: T.LeftOut[] = [];
    for (let from = 0; ;) {
      const some = await call<T.LeftOutPage>("POST", `/transfers/check?limit=${piece}&from=${from}`, t);
      bad.push(...(some.entries ?? []).filter((x) => x.why !== "excluded"));
      from += some.entries?.length ?? 0;
      if (!some.entries?.length || from >= some.listed) return bad;
    }
  },
  leftOut: (no: number, from: number, limit: number) =>
    call<T.LeftOutPage>("GET", `/transfers/${no}/left-out?from=${from}&limit=${limit}`),
  planTransfer: (q: T.PlanQuery) => call<T.SendPlan>("POST", "/transfers/plan", q),
  addTransfer: (t: T.NewTransfer) => call<T.Transfer>("POST", "/transfers", t),
  cancel: (no: number) => call<T.Transfer>("POST", `/transfers/${no}/cancel`, {}),
  pause: (no: number) => call<T.Transfer>("POST", `/transfers/${no}/pause`, {}),
  resume: (no: number) => call<T.Transfer>("POST", `/transfers/${no}/resume`, {}),
  /** Bits a second; 0: automatic. */
  setRate: (no: number, rate: number) => call<T.Transfer>("PATCH", `/transfers/${no}`, { rate }),
  retry: (no: number) => call<T.Transfer>("POST", `/transfers/${no}/retry`, {}),
  sendNow: (no: number) => call<T.Transfer>("POST", `/transfers/${no}/send`, {}),
  deliveryEntries: (no: number, device: string, from: number, limit: number) =>
    call<T.DeliveryEntries>("GET", `/transfers/${no}/deliveries/${device}/entries?from=${from}&limit=${limit}`),
  act: (no: number, device: string, action: "catch-up" | "later" | "drop") =>
    call<T.Delivery>("POST", `/transfers/${no}/deliveries/${device}/${action}`, {}),
  dropMember: (no: number, user: string) => call<T.Transfer>("POST", `/transfers/${no}/members/${e(user)}/drop`, {}),
  lossMap: (no: number) => call<T.LossMap>("GET", `/transfers/${no}/loss`),
  // A row is one owed delivery: of more than a thousand the first are read.
  pending: () => stretch<T.PendingTransfer>("/pending"),
  sendPending: (group: string) => call<T.Transfer[] | null>("POST", `/groups/${e(group)}/send`, {}),
  check: (q: { group?: string; user?: string }) => call<T.CheckResult[] | null>("POST", "/check", q),
  audit: (before = 0, limit = 200) => list<T.AuditEntry>(`/audit?limit=${limit}${before ? `&before=${before}` : ""}`),

  received: () => list<T.Received>("/my/deliveries"),
  signIns: () => list<T.SignIn>("/my/signins"),
  endSignIn: (id: string) => call<void>("DELETE", `/my/signins/${e(id)}`),
  series: (no: number, after = "") => list<T.Point>(`/transfers/${no}/series${after ? `?after=${e(after)}` : ""}`),

  checkUpload: async (entries: T.UploadEntry[], exclude: string[]) =>
    (await call<T.LeftOutPage>("POST", "/uploads/check", { entries, exclude })).entries ?? [],
  createUpload: (entries: T.UploadEntry[]) => call<T.Upload>("POST", "/uploads", { entries }),
  unfinishedUploads: () => list<T.UnfinishedUpload>("/uploads"),
  upload: (id: string) => call<T.Upload>("GET", `/uploads/${e(id)}`),
  deleteUpload: (id: string) => call<void>("DELETE", `/uploads/${e(id)}`),
  uploadData: async (id: string, path: string, offset: number, data: Blob, signal: AbortSignal) =>
    answer<T.UploadEntry>(
      await reach(`/uploads/${e(id)}/data?path=${e(path)}&offset=${offset}`, {
        method: "PUT",
        body: data,
        signal,
        headers: { "Content-Type": "application/octet-stream" },
      }),
    ),
};
