// The audit log in words: what was done, as a sentence after the name of who did it. The raw
// entry stays beside it; an action unknown here is shown as it is.
import type { AuditEntry } from "../api/types";
import { texts } from "../texts";
import { bytes, contents, known, name } from "./format";

export interface Told {
  text: string;
  more: string;
  transfer?: number;
}

const label = /^(\d+) (.*) to (\S+)$/s;

const w = texts.audit;

function aboutTransfer(say: (what: string, group: string) => string, a: AuditEntry): Told {
  const m = label.exec(a.object);
  if (!m) return { text: say(name(a.object), ""), more: name(a.detail) };
  return { text: say(name(m[2]), name(m[3])), more: promised(a.detail), transfer: Number(m[1]) };
}

// "2 files, 1 folders, 25165830 bytes, owed to 3"; entries of older servers have no folders
function promised(detail: string): string {
  const m = /^(\d+) files, (?:(\d+) folders, )?(\d+) bytes, owed to (\d+)$/.exec(detail);
  if (!m) return name(detail);
  const what = contents({ files: Number(m[1]), folders: Number(m[2] ?? 0) });
  return w.owedTo(what, bytes(Number(m[3])), Number(m[4]));
}

// A number with a noun, as "3 entries"
function counted(detail: string, say: (n: number) => string, before = ""): string {
  const m = new RegExp(`^${before}(\\d+) \\w+$`).exec(detail);
  return m ? say(Number(m[1])) : name(detail);
}

function device(object: string): string {
  const [user, ...of] = object.split("/");
  return of.length ? w.deviceOf(name(of.join("/")), name(user)) : name(object);
}

// Of "USER, WORD" the user, and the word.
const first = (detail: string) => name(detail.split(", ")[0]);
const second = (detail: string) => name(detail.split(", ")[1]);

const roles: Record<string, string> = { "role admin": w.asAdmin, "role member": w.asMember };

const said: Record<string, (a: AuditEntry) => Told> = {
  login: (a) => ({ text: a.detail === "browser" ? w.browser : w.login(name(a.detail) || w.aMachine), more: "" }),
  "login.failed": (a) => ({ text: w.loginFailed(name(a.object)), more: name(a.detail) }),
  logout: (a) => ({ text: w.logout, more: name(a.detail) }),
  "device.add": (a) => ({ text: w.deviceAdd(device(a.object)), more: "" }),
  "device.revoke": (a) => ({ text: w.deviceRevoke(device(a.object)), more: "" }),
  "device.replaced": (a) => ({ text: w.deviceReplaced(device(a.object)), more: name(a.detail) }),
  "user.add": (a) => ({ text: w.userAdd(name(a.object)), more: known(roles, a.detail) ?? name(a.detail) }),
  "user.update": (a) => ({ text: w.userUpdate(name(a.object)), more: name(a.detail) }),
  "user.delete": (a) => ({ text: w.userDelete(name(a.object)), more: counted(a.detail, w.inGroups, "in ") }),
  "user.password": () => ({ text: w.password, more: "" }),
  "group.create": (a) => ({ text: w.groupCreate(name(a.object)), more: name(a.detail) }),
  "group.set": (a) => ({ text: w.groupSet(name(a.object)), more: name(a.detail) }),
  "group.seats": (a) => ({ text: w.groupSeats(name(a.object)), more: name(a.detail) }),
  "group.delete": (a) => ({ text: w.groupDelete(name(a.object)), more: name(a.detail) }),
  "member.add": (a) => ({ text: w.memberAdd(name(a.detail), name(a.object)), more: "" }),
  "member.remove": (a) => ({ text: w.memberRemove(name(a.detail), name(a.object)), more: w.notEncrypted }),
  "member.leave": (a) => ({ text: w.leave(name(a.object)), more: "" }),
  "request.ask": (a) => ({ text: w.ask(name(a.object)), more: "" }),
  "request.withdraw": (a) => ({ text: w.withdraw(name(a.object)), more: "" }),
  "request.approve": (a) => ({ text: w.approve(first(a.detail), name(a.object)), more: second(a.detail) }),
  "request.deny": (a) => ({ text: w.deny(first(a.detail), name(a.object)), more: second(a.detail) }),
  "transfer.add": (a) => aboutTransfer(w.transferAdd, a),
  "transfer.cancel": (a) => aboutTransfer(w.transferCancel, a),
  "transfer.retry": (a) => aboutTransfer(w.transferRetry, a),
  "transfer.send": (a) => aboutTransfer(w.transferSend, a),
  "upload.create": (a) => ({ text: w.uploadCreate, more: counted(a.detail, texts.common.entry) }),
  "upload.delete": () => ({ text: w.uploadDelete, more: "" }),
  check: (a) => ({ text: w.check(name(a.object)), more: counted(a.detail, texts.common.device) }),
  backup: () => ({ text: w.backup, more: "" }),
  setback: (a) => ({ text: w.setback, more: name(a.detail) }),
  "offer.forged": (a) => ({ text: w.forged(device(a.object)), more: name(a.detail) }),
  "group.forged": (a) => ({ text: w.groupForged(name(a.object)), more: name(a.detail) }),
  restore: () => ({ text: w.restore, more: "" }),
  "restore.confirm": () => ({ text: w.restoreConfirm, more: "" }),
  "admin.first": (a) => ({ text: w.firstAdmin(name(a.object)), more: w.oneTime }),
  "admin.first.refused": () => ({ text: w.firstRefused, more: "" }),
};

export function tell(a: AuditEntry): Told {
  const words = known(said, a.action);
  return words ? words(a) : { text: `${a.action} ${name(a.object)}`.trim(), more: name(a.detail) };
}

/** Who did it; a failed login has nobody's name. */
export function who(a: AuditEntry): string {
  return name(a.actor) || w.somebody;
}

// A cell that a spreadsheet would take for a formula gets a quote in front (security.md W2).
const cell = (s: string) => `"${(/^[=+\-@\t\r]/.test(s) ? "'" : "") + s.replaceAll('"', '""')}"`;

export function csv(entries: AuditEntry[]): string {
  return [
    "at,actor,action,object,detail,address",
    ...entries.map((a) => [a.at, a.actor, a.action, a.object, a.detail, a.address].map(cell).join(",")),
  ].join("\r\n");
}
