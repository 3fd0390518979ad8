/** The beginning that people compare, in groups of four, as the server's terminal shows it. */
export function compared(id: string): string {
  return (id.slice(0, 20).match(/.{1,4}/g) ?? []).join(" ");
}
