import { expect, it } from "vitest";
import { hostFor } from "./host";

it("is where the browser is, unless that is this machine only", () => {
  const addresses = ["https://127.0.0.1:7440", "https://10.0.0.5:7440"];
  expect(hostFor("files.example:7440", addresses)).toBe("files.example:7440");
  expect(hostFor("localhost:7440", addresses)).toBe("10.0.0.5:7440");
  expect(hostFor("[::1]:7440", addresses)).toBe("10.0.0.5:7440");
  expect(hostFor("127.0.0.1:7440", ["https://127.0.0.1:7440"])).toBe("127.0.0.1:7440");
  expect(hostFor("127.0.0.1:7440", [])).toBe("127.0.0.1:7440");
});
