import { describe, expect, it } from "vitest";
import type { Delivery, Device } from "../api/types";
import { deliveryTile, machineTile, tally } from "./seatstate";

const device = (of: Partial<Device> = {}): Device =>
  ({
    id: "1",
    name: "pc-1",
    user: "mia",
    active: true,
    last_seen: new Date(Date.now() - 25 * 60_000).toISOString(),
    owed: 0,
    ...of,
  }) as Device;

const delivery = (state: string, of: Partial<Delivery> = {}, standing: Partial<Delivery["standing"]> = {}): Delivery =>
  ({
    state,
    device_id: "1",
    device: "pc-1",
    user: "mia",
    active: true,
    bytes_verified: 30,
    ...of,
    standing: { label: state, rank: 2, owed: true, promised: true, ...standing },
  }) as Delivery;

describe("a machine's tile", () => {
  const tile = (d: Device, ...all: Delivery[]) => {
    const t = machineTile(
      d,
      all.map((x) => ({ of: x, bytes: 100 })),
    );
    return [t.look, t.short, t.text];
  };
  it("says what matters most", () => {
    expect(tile(device())).toEqual(["active", "ready", "ready"]);
    expect(tile(device({ owed: 2 }))).toEqual(["queued", "owed 2", "owed 2 transfers"]);
    expect(tile(device({ machines: 2 }))[0]).toBe("shared");
    expect(tile(device({ active: false }))).toEqual(["off", "away 25m", "away 25m"]);
    expect(tile(device({ active: false, owed: 1 }))[2]).toBe("away 25m, owed 1 transfer");
    expect(tile(device({ active: false, last_seen: "0001-01-01T00:00:00Z" }))[1]).toBe("never on");
    expect(tile(device({ owed: 1 }), delivery("receiving"))).toEqual(["receiving", "30 %", "30 % received"]);
  });
  it("needs somebody before anything else, away or not", () => {
    const refused = delivery("refused", { reason: "no space" }, { attention: true });
    for (const active of [true, false])
      expect(tile(device({ active }), delivery("receiving"), refused)).toEqual([
        "needs-you",
        "needs you",
        "needs you, refused: refused it; it says “no space”",
      ]);
  });
  it("counts all that comes, by its size", () => {
    const t = machineTile(device(), [
      { of: delivery("receiving", { bytes_verified: 100 }), bytes: 100 },
      { of: delivery("receiving", { bytes_verified: 0 }), bytes: 300 },
    ]);
    expect(t.part).toBe(0.25);
  });
});

describe("a delivery's tile", () => {
  it("is the delivery's label, or how much of it is there", () => {
    expect(deliveryTile(delivery("receiving"), 100)).toMatchObject({ look: "receiving", short: "30 %", part: 0.3 });
    const off = deliveryTile(delivery("queued", { reason: "not active", active: false }, { label: "off" }), 100);
    expect([off.look, off.part, off.text]).toEqual(["off", undefined, "off: not active"]);
    expect(deliveryTile(delivery("verified", {}, { delivered: true, owed: false }), 100).short).toBe("verified");
  });
});

it("tiles are counted by what they say, and what nobody knows is left out", () => {
  const all = [device(), device(), device({ active: false })].map((d) => machineTile(d, []));
  const odd = { ...all[0]!, look: "constructor" };
  expect(tally([...all, odd])).toEqual([
    { text: "2 ready", tone: "good" },
    { text: "1 away", tone: "off" },
  ]);
});
