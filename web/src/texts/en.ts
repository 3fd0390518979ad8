// Every word of the web interface in English, by page. How another language is added: CONTRIBUTING.md.
// Names, file names and the like come in as they are to be shown; nothing of them is taken for markup.
import { a, strong, writing, type Forms, type Moment, type Rich, type Span } from "./words";

const write = writing("en");
const { number, count, pick } = write;

const nouns = {
  device: { one: "device", other: "devices" },
  block: { one: "block", other: "blocks" },
  delivery: { one: "delivery", other: "deliveries" },
  entry: { one: "entry", other: "entries" },
  file: { one: "file", other: "files" },
  folder: { one: "folder", other: "folders" },
  group: { one: "group", other: "groups" },
  machine: { one: "machine", other: "machines" },
  member: { one: "member", other: "members" },
  request: { one: "request", other: "requests" },
  transfer: { one: "transfer", other: "transfers" },
} satisfies Record<string, Forms>;

/** "1 machine is off", "2 machines are off". */
const so = (n: number, noun: Forms, one: string, other: string) => `${count(n, noun)} ${pick(n, { one, other })}`;
const machinesAre =
  (one: string, other = one) =>
  (n: number) =>
    so(n, nouns.machine, one, other);

export const en = {
  /** For the language of the page, and for what the browser writes by itself. */
  locale: "en",
  write,

  common: {
    search: "Search",
    noneMatches: "None matches.",
    reading: "Reading…",
    quoted: (text: string) => `“${text}”`,
    of: (n: number, all: number) => `${number(n)} of ${number(all)}`,
    ofBytes: (some: string, all: string) => `${some} of ${all}`,
    device: (n: number) => count(n, nouns.device),
    entry: (n: number) => count(n, nouns.entry),
    machine: (n: number) => count(n, nouns.machine),
    transfer: (n: number) => count(n, nouns.transfer),
  },

  /** How numbers and moments are written. */
  format: {
    bytes: ["B", "kB", "MB", "GB", "TB", "PB", "EB"],
    rates: ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"],
    automatic: "auto",
    percent: (n: string) => `${n} %`,
    span: (parts: Span[]) => parts.map(([n, unit]) => `${n}${unit}`).join(""),
    day: (d: Moment) => `${d.year}-${d.month}-${d.day}`,
    time: (d: Moment) => `${d.hour}:${d.minute}:${d.second}`,
    never: "never",
    now: "now",
    ahead: (span: string) => `in ${span}`,
    ago: (span: string) => `${span} ago`,
  },

  /** When how many machines of a transfer are done. */
  byWhen: {
    half: "half",
    share: (percent: number) => `${percent} %`,
    here: "those who are here",
    all: "all",
    by: (who: string, when: string) => `${who} by ${when}`,
    later: (n: number) => `${number(n)} more later`,
  },

  contents: {
    files: (n: number) => count(n, nouns.file),
    folders: (n: number) => count(n, nouns.folder),
    both: (files: number, folders: number) => `${count(files, nouns.file)} in ${count(folders, nouns.folder)}`,
  },

  /** A state in a word or two, by its code. */
  states: {
    active: "active",
    "already-had": "had it already",
    approved: "approved",
    asked: "asked",
    behind: "behind",
    cancelled: "cancelled",
    delivered: "delivered",
    denied: "denied",
    disabled: "disabled",
    done: "done",
    expired: "expired",
    failed: "failed",
    gathering: "starting",
    held: "held",
    https: "HTTPS",
    incomplete: "incomplete",
    member: "member",
    multicast: "multicast",
    "needs-you": "needs you",
    "no-device": "no device",
    off: "off",
    open: "open",
    paused: "paused",
    "put-off": "put off",
    queued: "queued",
    receiving: "receiving",
    refused: "refused",
    replaced: "replaced",
    sending: "sending",
    shared: "shared",
    silent: "no answer",
    superseded: "has a newer one",
    verified: "verified",
    waiting: "waiting",
    withdrawn: "withdrawn",
  },
  incompleteOf: (there: number, all: number) => `incomplete (${number(there)} of ${number(all)})`,
  keptBeside: (state: string, n: number) => `${state} · ${number(n)} kept beside`,
  replacedBy: (transfer: number) => `replaced by ${transfer}`,
  deliveredAway: (state: string, n: number) => `${state} · ${number(n)} away`,

  /** Why an entry is left out, or cannot be sent. */
  leftOut: {
    name: "its name cannot be carried",
    target: "the link cannot be carried",
    pipe: "a named pipe, not a file",
    socket: "a socket, not a file",
    device: "a device, not a file",
    special: "neither a file nor a folder",
    forbidden: "no permission to read it",
    unreadable: "it cannot be read",
    home: "groupcast's own home: it holds the keys",
    excluded: "excluded",
    changed: "changed at the server",
    gone: "gone at the server",
  },

  /** What holds the rate of a session. */
  limiters: {
    cap: "the rate that is allowed",
    wire: "the network",
    "network loss": "loss in the network",
    receivers: "the receivers",
    sender: "the server's own speed",
    start: "nothing yet: it is found out",
  },

  /** What of a transfer does not come by itself. */
  needsYou: {
    failed: (n: number) => `failed on ${count(n, nouns.machine)}`,
    incomplete: (n: number) => `incomplete on ${count(n, nouns.machine)}`,
    stuck: machinesAre("cannot take it or does not answer", "cannot take it or do not answer"),
    source: "its files cannot be read",
  },

  forged: (devices: number, blocks: number, running: boolean) =>
    `A member of the group ${running ? "forges" : "forged"} packets: ${count(devices, nouns.device)} reported it` +
    (blocks ? `, ${count(blocks, nouns.block)} came wrong and were put right. ` : ". ") +
    "No wrong data is written. Which member it is cannot be determined, because all have the same key.",

  /** What machines of a transfer have in common that are not through, and what to do about it. */
  problems: {
    "refused-space": {
      title: machinesAre("has no room for it", "have no room for it"),
      next: "Free some space there, or lower the reserve that its receiver keeps. It is tried again by itself.",
    },
    "refused-size": {
      title: machinesAre("takes nothing so large", "take nothing so large"),
      next: "Its receiver was started with a limit: raise it there, then retry.",
    },
    "refused-names": {
      title: machinesAre("cannot hold these file names"),
      next: "Rename the files at the source, or drop the machine.",
    },
    "refused-folder": {
      title: machinesAre("has lost its folder for files", "have lost their folder for files"),
      next: "Is a disk not mounted there? As soon as the folder is back, it goes on by itself.",
    },
    "refused-version": {
      title: machinesAre("runs a version that does not fit", "run a version that does not fit"),
      next: "Install the version of this server there.",
    },
    refused: {
      title: machinesAre("refused it"),
      next: "The reason stands beside each. Mend it there, then retry.",
    },
    failed: { title: machinesAre("failed"), next: "The reason stands beside each. Retry owes it again." },
    incomplete: {
      title: machinesAre("has not all of it in place", "have not all of it in place"),
      next: "What is missing, and why, is listed below. Retry owes it again.",
    },
    silent: {
      title: machinesAre("is connected and does not answer", "are connected and do not answer"),
      next: "It may be frozen: look at the machine. It is served as soon as it answers.",
    },
    "put-off": {
      title: machinesAre("was put off", "were put off"),
      next: "Send now, or let it catch up, when its time has come.",
    },
    expired: {
      title: machinesAre("did not come in time"),
      next: "It is not owed any more. Retry owes it again.",
    },
    behind: {
      title: machinesAre("is served over HTTPS", "are served over HTTPS"),
      next: "Multicast does not serve it well. It gets everything all the same, only slower.",
    },
    slow: {
      title: machinesAre("is slower than the others", "are slower than the others"),
      next: "Nothing to do: it gets everything, only later. Catch up now takes it out of multicast.",
    },
    off: {
      title: machinesAre("is off", "are off"),
      next: "Nothing to do: it gets it by itself when it is back.",
    },
    "no-device": {
      title: (n: number) => so(n, nouns.member, "has no machine yet", "have no machine yet"),
      next: "Nothing to do: the first machine that they log in on gets it.",
    },
  },
  slower: (percent: string, loss: string) => `${percent} behind the median, loses ${loss}`,
  notSigned: "reason, path and counts are not signed",

  /** How many machines of a transfer are in each state. */
  chips: {
    verified: (n: number) => `${number(n)} verified`,
    receiving: (n: number) => `${number(n)} receiving`,
    behind: (n: number) => `${number(n)} over HTTPS`,
    queued: (n: number) => `${number(n)} waiting`,
    held: (n: number) => `${number(n)} held`,
    paused: (n: number) => `${number(n)} paused`,
    "put-off": (n: number) => `${number(n)} put off`,
    silent: (n: number) => `${number(n)} no answer`,
    "refused-space": (n: number) => `${number(n)} no room`,
    refused: (n: number) => `${number(n)} refused`,
    incomplete: (n: number) => `${number(n)} incomplete`,
    failed: (n: number) => `${number(n)} failed`,
    expired: (n: number) => `${number(n)} expired`,
    off: (n: number) => `${number(n)} away`,
    "no-device": (n: number) => `${number(n)} without a machine`,
    replaced: (n: number) => `${number(n)} replaced`,
    cancelled: (n: number) => `${number(n)} dropped`,
  },

  /** How a check found that a machine is reached, with the next step. */
  reach: {
    multicast: "reached over multicast",
    lossy: (groups: string) => `hears multicast with loss: ${groups}; parity repairs it`,
    heard: (group: string, n: number, sent: number) => `${group} (${n} of ${sent})`,
    https: (groups: string, port: number) =>
      `does not hear multicast of ${groups}, so data comes over HTTPS: look at its firewall (UDP ${port}), its Wi-Fi, ` +
      "and IGMP snooping without a querier on the switch (`groupcast doctor` there)",
    notProbed: (group: string) => `no probe could be sent to ${group}: see the server's log and --interface`,
    noGroup: "is in no group: add its user to one",
    silent: "connected, but did not answer in time: the machine may be asleep or overloaded",
    off: (seen: string) => `not active, seen ${seen}: is the machine on and \`groupcast receive\` running there?`,
    never: "has never connected: start `groupcast receive` there",
    copied: (n: number) =>
      `its login is used by ${n} machines, of which only one gets files: a home was copied; ` +
      "on the others: `groupcast logout`, then log in",
  },

  /** Why a group's multicast address is a poor choice. */
  address: {
    allHosts: (ip: string) =>
      `${ip} is "all hosts": switches flood it to every port and every machine's network card takes it in, member or ` +
      "not; it never leaves this network. An address of 239.192.0.0/14 (given none, the server picks one) reaches " +
      "members only",
    flooded: (ip: string, twin: string) =>
      `${ip} shares its Ethernet address with ${twin}, so switches flood it to every port; another third number would not`,
    sourceSpecific: (ip: string) =>
      `${ip} is of the source-specific range: routers forward it only to receivers that name the server's address, ` +
      "as groupcast's do where the network supports IGMPv3",
    notPrivate: (ip: string) =>
      `${ip} is not of the private range 239.0.0.0/8: another network's traffic may use it too`,
    thisMachine: (ip: string) => `${ip} never leaves the machine: only receivers on the server itself hear it`,
  },

  /** The audit log: what stands after the name of who did it. */
  audit: {
    somebody: "somebody",
    owedTo: (what: string, bytes: string, n: number) => `${what}, ${bytes}, owed to ${count(n, nouns.device)}`,
    deviceOf: (device: string, user: string) => `${device} of ${user}`,
    browser: "signed in with a browser",
    login: (where: string) => `logged in on ${where}`,
    aMachine: "a machine",
    loginFailed: (user: string) => (user ? `a login failed as ${user}` : "a login failed"),
    logout: "signed out",
    deviceAdd: (device: string) => `connected the device ${device}`,
    deviceRevoke: (device: string) => `revoked the device ${device}`,
    deviceReplaced: (device: string) => `the device ${device} attached twice; the first was let go`,
    userAdd: (user: string) => `added the user ${user}`,
    asAdmin: "as an administrator",
    asMember: "as a member",
    userUpdate: (user: string) => `changed the user ${user}`,
    userDelete: (user: string) => `deleted the user ${user}`,
    inGroups: (n: number) => `in ${count(n, nouns.group)}`,
    password: "changed their own password",
    groupCreate: (group: string) => `made the group ${group}`,
    groupSet: (group: string) => `changed the group ${group}`,
    groupDelete: (group: string) => `deleted the group ${group}`,
    memberAdd: (user: string, group: string) => `made ${user} a member of ${group}`,
    memberRemove: (user: string, group: string) => `removed ${user} from ${group}`,
    notEncrypted: "nothing more is encrypted for them",
    leave: (group: string) => `left ${group}`,
    ask: (group: string) => `asked to join ${group}`,
    withdraw: (group: string) => `took back the wish to join ${group}`,
    approve: (user: string, group: string) => `let ${user} join ${group}`,
    deny: (user: string, group: string) => `did not let ${user} join ${group}`,
    transferAdd: (what: string, group: string) => (group ? `promised ${what} to ${group}` : `promised ${what}`),
    transferCancel: (what: string, group: string) => (group ? `took back ${what} to ${group}` : `took back ${what}`),
    transferRetry: (what: string, group: string) =>
      group ? `asked again for ${what} to ${group}` : `asked again for ${what}`,
    transferSend: (what: string, group: string) =>
      group ? `started sending ${what} to ${group}` : `started sending ${what}`,
    uploadCreate: "began an upload",
    uploadDelete: "threw an upload away",
    check: (group: string) => (group ? `checked the receivers of ${group}` : "checked the receivers"),
    backup: "took a backup; it holds the server's keys",
    setback: "the server found that its state was set back to an earlier one",
    forged: (device: string) => `the device ${device} shows an offer signed with this server's key by somebody else`,
    restore: "the server started from a backup",
    restoreConfirm: "confirmed the memberships after the server was set back",
    firstAdmin: (user: string) => `made the first administrator ${user}`,
    oneTime: "with the one-time link",
    firstRefused: "a wrong or used one-time link was refused",
  },

  /** The navigation and its keys. */
  places: {
    overview: "Overview",
    send: "Send",
    transfers: "Transfers",
    pending: "Pending",
    whoReceives: "Who receives",
    machines: "Machines",
    groups: "Groups",
    people: "People",
    requests: "Join requests",
    thisServer: "This server",
    files: "Sent files",
    server: "Server",
    audit: "Audit log",
    api: "API",
    mine: "My files",
    joined: "My groups",
  },
  keys: {
    list: "this list",
    find: "find a machine, a person, a group, a transfer, a file",
    search: "search in the page",
    account: "your account",
    close: "close a dialog",
  },

  /** The box that finds things by name. */
  find: {
    label: "Find",
    everything: "Find a machine, person, group, transfer, file",
    pages: "Find a page",
    found: "Found",
    nothing: "Nothing is called like that.",
    page: "page",
    group: "group",
    machine: "machine",
    person: "person",
    transfer: "transfer",
    files: "sent files",
    whichVersion: "which version, when, to whom",
    transferTo: (no: number, group: string, bytes: string, when: string) => `${no} to ${group}, ${bytes}, ${when}`,
  },

  session: {
    stillSignedIn: (why: string) => `You are still signed in. ${why}`,
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
      devs > 1 ? ` with ${count(devs, nouns.device)}` : "",
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
    approved: (n: number) => `${count(n, nouns.request)} approved`,
    denied: (n: number) => `${count(n, nouns.request)} denied`,
  },
};
