import { describe, expect, it } from "vitest";
import { fromQuery, narrowed, whom } from "./selection.svelte";

describe("for whom a transfer is", () => {
  it("says it in words", () => {
    expect(whom({ only: ["room=2", "room=3"], except: ["ann/pc-07"] })).toBe("only room=2, room=3, except ann/pc-07");
    expect(whom({ except: ["room=2"] })).toBe("except room=2");
    expect(whom(undefined)).toBe("");
    expect(whom({ only: Array.from({ length: 9 }, (_, n) => `r=${n}`) })).toMatch(/^only r=0, .*r=5 and 3 more$/);
  });
  it("knows whether it is for all", () => {
    expect(narrowed(undefined)).toBe(false);
    expect(narrowed({})).toBe(false);
    expect(narrowed({ except: ["a=b"] })).toBe(true);
  });
  it("comes with a link", () => {
    expect(fromQuery(new URLSearchParams("group=lab&only=ann%2Fpc-1&only=room%3D2&only=room%3D2"))).toEqual({
      only: ["ann/pc-1", "room=2"],
      except: [],
    });
  });
});
