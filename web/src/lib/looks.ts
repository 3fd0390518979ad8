// How states look: a shape and a colour, the same on every page.
import { known } from "./format";

export type Tone = "good" | "go" | "wait" | "bad" | "off";

const looks: Record<string, [shape: string, tone: Tone]> = {
  done: ["●", "good"],
  delivered: ["●", "good"],
  "needs-you": ["▲", "bad"],
  verified: ["●", "good"],
  "already-had": ["●", "good"],
  approved: ["●", "good"],
  member: ["●", "good"],
  active: ["●", "good"],
  multicast: ["●", "good"],
  sending: ["▶", "go"],
  receiving: ["▶", "go"],
  https: ["◆", "go"],
  queued: ["○", "wait"],
  waiting: ["○", "wait"],
  gathering: ["◔", "wait"],
  held: ["‖", "wait"],
  paused: ["‖", "wait"],
  open: ["○", "wait"],
  asked: ["○", "wait"],
  "put-off": ["‖", "wait"],
  behind: ["◆", "go"],
  shared: ["▲", "wait"],
  failed: ["▲", "bad"],
  incomplete: ["▲", "bad"],
  refused: ["▲", "bad"],
  silent: ["▲", "bad"],
  denied: ["▲", "bad"],
};

/** The shape and the colour of a state. */
export function lookOf(state: string): [shape: string, tone: Tone] {
  return known(looks, state) ?? ["–", "off"];
}
