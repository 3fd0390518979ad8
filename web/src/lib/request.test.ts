import { expect, it } from "vitest";
import { calls, type Doc } from "./openapi";
import { blank, command, fields, headers, isJSON, lacking, loses, pieces, sendable, target, typed } from "./request";

const doc = Object.values(import.meta.glob<Doc>("../../openapi.json", { eager: true, import: "default" }))[0]!;
const all = calls(doc);
const call = (id: string) => all.find((c) => c.id === id)!;

it("a form becomes a request: names are encoded, what is empty is left out", () => {
  const c = call("update-group");
  const v = blank(doc, c);
  expect(lacking(c, v)).toBe("name");
  v.path.name = "room 1/2";
  expect(lacking(c, v)).toBe("");
  expect(target(c, v)).toBe("/api/v1/groups/room%201%2F2");
  v.header["If-Match"] = '"abc"';
  expect(headers(c, v)).toEqual({ "If-Match": '"abc"', "Content-Type": "application/json" });
  const list = call("transfers");
  const w = blank(doc, list);
  w.query.text = "exam & co";
  w.query.limit = "";
  expect(target(list, w)).toBe("/api/v1/transfers?text=exam%20%26%20co");
});

it("the command is the same request, and nothing that is typed leaves its quotes", () => {
  const c = call("update-group");
  const v = blank(doc, c);
  v.path.name = "it's";
  v.header["If-Match"] = `"a'b"`;
  v.body = `{ "x": "it's" }`;
  const text = command(c, v, "https://server:7440");
  expect(text).toContain("-X PATCH");
  expect(text).toContain(`-H 'If-Match: "a'\\''b"'`);
  expect(text).toContain(`-d '{"x":"it'\\''s"}'`);
  expect(text.split("\n").at(-1)!.trim()).toBe(`'https://server:7440/api/v1/groups/it'\\''s'`);
});

it("what is lost asks, what cannot be sent from a page is not offered", () => {
  for (const id of ["delete-user", "cancel-transfer", "drop-member", "revoke-device", "logout", "remove-member"])
    expect(loses(call(id)), id).toBe(true);
  for (const id of ["groups", "create-group", "pause-transfer", "approve"]) expect(loses(call(id)), id).toBe(false);
  expect(["agent-state", "write-upload", "events", "backup", "groups"].map((id) => sendable(call(id)))).toEqual([
    false,
    false,
    false,
    false,
    true,
  ]);
});

it("every call's fields have a type and a description", () => {
  for (const c of all)
    for (const f of [...fields(doc, c.body), ...fields(doc, c.answer)]) {
      expect(f.type, `${c.id}.${f.name}`).not.toBe("");
      expect(f.about, `${c.id}.${f.name}`).not.toBe("");
    }
  expect(typed(call("transfers").answer)).toBe("Transfer[]");
});

it("JSON is shown whole, in its pieces", () => {
  const text = JSON.stringify({ a: [1, -2.5e3, true, null], 'b\\"': 'x: "y"' }, null, 2);
  expect(
    pieces(text)
      .map((p) => p.text)
      .join(""),
  ).toBe(text);
  expect(
    pieces('{"a": "b", "n": 1, "t": true}')
      .filter((p) => p.kind)
      .map((p) => p.kind),
  ).toEqual(["name", "text", "name", "number", "name", "word"]);
  expect(isJSON("{")).toBe(false);
});
