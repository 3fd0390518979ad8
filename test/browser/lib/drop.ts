// Drops files or folders of the disk onto a page, as a person's mouse does.
import type { Locator, Page } from "@playwright/test";

export async function drop(page: Page, onto: Locator, paths: string[]): Promise<void> {
  const box = (await onto.boundingBox())!;
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await devtools.send("Input.dispatchDragEvent", { type, ...at, data });
  await devtools.detach();
}
