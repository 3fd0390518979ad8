// A made-up room: an API that answers with as many machines as a test asks for, on the seats of a group.
import type { Page, Route } from "@playwright/test";

const zero = "2026-11-23T08:00:00Z";
export const hex = (n: number) => n.toString(16).padStart(32, "0");

export interface MadeUp {
  machines: number;
  columns: number;
  rows: number;
  unseated?: number; // of the last ones
  progress: number; // of what is being sent, 0 to 1
}

const nameOf = (i: number) => `pc-${String(i + 1).padStart(2, "0")}`;

function device(i: number): object {
  return {
    id: hex(i),
    user_id: `u${i}`,
    user: i % 2 ? "mia" : "noah",
    name: nameOf(i),
    public_key: "AAAA",
    os: "linux/amd64",
    version: "0.2.0",
    created_at: zero,
    last_seen: new Date(Date.now() - (i % 5 ? 25 : 2900) * 60_000).toISOString(),
    active: i % 11 !== 4,
    address: "10.0.0.1",
    path: "multicast",
    free_bytes: 5e10,
    loss_percent: 0,
    clock_off_ns: 0,
    groups: ["lab"],
    owed: i % 11 === 4 ? 2 : i % 13 === 3 ? 1 : 0,
  };
}

const size = 4e9;
function delivery(i: number, progress: number): object {
  const refused = i === 17;
  const off = i % 11 === 4;
  const done = i % 7 === 1;
  const state = refused ? "refused" : off ? "queued" : done ? "verified" : "receiving";
  const own = state === "receiving" ? Math.min(0.99, progress * (0.6 + ((i * 37) % 100) / 120)) : done ? 1 : 0;
  return {
    transfer: 7,
    group: "lab",
    user_id: `u${i}`,
    user: i % 2 ? "mia" : "noah",
    device_id: hex(i),
    device: nameOf(i),
    state,
    reason: refused ? "4.00 GB are needed, 1.20 GB are free" : "",
    refusal: refused ? "space" : "",
    path: "multicast",
    active: !off,
    blocks_verified: 0,
    bytes_verified: Math.floor(size * own),
    loss_percent: 0.4,
    updated_at: zero,
    standing: {
      label: off ? "off" : state,
      rank: refused ? 0 : 2,
      owed: !done,
      delivered: done,
      promised: true,
      attention: refused,
    },
  };
}

const transfer = (m: MadeUp) => ({
  id: 7,
  group_id: "00",
  group: "lab",
  name: "course.iso",
  files: 1,
  bytes: size,
  blocks: 15000,
  state: "sending",
  created_at: zero,
  created_by: "root",
  started_at: zero,
  expires_at: "2026-12-23T08:00:00Z",
  hold: false,
  via: "auto",
  rate_limit: 0,
  in_place: true,
  root: "ab".repeat(32),
  owed: m.machines,
  verified: 0,
  failed: 0,
  incomplete: 0,
  wire_bytes: 0,
  https_bytes: 0,
  summary: "",
  standing: { label: "sending", rank: 0, devices: m.machines, share: m.progress },
});

function seats(m: MadeUp): object {
  const last = m.machines - (m.unseated ?? 0);
  const all: object[] = [];
  // Two rows with an aisle: one column in the middle stays empty where there is room for it.
  const aisle = m.columns * m.rows - last >= m.rows ? Math.ceil(m.columns / 2) : 0;
  for (let i = 0, at = 0; i < last; at++) {
    const column = (at % m.columns) + 1;
    if (column === aisle) continue;
    all.push({ device_id: hex(i), device: nameOf(i), user: "mia", row: Math.floor(at / m.columns) + 1, column });
    i++;
  }
  return { rows: m.rows, columns: m.columns, version: 3, seats: all, changed_at: zero, changed_by: "root" };
}

/** Answers the API's calls for one group and one transfer that is being sent. */
export async function madeUp(page: Page, m: MadeUp): Promise<void> {
  // The event stream: four events a second, as of a transfer that is being sent.
  await page.addInitScript(() => {
    class Stream extends EventTarget {
      static readonly CLOSED = 2;
      readyState = 1;
      onopen: (() => void) | null = null;
      onerror = null;
      onmessage = null;
      private timer = setInterval(
        () =>
          this.dispatchEvent(new MessageEvent("progress", { data: '{"version":1,"kind":"progress","transfer":7}' })),
        250,
      );
      constructor() {
        super();
        setTimeout(() => this.onopen?.());
      }
      close(): void {
        clearInterval(this.timer);
      }
    }
    Object.assign(window, { EventSource: Stream });
  });
  const list = (url: URL, n: number, make: (i: number) => object) => {
    const from = Number(url.searchParams.get("from") ?? 0);
    const limit = Number(url.searchParams.get("limit") ?? n);
    return Array.from({ length: Math.max(0, Math.min(limit, n - from)) }, (_, i) => make(from + i));
  };
  await page.route("**/api/v1/**", async (route: Route) => {
    const url = new URL(route.request().url());
    const path = url.pathname.replace("/api/v1", "");
    const fulfil = (body: unknown) =>
      route.fulfill({ status: 200, contentType: "application/json", body: JSON.stringify(body) });
    switch (path) {
      case "/me":
        return fulfil({
          user: { id: "1", name: "root", role: "admin", disabled: false, created_at: zero },
          local: false,
          admin: true,
        });
      case "/groups":
        return fulfil([
          { id: "00", name: "lab", address: "239.192.0.1:7441", description: "", members: 2, version: 1 },
        ]);
      case "/groups/lab/seats":
        return fulfil(seats(m));
      case "/devices":
        return fulfil(list(url, m.machines, device));
      case "/transfers":
        return fulfil([transfer(m)]);
      case "/transfers/7":
        return fulfil(transfer(m));
      case "/transfers/7/deliveries":
        return fulfil(list(url, m.machines, (i) => delivery(i, m.progress)));
    }
    return fulfil([]);
  });
}
