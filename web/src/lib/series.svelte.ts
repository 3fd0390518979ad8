// The points of a transfer's rate graph as the browser sees them while it looks; the server's
// own series replaces them once it is read.
import type { Point } from "../api/types";

export function columns(points: Point[]): number[][] {
  const t0 = points.length ? Date.parse(points[0]!.at) : 0;
  return [
    points.map((p) => (Date.parse(p.at) - t0) / 1000),
    points.map((p) => p.sent / 1e6),
    points.map((p) => p.repair / 1e6),
    points.map((p) => p.p10 / 1e6),
    points.map((p) => p.p50 / 1e6),
    points.map((p) => p.p90 / 1e6),
  ];
}
