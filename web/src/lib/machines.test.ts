import { describe, expect, it } from "vitest";
import type { Delivery, Device, Transfer } from "../api/types";
import { found, type World } from "./find";
import { awayAndOwed, filtered, isDeaf, isFull, pathText, presence, sortKeys } from "./machines";
import { chips, isHere, problems, progressHere } from "./problems";
import { report } from "./report";
import { Sorter } from "./sort.svelte";

const device = (name: string, of: Partial<Device> = {}): Device =>
  ({
    id: name,
    name,
    user: "mia",
    os: "linux/amd64",
    version: "0.2.0",
    active: true,
    path: "multicast",
    free_bytes: 50e9,
    loss_percent: 0,
    last_seen: new Date().toISOString(),
    groups: ["lab"],
    ...of,
  }) as Device;

describe("machines", () => {
  const all = [
    device("pc-10", { owed: 2, active: false }),
    device("pc-2", { path: "https", groups: ["office"] }),
    device("pc-1", { free_bytes: 1e9, machines: 2 }),
    device("pc-3", { owed: 5, active: false, user: "noah" }),
  ];
  const names = (of: Partial<Parameters<typeof filtered>[1]>) =>
    filtered(all, { text: "", only: "", group: "", ...of }).map((d) => d.name);

  it.each<[string, Parameters<typeof names>[0], string[]]>([
    ["all", {}, ["pc-10", "pc-2", "pc-1", "pc-3"]],
    ["that are on", { only: "on" }, ["pc-2", "pc-1"]],
    ["that are off", { only: "off" }, ["pc-10", "pc-3"]],
    ["that are owed something", { only: "owed" }, ["pc-10", "pc-3"]],
    ["without multicast", { only: "https" }, ["pc-2"]],
    ["with a full disk", { only: "full" }, ["pc-1"]],
    ["with a shared login", { only: "shared" }, ["pc-1"]],
    ["of a group", { group: "office" }, ["pc-2"]],
    ["that have every word", { text: "NOAH pc" }, ["pc-3"]],
  ])("are filtered: %s", (_, f, want) => expect(names(f)).toEqual(want));

  it("in a site without multicast are found by it, and are not deaf", () => {
    const branch = device("pc-4", { path: "https", site: "depot" });
    const found = (text: string, only: "" | "https") => filtered([...all, branch], { text, only, group: "" });
    expect(found("depot", "")).toEqual([branch]);
    expect(found("", "https").map((d) => d.name)).toEqual(["pc-2"]);
    expect([isDeaf(all[1]!), isDeaf(branch), pathText(branch)]).toEqual([true, false, "HTTPS · depot"]);
  });

  it("are sorted with the numbers in their names", () => {
    const by = new Sorter<Device>(sortKeys, "name");
    expect(by.sorted(all).map((d) => d.name)).toEqual(["pc-1", "pc-2", "pc-3", "pc-10"]);
    by.toggle("name");
    expect(by.sorted(all)[0]!.name).toBe("pc-10");
    expect(by.aria("name")).toBe("descending");
    by.toggle("owed");
    expect(by.sorted(all).map((d) => d.owed)).toEqual([5, 2, undefined, undefined]);
    expect([by.aria("name"), by.aria("owed")]).toEqual(["none", "ascending"]);
    by.by = "constructor";
    expect(by.sorted(all)).toBe(all);
  });

  it("that are away and owed something are said once, those first that are owed most", () => {
    expect(awayAndOwed(all).map((d) => d.name)).toEqual(["pc-3", "pc-10"]);
  });

  it("are on or off since", () => {
    expect(presence(all[2]!)).toBe("on 2 machines");
    expect(presence(all[1]!)).toBe("on");
    expect(presence(device("x", { active: false }))).toBe("off since just now");
    expect(presence(device("x", { active: false, last_seen: "0001-01-01T00:00:00Z" }))).toBe("never on");
    const hour = new Date(Date.now() - 3600e3).toISOString();
    expect(presence(device("x", { active: false, last_seen: hour }))).toBe("off, seen 1h ago");
    expect(isFull(device("x", { active: false, free_bytes: 1 }))).toBe(false);
  });
});

const delivery = (device: string, label: string, of: Partial<Delivery> = {}): Delivery =>
  ({
    transfer: 7,
    user: "mia",
    device,
    device_id: device,
    state: label,
    active: true,
    bytes_verified: 0,
    path: "multicast",
    updated_at: "2026-11-30T10:00:00Z",
    ...of,
    standing: { label, rank: 2, owed: true, ...of.standing },
  }) as Delivery;

const done = (device: string) =>
  delivery(device, "verified", {
    active: false,
    standing: { label: "verified", rank: 5, delivered: true, owed: false },
  });
const part = (d: Delivery) => d.bytes_verified / 100;

describe("a transfer's machines", () => {
  const all = [
    done("a"),
    delivery("b", "receiving", { bytes_verified: 50 }),
    delivery("c", "off", { active: false }),
    delivery("d", "refused", {
      refusal: "space",
      standing: { label: "refused", rank: 0, owed: true, attention: true },
    }),
    delivery("e", "refused", { refusal: "constructor", reason: "who knows" }),
    delivery("", "no-device", { active: false }),
    delivery("g", "something new"),
  ];
  it("progress is that of those who are here", () => {
    expect(all.filter(isHere).map((d) => d.device)).toEqual(["a", "b", "e", "g"]);
    expect(progressHere([all[0]!, all[1]!, all[2]!, all[3]!], 100)).toBe(0.75);
    expect(progressHere([all[2]!], 100)).toBe(0);
    expect(progressHere([all[0]!], 0)).toBe(1);
  });
  it("chips say how many stand where", () => {
    expect(chips(all).map((c) => c.text)).toEqual([
      "1 verified",
      "1 receiving",
      "1 no room",
      "1 refused",
      "1 away",
      "1 without a machine",
      "1 something new",
    ]);
  });
  it("problems are grouped by cause, those first that need somebody", () => {
    const found = problems(all, part);
    expect(found.map((p) => [p.key, p.quiet, p.of.length])).toEqual([
      ["refused-space", false, 1],
      ["refused", false, 1],
      ["off", true, 1],
      ["no-device", true, 1],
    ]);
    expect(found[0]!.title).toBe("1 machine has no room for it");
    expect(found[1]!.of[0]!.why).toBe("refused it; it says “who knows”");
  });
  it("who lags behind the others is named as slow, with why", () => {
    const race = [90, 90, 90, 40].map((b, i) =>
      delivery(`pc-${i}`, "receiving", { bytes_verified: b, loss_percent: 7 }),
    );
    const [slow, ...more] = problems(race, part);
    expect(more).toEqual([]);
    expect(slow).toMatchObject({ key: "slow", quiet: true, title: "1 machine is slower than the others" });
    expect(slow!.of[0]!.why).toMatch(/behind the median, loses 7\.0 %/);
  });
  it("a report has a line for each, safe for spreadsheets", () => {
    const t = { id: 7, name: '=1+"1",2', group: "lab", root: "ab", bytes: 100 } as Transfer;
    const lines = report(t, [all[0]!, delivery("b", "failed", { reason: "disk\nfull" })]).split("\r\n");
    expect(lines[0]).toMatch(/^transfer,name,group,root,person,machine,state,bytes_verified,bytes,/);
    expect(lines[1]).toBe(`7,"'=1+""1"",2",lab,ab,mia,a,verified,100,100,multicast,0,0,0,0,,,2026-11-30T10:00:00Z,0`);
    expect(lines[2]).toContain('"disk\nfull"');
    expect(lines).toHaveLength(4);
  });
});

describe("Ctrl-K", () => {
  const world: World = {
    devices: [device("pc-1"), device("mia-laptop")],
    users: [{ name: "mia", role: "member" }] as World["users"],
    groups: [{ name: "lab", description: "Room 12" }] as World["groups"],
    transfers: [{ id: 3, name: "exam.pdf", group: "lab", bytes: 1 }] as World["transfers"],
    places: [{ path: "machines", text: "Machines" }],
  };
  it.each<[string, string]>([
    ["mia", "person mia"],
    ["MIA-l", "machine mia-laptop"],
    ["room 12", "group lab"],
    ["exam lab", "transfer exam.pdf"],
    ["machi", "page Machines"],
  ])("%j leads to %s", (text, want) => {
    const [first] = found(text, world, false);
    expect(`${first?.kind} ${first?.title}`).toBe(want);
  });
  it("looks for sent files, too, where one may", () => {
    expect(found("no such thing", world, true).map((h) => h.href)).toEqual(["#/files/no%20such%20thing"]);
    expect(found("no such thing", world, false)).toEqual([]);
  });
  it("shows where one can go before anything is typed", () => {
    expect(found(" ", world, true).map((h) => h.kind)).toEqual(["page", "group", "transfer"]);
  });
});
