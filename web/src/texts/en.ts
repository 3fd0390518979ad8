// Every word of the web interface in English, by page. How another language is added: CONTRIBUTING.md.
// Names, file names and the like come in as they are to be shown; nothing of them is taken for markup.
import { a, strong, writing, type Forms, type Rich } from "./words";

const { number, count } = writing("en");

const devices: Forms = { one: "device", other: "devices" };
const requests: Forms = { one: "request", other: "requests" };

export const en = {
  /** For the language of the page, and for what the browser writes by itself. */
  locale: "en",

  common: {
    search: "Search",
    noneMatches: "None matches.",
    quoted: (text: string) => `“${text}”`,
  },

  requests: {
    title: "Join requests",
    lead:
      "Users who ask to become members of a group, and new devices of members where they have to be approved. " +
      "Whoever is approved receives what the group is sent from then on.",
    search: "Search requests",
    waiting: (n: number) => `Waiting (${number(n)})`,
    waitingLabel: "Waiting",
    approve: "Approve",
    deny: "Deny",
    approveOf: (who: string, group: string) => `Approve ${who} for ${group}`,
    denyOf: (who: string, group: string) => `Deny ${who} for ${group}`,
    pickOf: (who: string, group: string) => `Pick ${who} for ${group}`,
    approveAll: "Approve all",
    approveSome: (n: number) => `Approve ${number(n)}`,
    denySome: (n: number) => (n ? `Deny ${number(n)}` : "Deny those ticked"),
    tickFirst: "Tick those to deny first",
    asksToJoin: (who: string, group: string, href: string, devs: number): Rich => [
      strong(who),
      " asks to join ",
      a(group, href),
      devs > 1 ? ` with ${count(devs, devices)}` : "",
    ],
    isNewDevice: (who: string, group: string, href: string, from: string): Rich => [
      strong(who),
      " is a new device, for ",
      a(group, href),
      from ? `, seen from ${from}` : "",
    ],
    noWord: "no word with it",
    nobody: "Nobody is waiting.",
    decided: (n: number) => `Decided (${number(n)})`,
    decidedLabel: "Decided",
    decidedBy: (who: string, when: string) => `by ${who} ${when}`,
    decidedOf: (who: string, group: string): Rich => [strong(who), ` for ${group}`],
    approved: (n: number) => `${count(n, requests)} approved`,
    denied: (n: number) => `${count(n, requests)} denied`,
  },
};
