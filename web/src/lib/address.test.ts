import { describe, expect, it } from "vitest";
import { addressWarning } from "./address";

describe("why an address is a poor choice", () => {
  it.each([
    ["all-hosts", "224.0.0.1:7441", '224.0.0.1 is "all hosts": switches flood it'],
    ["flooded", "239.128.0.9:7441", "239.128.0.9 shares its Ethernet address with 224.0.0.9, so"],
    ["source-specific", "232.1.1.1:7441", "232.1.1.1 is of the source-specific range"],
    ["not-private", "225.1.2.3:9000", "225.1.2.3 is not of the private range"],
    ["this-machine", "[ff11::1]:7441", "ff11::1 never leaves the machine"],
    ["of another year", "239.192.7.1:7441", "of another year"],
  ])("%s is told in words", (warning, address, words) => {
    expect(addressWarning({ warning, address })).toContain(words);
  });

  it("is nothing where there is nothing to warn of", () => {
    expect(addressWarning({ address: "239.192.7.1:7441" })).toBe("");
  });
});
