// The audit log in words: what was done, as a sentence after the name of who did it. The raw
// entry stays beside it; an action unknown here is shown as it is.
import type { AuditEntry } from "../api/types";
import { bytes, contents, count, known, name } from "./format";

export interface Told {
  text: string;
  more: string;
  transfer?: number;
}

const label = /^(\d+) (.*) to (\S+)$/s;

function aboutTransfer(verb: string, a: AuditEntry): Told {
  const m = label.exec(a.object);
  if (!m) return { text: `${verb} ${name(a.object)}`, more: name(a.detail) };
  return { text: `${verb} ${name(m[2])} to ${name(m[3])}`, more: promised(a.detail), transfer: Number(m[1]) };
}

// "2 files, 1 folders, 25165830 bytes, owed to 3"; entries of older servers have no folders
function promised(detail: string): string {
  const m = /^(\d+) files, (?:(\d+) folders, )?(\d+) bytes, owed to (\d+)$/.exec(detail);
  if (!m) return name(detail);
  const what = contents({ files: Number(m[1]), folders: Number(m[2] ?? 0) });
  return `${what}, ${bytes(Number(m[3]))}, owed to ${count(Number(m[4]), "device")}`;
}

function counted(detail: string, one: string): string {
  const m = /^(\d+) \w+$/.exec(detail);
  return m ? count(Number(m[1]), one, one === "entry" ? "entries" : one + "s") : name(detail);
}

function device(object: string): string {
  const [user, ...of] = object.split("/");
  return of.length ? `${name(of.join("/"))} of ${name(user)}` : name(object);
}

const said: Record<string, (a: AuditEntry) => Told> = {
  login: (a) => ({
    text: a.detail === "browser" ? "signed in with a browser" : `logged in on ${name(a.detail) || "a machine"}`,
    more: "",
  }),
  "login.failed": (a) => ({ text: `a login failed${a.object ? ` as ${name(a.object)}` : ""}`, more: name(a.detail) }),
  logout: (a) => ({ text: "signed out", more: name(a.detail) }),
  "device.add": (a) => ({ text: `connected the device ${device(a.object)}`, more: "" }),
  "device.revoke": (a) => ({ text: `revoked the device ${device(a.object)}`, more: "" }),
  "device.replaced": (a) => ({
    text: `the device ${device(a.object)} attached twice; the first was let go`,
    more: name(a.detail),
  }),
  "user.add": (a) => ({
    text: `added the user ${name(a.object)}`,
    more:
      a.detail === "role admin" ? "as an administrator" : a.detail === "role member" ? "as a member" : name(a.detail),
  }),
  "user.update": (a) => ({ text: `changed the user ${name(a.object)}`, more: name(a.detail) }),
  "user.delete": (a) => ({
    text: `deleted the user ${name(a.object)}`,
    more: name(a.detail).replace("in 1 groups", "in 1 group"),
  }),
  "user.password": () => ({ text: "changed their own password", more: "" }),
  "group.create": (a) => ({ text: `made the group ${name(a.object)}`, more: name(a.detail) }),
  "group.set": (a) => ({ text: `changed the group ${name(a.object)}`, more: name(a.detail) }),
  "group.delete": (a) => ({ text: `deleted the group ${name(a.object)}`, more: name(a.detail) }),
  "member.add": (a) => ({ text: `made ${name(a.detail)} a member of ${name(a.object)}`, more: "" }),
  "member.remove": (a) => ({
    text: `removed ${name(a.detail)} from ${name(a.object)}`,
    more: "nothing more is encrypted for them",
  }),
  "member.leave": (a) => ({ text: `left ${name(a.object)}`, more: "" }),
  "request.ask": (a) => ({ text: `asked to join ${name(a.object)}`, more: "" }),
  "request.withdraw": (a) => ({ text: `took back the wish to join ${name(a.object)}`, more: "" }),
  "request.approve": (a) => ({
    text: `let ${name(a.detail.split(", ")[0])} join ${name(a.object)}`,
    more: name(a.detail.split(", ")[1]),
  }),
  "request.deny": (a) => ({
    text: `did not let ${name(a.detail.split(", ")[0])} join ${name(a.object)}`,
    more: name(a.detail.split(", ")[1]),
  }),
  "transfer.add": (a) => aboutTransfer("promised", a),
  "transfer.cancel": (a) => aboutTransfer("took back", a),
  "transfer.retry": (a) => aboutTransfer("asked again for", a),
  "transfer.send": (a) => aboutTransfer("started sending", a),
  "upload.create": (a) => ({ text: "began an upload", more: counted(a.detail, "entry") }),
  "upload.delete": () => ({ text: "threw an upload away", more: "" }),
  check: (a) => ({
    text: `checked the receivers${a.object ? ` of ${name(a.object)}` : ""}`,
    more: counted(a.detail, "device"),
  }),
  backup: () => ({ text: "took a backup; it holds the server's keys", more: "" }),
  setback: (a) => ({ text: "the server found that its state was set back to an earlier one", more: name(a.detail) }),
  "offer.forged": (a) => ({
    text: `the device ${device(a.object)} shows an offer signed with this server's key by somebody else`,
    more: name(a.detail),
  }),
  restore: () => ({ text: "the server started from a backup", more: "" }),
  "restore.confirm": () => ({ text: "confirmed the memberships after the server was set back", more: "" }),
  "admin.first": (a) => ({ text: `made the first administrator ${name(a.object)}`, more: "with the one-time link" }),
  "admin.first.refused": () => ({ text: "a wrong or used one-time link was refused", more: "" }),
};

export function tell(a: AuditEntry): Told {
  const words = known(said, a.action);
  return words ? words(a) : { text: `${a.action} ${name(a.object)}`.trim(), more: name(a.detail) };
}

/** Who did it; a failed login has nobody's name. */
export function who(a: AuditEntry): string {
  return name(a.actor) || "somebody";
}

// A cell that a spreadsheet would take for a formula gets a quote in front (security.md W2).
const cell = (s: string) => `"${(/^[=+\-@\t\r]/.test(s) ? "'" : "") + s.replaceAll('"', '""')}"`;

export function csv(entries: AuditEntry[]): string {
  return [
    "at,actor,action,object,detail,address",
    ...entries.map((a) => [a.at, a.actor, a.action, a.object, a.detail, a.address].map(cell).join(",")),
  ].join("\r\n");
}
