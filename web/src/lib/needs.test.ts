import { describe, expect, it } from "vitest";
import type { Delivery } from "../api/types";
import { needsOf } from "./needs";

const row = (device: string, label: string, reason: string, refusal = ""): Delivery =>
  ({
    device_id: device,
    device: `pc-${device}`,
    user_id: "u",
    user: "mia",
    state: label === "refused" ? "refused" : "queued",
    refusal,
    reason,
    standing: { label },
  }) as unknown as Delivery;

describe("needsOf", () => {
  it("tells one machine's cause once, with all its transfers", () => {
    const found = [
      { transfer: { id: 3, name: "big" }, rows: [row("5", "refused", "no space for big", "space")] },
      {
        transfer: { id: 2, name: "img" },
        rows: [row("5", "refused", "no space for img", "space"), row("6", "silent", "x")],
      },
    ];
    const got = needsOf(found);
    expect(got.map((n) => [n.machine, n.why, n.transfers.map((t) => t.name)])).toEqual([
      ["pc-5", "has no room for it; it says “no space for big”", ["big", "img"]],
      ["pc-6", "x", ["img"]],
    ]);
  });
  it("keeps two causes of one machine apart", () => {
    const found = [
      { transfer: { id: 3, name: "a" }, rows: [row("5", "refused", "no space", "space")] },
      { transfer: { id: 2, name: "b" }, rows: [row("5", "refused", "no folder", "folder")] },
    ];
    expect(needsOf(found)).toHaveLength(2);
  });
  it("says nothing of nothing", () => expect(needsOf([{ transfer: { id: 1, name: "a" }, rows: [] }])).toEqual([]));
});
