import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../api/types";
import { csv, tell, who } from "./audit";

const entry = (action: string, object = "", detail = "", actor = "mia") =>
  ({ at: "2026-11-30T10:00:00Z", actor, action, object, detail, address: "10.0.0.7" }) as AuditEntry;

it.each<[string, string, string, string, string]>([
  ["login", "mia", "browser", "signed in with a browser", ""],
  ["login", "mia", "pc-7", "logged in on pc-7", ""],
  ["login", "mia", "", "logged in on a machine", ""],
  ["login.failed", "", "too many", "a login failed", "too many"],
  ["login.failed", "tom", "", "a login failed as tom", ""],
  ["logout", "", "", "signed out", ""],
  ["device.add", "mia/pc/7", "", "connected the device pc/7 of mia", ""],
  ["device.revoke", "pc-7", "", "revoked the device pc-7", ""],
  ["user.add", "tom", "role admin", "added the user tom", "as an administrator"],
  ["user.add", "tom", "role member", "added the user tom", "as a member"],
  ["user.delete", "tom", "in 1 groups", "deleted the user tom", "in 1 group"],
  ["user.delete", "tom", "in 2 groups", "deleted the user tom", "in 2 groups"],
  ["member.add", "lab", "tom", "made tom a member of lab", ""],
  ["request.approve", "lab", "tom, asked 3 h ago", "let tom join lab", "asked 3 h ago"],
  ["request.deny", "lab", "tom", "did not let tom join lab", ""],
  [
    "transfer.add",
    "7 a to b.iso to lab",
    "1 files, 25165830 bytes, owed to 1",
    "promised a to b.iso to lab",
    "1 file, 25.2 MB, owed to 1 device",
  ],
  [
    "transfer.add",
    "8 x to lab",
    "2 files, 1 folders, 1000 bytes, owed to 3",
    "promised x to lab",
    "2 files in 1 folder, 1 kB, owed to 3 devices",
  ],
  ["transfer.cancel", "9 x to lab", "in words", "took back x to lab", "in words"],
  ["transfer.retry", "odd", "", "asked again for odd", ""],
  ["upload.create", "", "1 entries", "began an upload", "1 entry"],
  ["upload.create", "", "3 entries", "began an upload", "3 entries"],
  ["check", "lab", "2 devices", "checked the receivers of lab", "2 devices"],
  ["check", "", "", "checked the receivers", ""],
  ["not.known", "x", "y", "not.known x", "y"],
  ["constructor", "x", "", "constructor x", ""],
])("%s of %s (%s) is told", (action, object, detail, text, more) => {
  expect(tell(entry(action, object, detail))).toMatchObject({ text, more });
});

it("leads to the transfer that it is about", () => {
  expect(tell(entry("transfer.add", "7 a to lab")).transfer).toBe(7);
  expect(tell(entry("transfer.add", "a to lab")).transfer).toBeUndefined();
});

it("names who did it, if anybody is known to", () => {
  expect([who(entry("login")), who(entry("login.failed", "", "", ""))]).toEqual(["mia", "somebody"]);
});

describe("W2: an entry from outside", () => {
  it("cannot hide in a page", () => {
    expect(tell(entry("group.create", "a\u202eb", "c\u200bd"))).toMatchObject({
      text: "made the group a\\u{202e}b",
      more: "c\\u{200b}d",
    });
  });

  it.each(["=1+1", "+1", "-1", "@x", "\tx", "\rx"])("is no formula in a spreadsheet: %j", (s) => {
    expect(csv([entry("group.create", s)]).split("\r\n")[1]).toContain(`,"'${s}",`);
  });

  it("keeps its quotes and lines within its cell", () => {
    expect(csv([entry("group.create", 'a","b\nc')])).toBe(
      'at,actor,action,object,detail,address\r\n"2026-11-30T10:00:00Z","mia","group.create","a"",""b\nc","","10.0.0.7"',
    );
  });
});
