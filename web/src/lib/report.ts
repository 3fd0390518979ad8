// A transfer as a table for other programs: one line a machine, RFC 4180.
import type { Delivery, Transfer } from "../api/types";

// A cell that a spreadsheet would take for a formula begins with an apostrophe instead.
function cell(value: string | number): string {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const columns = [
  "transfer",
  "name",
  "group",
  "root",
  "person",
  "machine",
  "state",
  "bytes_verified",
  "bytes",
  "path",
  "loss_percent",
  "entries",
  "missing",
  "beside",
  "reason",
  "signed",
  "updated_at",
  "void",
];

/** The report of a transfer, its deliveries in the order given. */
export function report(t: Transfer, deliveries: Delivery[]): string {
  const rows = deliveries.map((d) => [
    t.id,
    t.name,
    t.group,
    /^0*$/.test(t.root) ? "" : t.root, // of a paged one there is none before its final page
    d.user,
    d.device,
    d.standing.label,
    d.standing.delivered ? t.bytes : d.bytes_verified,
    t.bytes,
    d.path,
    d.loss_percent ?? 0,
    d.entries ?? 0,
    d.missing ?? 0,
    d.beside ?? 0,
    d.reason ?? "",
    d.signed ?? "",
    d.updated_at,
    d.void ?? 0,
  ]);
  return [columns, ...rows].map((r) => r.map(cell).join(",") + "\r\n").join("");
}
