import { describe, expect, it } from "vitest";
import type { CheckResult } from "../api/types";
import { reach } from "./reach";

const result = (code: string) =>
  ({
    reach: code,
    machines: 3,
    unfit: "too old: install 0.2.0 there",
    last_seen: "2026-01-01T00:00:00Z",
    multicast: [
      { group: "deaf", sent: 5, heard: 0 },
      { group: "lossy", sent: 5, heard: 3 },
      { group: "well", sent: 5, heard: 5 },
      { group: "none", sent: 0, heard: 0 },
    ],
  }) as unknown as CheckResult;

describe("how a device is reached", () => {
  it.each([
    ["multicast", "reached over multicast"],
    ["lossy", "hears multicast with loss: lossy (3 of 5); parity repairs it"],
    ["https", "does not hear multicast of deaf, so data comes over HTTPS"],
    ["not-probed", "no probe could be sent to none:"],
    ["no-group", "is in no group"],
    ["silent", "connected, but did not answer in time"],
    ["off", "not active, seen "],
    ["never", "has never connected"],
    ["copied", "used by 3 machines"],
    ["unfit", "too old: install 0.2.0 there"],
    ["of another year", "of another year"],
  ])("%s is told in words", (code, words) => {
    expect(reach(result(code))).toContain(words);
  });
});
