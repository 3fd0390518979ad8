import { expect, it } from "vitest";
import { compared } from "./fingerprint";

it("is compared by its first twenty characters, in groups of four", () => {
  expect(compared("d142ee7eba9379a8b4acf91710f82628bc0a8ced474bbcb1057c17c4baac21a1")).toBe("d142 ee7e ba93 79a8 b4ac");
  expect(compared("")).toBe("");
});
