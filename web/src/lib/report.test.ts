import { expect, it } from "vitest";
import type { Delivery, Transfer } from "../api/types";
import { report } from "./report";

it("says of a transfer that is still read what is known of it", () => {
  const t = { id: 7, name: "=a", group: "lab", root: "0".repeat(64), bytes: 10 } as Transfer;
  const d = {
    updated_at: "",
    user: "mia",
    device: "pc",
    path: "unknown",
    bytes_verified: 4,
    void: 2,
    standing: { label: "receiving" },
  } as Delivery;
  const [head, row] = report(t, [d]).trimEnd().split("\r\n");
  expect(head?.endsWith(",void")).toBe(true);
  expect(row).toBe("7,'=a,lab,,mia,pc,receiving,4,10,unknown,0,0,0,0,,,,2");
  expect(report({ ...t, root: "ab".repeat(32) }, [d])).toContain(`,lab,${"ab".repeat(32)},mia,`);
});
