// Every word of the web interface in English, by page. How another language is added: CONTRIBUTING.md.
// Names, file names and the like come in as they are to be shown; nothing of them is taken for markup.
import { a, between, code, em, soft, strong, writing, type Forms, type Moment, type Rich, type Span } from "./words";

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

  /** Whether the server's own sentences are in this language, too: they say more than their codes. */
  serverSpeaksIt: true,

  common: {
    search: "Search",
    noneMatches: "None matches.",
    reading: "Reading…",
    couldNotRead: "This could not be read",
    tryAgain: "Try again",
    close: "Close",
    keep: "Keep",
    andMore: (n: number) => `and ${number(n)} more`,
    more: (n: number) => `${number(n)} more`,
    quoted: (text: string) => `“${text}”`,
    of: (n: number, all: number) => `${number(n)} of ${number(all)}`,
    progress: (what: string) => `Progress of ${what}`,
    share: (what: string, percent: string) => `${what}: ${percent}`,
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

  roles: {
    admin: "administrator",
    member: "member",
    adminLead: "Administrator",
    memberLead: "Member",
  },

  account: {
    change: "Change the password",
    current: "Current password",
    fresh: "New password",
    again: "New password again",
    yes: "Change",
    differ: "The two new passwords differ.",
    changed: "Password changed",
    signedIn: "Signed in",
    browser: "browser",
    cli: "command line",
    receiver: "receiver",
    thisOne: "(this one)",
    end: "End",
    ended: "Ended",
    hint: "A browser's sign-in ends by itself after 12 hours without use. Ending a receiver's ends its device.",
  },

  auditPage: {
    title: "Audit",
    lead: "Everything an administrator did, every login, newest first.",
    csv: "Export CSV",
    json: "Export JSON",
    filter: "Filter",
    label: "Audit log",
    entries: (n: number, of: number, newest: boolean) =>
      `${n < of ? `${number(n)} of ` : ""}${number(of)}${newest ? " newest" : ""} ${pick(of, nouns.entry)}`,
    older: "Read older ones",
    nothing: "Nothing has happened yet.",
    when: "When",
    who: "Who",
    what: "What",
    from: "From",
    more: "More",
    moreOf: (id: number) => `More about entry ${id}`,
    thisMachine: "this machine",
    theServer: "the server",
    whenFrom: (when: string, from: string) => `${when} from ${from}`,
    entry: (id: number | string) => `Entry ${id}`,
    action: "Action",
    which: "Which",
    detail: "Detail",
    openTransfer: "Open the transfer",
  },

  people: {
    title: "People",
    lead: "Accounts. A person logs in on each of their machines; one account may serve many.",
    add: "New person",
    search: "Search people",
    nobody: "Nobody yet.",
    login: "Login ID",
    role: "Role",
    machines: "Machines",
    since: "Since",
    noMachine: "no machine yet",
    on: (n: number, of: number, shared: number) =>
      `${number(n)} of ${count(of, nouns.machine)} on${shared ? `, ${number(shared)} used by several at once` : ""}`,
    line: (role: string, machines: string, since: string) => `${role} · ${machines} · since ${since}`,
    memberMay: "member: receives what their groups are sent",
    adminMay: "administrator: may do everything here",
    password: "Password",
    tell: "tell them in person; they can change it",
    yes: "Add the person",
    added: (user: string) => `${user} added`,
  },

  person: {
    removeTitle: (user: string, group: string) => `Remove ${user} from ${group}?`,
    removeText: (group: string) =>
      `From the moment this is done nothing more of ${group} is encrypted for them, and they are owed nothing of it. ` +
      "Files that they have stay.",
    remove: "Remove",
    removeAsk: "Remove …",
    added: (user: string, group: string) => `${user} is a member of ${group}`,
    removed: (user: string, group: string) => `${user} is no longer a member of ${group}`,
    mayLogin: (user: string) => `${user} may log in again`,
    disableTitle: (user: string) => `Disable ${user}?`,
    disableText: (machines: number) =>
      `Every login of theirs ends at once, also that of ${count(machines, nouns.machine)}. Their groups stay as they ` +
      "are; enabling brings nothing back but the right to log in.",
    disable: "Disable",
    disableAsk: "Disable …",
    enable: "Enable",
    disabled: (user: string) => `${user} is disabled`,
    upTitle: (user: string) => `Make ${user} an administrator?`,
    downTitle: (user: string) => `Make ${user} a member?`,
    upText: "An administrator may do everything here: send to every group, read every name, make and delete accounts.",
    downText: "They lose the right to administer at once. What they started goes on.",
    up: "Make an administrator",
    down: "Make a member",
    upAsk: "Make an administrator …",
    downAsk: "Make a member …",
    roleChanged: "Role changed",
    deleteTitle: (user: string) => `Delete ${user}?`,
    deleteText: (machines: number) =>
      `The account and the logins of ${count(machines, nouns.machine)} are gone for good; what they are owed is ` +
      "cancelled. Files on the machines stay. The history keeps the name.",
    delete: "Delete the account",
    deleteAsk: "Delete …",
    deleted: (user: string) => `${user} deleted`,
    cannot: ": they cannot log in. ·",
    since: (when: string) => `Account since ${when}`,
    groups: (n: number) => `Groups (${number(n)})`,
    noGroups: "None: they are sent nothing.",
    into: "Add to a group",
    intoAsk: "Add to a group …",
    machines: (n: number) => `Machines (${number(n)})`,
    owed: (n: number) => `owed ${count(n, nouns.transfer)}`,
    noMachines: "None yet. What is sent to their groups waits for the first machine that they log in on.",
    password: "Password",
    fresh: "New password",
    tell: "tell them in person; every login of theirs ends",
    reset: "Reset password",
    passwordSet: "Password set; all their logins are over",
  },

  /** What is typed on a machine. */
  commands: {
    login: (host: string, user: string, fingerprint: string) =>
      `groupcast login https://${host} --user ${user} --trust ${fingerprint}`,
    join: (group: string) => `groupcast join ${group}`,
    receive: "groupcast receive",
  },

  /** The page of the one-time link. */
  firstRun: {
    title: "Set up this server",
    lead: "Give it a name and make its first administrator. The link works once, for 15 minutes.",
    compare: "Is it the right server? Its terminal shows the same beginning of the fingerprint:",
    server: "Name of this server",
    serverHint: "people see it on every page and when they log in",
    login: "Your login ID",
    loginHint: "lower-case letters, digits, dot, dash",
    password: "Password",
    passwordHint: "8 characters or more",
    show: "Show",
    hide: "Hide",
    yes: "Create and sign in",
    busy: "One moment…",
    made: (user: string) => `${user} is made`,
    warns:
      "Your browser will warn once, because this server made its own certificate. Go on there: you are signed in then.",
    compareCertificate: "Only go on if the browser's certificate dialog shows this SHA-256 fingerprint:",
    goOn: "Continue to the server",
    used: "This link is of no use any more",
    usedText: "It was used already, or is older than 15 minutes. With an account you can sign in.",
    usedElse: [
      "Nobody has an account yet? Stop ",
      code("groupcast serve"),
      " on its machine and start it again: it prints a new link.",
    ] as Rich,
    cut: "The link is not complete",
    cutText: "Its last part is missing. Copy it whole from where the server printed it, and open it again.",
    toSignIn: "Sign in",
    unreadable: "The server does not answer",
    again: "Try again",
  },

  /** The list that leads from an empty server to the first verified delivery. */
  steps: {
    label: "First steps",
    title: (server: string) => `First steps with ${server}`,
    allDone: "All done: the first files are delivered and verified",
    progress: (done: number, of: number) => `${number(done)} of ${number(of)}`,
    away: "Put away",
    isDone: " (done)",
    names: {
      admin: "Make an administrator",
      group: "Make a group",
      account: "Make an account for the machines",
      machines: "Add machines",
      send: "Send the first files",
    },
    groupText: "A group is who gets the same files: a room, a course, a fleet.",
    groupName: "Name of the group",
    groupExample: "room-204",
    makeGroup: "Make the group",
    nameHint: "lower-case letters, digits, dot, dash",
    accountText: (group: string) =>
      `Machines log in with it. One account may serve as many machines as you like; it is in ${group} at once.`,
    login: "Login ID",
    accountExample: "pc",
    password: "Password",
    passwordHint: "8 characters or more; it is typed once on each machine",
    show: "Show",
    hide: "Hide",
    makeAccount: "Make the account",
    machinesText: [
      "On each machine that shall receive, install groupcast, then type this. It asks for the password of the account; " +
        "the last command stays up.",
    ] as Rich,
    someone: "NAME",
    fingerprint: "It compares this server's fingerprint, which begins with",
    waitFirst: "Waiting for the first machine. It appears here by itself.",
    startReceive: ["now ", code("groupcast receive"), " there"] as Rich,
    asks: (who: string, group: string): Rich => [strong(who), ` asks to join ${group}`],
    approve: "Approve",
    addTo: (group: string) => `Add to ${group}`,
    sendText: (group: string) => `Every machine of ${group} gets them, and each confirms what it verified.`,
    files: "Files to send",
    choose: "Choose files …",
    others: "Choose others …",
    chosen: (names: string[]) => (names.length === 1 ? names[0]! : count(names.length, nouns.file)),
    sendTo: (what: string, group: string) => `Send ${what} to ${group}`,
    sendPage: "more choices on the page Send",
    uploading: "Upload",
    underWay: (what: string, href: string): Rich => [a(what, href), " is on its way."],
    verified: (what: string, n: number, href: string): Rich => [
      a(what, href),
      ` is verified on ${count(n, nouns.machine)}.`,
    ],
  },

  signIn: {
    title: "Sign in",
    to: (server: string) => `Sign in to ${server}.`,
    again: "Sign in again",
    againLead: "Your sign-in has ended. What you were doing is still there: it goes on once you are signed in.",
    somebodyElse: "Sign in as somebody else",
    setUp: [
      "This server has no administrator yet: open the link that ",
      code("groupcast serve"),
      " printed on its machine.",
    ] as Rich,
    login: "Login ID",
    password: "Password",
    yes: "Sign in",
    busy: "Signing in…",
    hint: [
      "No account? The administrator of this server makes one. First administrator? Use the link that ",
      code("groupcast serve"),
      " printed.",
    ] as Rich,
  },

  groups: {
    title: "Groups",
    lead: "Who may receive what. All machines of every member get what is sent to the group.",
    add: "New group",
    none: "No group yet. Make one, then add users or let them ask to join.",
    search: "Search name, description, address",
    group: "Group",
    members: "Members",
    on: "Machines on",
    pending: "Pending",
    address: "Address",
    pendingN: (n: number) => `${number(n)} pending`,
    line: (members: number, on: number) => `${count(members, nouns.member)}, ${count(on, nouns.machine)} on`,
    name: "Name",
    nameHint: "lower-case letters, digits, dot, dash; it is also the folder's name on receivers",
    description: "Description",
    multicast: "Multicast address",
    picked: "picked for you",
    addressHint: "leave it empty unless your network prescribes one",
    unlisted: "Unlisted: only members see that it exists",
    approve: "A member's new machine gets nothing until an administrator approves it",
    yes: "Make the group",
    made: (group: string, address: string) => `${group} made, at ${address}`,
    madeBut: (group: string, warning: string) => `${group} made. ${warning}`,
  },

  group: {
    send: "Send files",
    check: "Check machines",
    checking: "Checking…",
    checked: "Check",
    close: "Close",
    deleteAsk: "Delete …",
    address: (address: string, made: string, version: number, unlisted: boolean): Rich => [
      "Multicast address ",
      code(address),
      ` · made ${made} · `,
      soft(`membership version ${version}`, "Grows with every change of members; a session belongs to one version"),
      unlisted ? " · unlisted: only members see it" : "",
    ],
    newWait: "New machines wait from now on. Those that members have stay.",
    newGet: "New machines get what members get, at once.",
    requests: "Requests",
    isNew: (who: string): Rich => [strong(who), " is a new machine"],
    asks: (who: string): Rich => [strong(who), " asks to join"],
    getsAll: (who: string) => `${who} gets what members get`,
    isMember: (who: string) => `${who} is a member`,
    denied: "Denied",
    moreRequests: (n: number) => `${number(n)} more ${pick(n, nouns.request)}`,
    searchLabel: "Search members and machines",
    search: (members: number, machines: number) =>
      `Search ${count(members, nouns.member)} and ${count(machines, nouns.machine)}`,
    members: (n: number) => `Members (${number(n)})`,
    membersLabel: "Members",
    userToAdd: "User to add",
    addUser: "add a user",
    add: "Add",
    on: (n: number, of: number) => `${number(n)} of ${count(of, nouns.machine)} on`,
    noMachine: "no machine yet",
    memberSince: (on: string, when: string) => `${on} · member since ${when}`,
    remove: "Remove",
    removeOf: (who: string) => `Remove ${who}`,
    nobody: "Nobody yet. Add a user here, or let them ask with “groupcast join”.",
    machines: (n: number) => `Machines (${number(n)})`,
    machinesLabel: "Machines",
    notTried: "not tried",
    multicastNotTried: "multicast not tried",
    noMachines: ["None. A member's machine appears when they run ", code("groupcast login"), " on it."] as Rich,
    history: "History",
    nothingSent: "Nothing has been sent to this group.",
    earlier: (n: number) => `${number(n)} earlier ones`,
    deleteTitle: (group: string) => `Delete ${group}?`,
    deleteText:
      "Its members lose what they are still owed; running transfers end at once. Files already delivered stay where " +
      "they are.",
    delete: "Delete the group",
    keep: "Keep it",
    deleted: (group: string) => `${group} deleted`,
    removeTitle: (who: string) => `Remove ${who}?`,
    removeText: (who: string) =>
      `From the moment this answers, nothing more is encrypted for ${who}. Running transfers go on for the others with ` +
      "a new key. Files already received stay on that machine.",
    keepMember: "Keep",
    removed: (who: string) => `${who} is no longer a member`,
  },

  joined: {
    title: "My groups",
    lead: "What you receive, and what you may ask for.",
    asked: "asked, waiting for an administrator",
    leave: "Leave",
    ask: "Ask to join",
    none: "No groups are on offer. An administrator can add you to one.",
    askTitle: (group: string) => `Ask to join ${group}`,
    line: "A line to the administrator",
    optional: "optional",
    yes: "Ask",
    no: "Not now",
    sent: "Asked. An administrator decides.",
    leaveTitle: (group: string) => `Leave ${group}?`,
    leaveText: "Your devices get nothing more from it. Files you have stay.",
    left: (group: string) => `Left ${group}`,
    stay: "Stay",
  },

  mine: {
    title: "My files",
    lead:
      "What your machines get. Paths are below the folder for received files: Groupcast in the home folder, unless it " +
      "was set otherwise.",
    waiting: "Waiting for an administrator",
    toLetYouInto: (groups: string) => `to let you into ${groups}. Nothing for you to do.`,
    coming: "On its way",
    forTo: (bytes: string, group: string, machine: string) => `${bytes} for ${group}, to ${machine}`,
    firstMachine: "your first machine",
    received: "Received",
    fresh: "new",
    below: "below the folder for received files",
    on: (machine: string) => `on ${machine}`,
    nothing: (groups: string): Rich => [
      `Nothing yet. What is sent to ${groups} lands in the folder Groupcast of each machine where `,
      code("groupcast receive"),
      " runs.",
    ],
    noGroup: (href: string): Rich => ["Nothing yet: you are in no group. ", a("Ask to join one", href), "."],
    earlier: (n: number) => count(n, { one: "earlier one", other: "earlier ones" }),
    machines: "My machines",
    newSince: (when: string) => `new since ${when}`,
    notYou: (when: string) => `${when}: if you did not log in there, log it out and change your password`,
    free: (bytes: string) => `${bytes} free`,
    logoutAsk: "Log out …",
    none: (host: string): Rich => [
      "None. On each machine run ",
      code(`groupcast login https://${host} --user NAME`),
      ", then ",
      code("groupcast receive"),
      ".",
    ],
    logoutTitle: (machine: string) => `Log ${machine} out?`,
    logoutText:
      "It receives nothing more until you log in there again. Files that it has stay. If you do not know this machine, " +
      "change your password, too.",
    logout: "Log it out",
    leaveIt: "Leave it",
    loggedOut: (machine: string) => `${machine} is logged out`,
  },

  sentFiles: {
    title: "Sent files",
    lead: "Which version went to whom, and when. Every file that was ever sent is found here by its name.",
    part: "Part of a file's name",
    partOrPath: "Part of a file's name or path",
    find: "Find",
    file: "File",
    size: "Size",
    digest: "SHA-256",
    group: "Group",
    sent: "Sent",
    haveIt: "Have it",
    line: (group: string, when: string, n: number, of: number) =>
      `to ${group}, ${when}, ${number(n)} of ${number(of)} have it`,
    looking: "Looking…",
    notDownTo: (transfer: number) => `Not in the newest transfers, down to number ${transfer}.`,
    none: "No file that was sent is called like that.",
    earlier: (transfer: number) => `Look in earlier transfers (below number ${transfer})`,
    example: [
      "For example ",
      em("exam.pdf"),
      " or ",
      em("course/week-3"),
      ": two versions of a file have two SHA-256 digests, so that you see which one a room got. The transfer's page " +
        "then shows machine by machine who has it.",
    ] as Rich,
  },

  transfers: {
    title: "Transfers",
    lead: "Everything that was sent to a group, or is about to be.",
    send: "Send files",
    search: "Search name, group, sender",
    state: "State",
    every: "every state",
    newest: (n: number) => `The newest ${number(n)} are shown; each group's own page goes further back for that group.`,
    none: "Nothing has been sent yet.",
    files: "Files",
    group: "Group",
    size: "Size",
    haveIt: "Have it",
    when: "When",
    to: (bytes: string, group: string) => `${bytes} to ${group}`,
    have: (n: number, of: number, when: string) => `${number(n)} of ${number(of)} have it · ${when}`,
  },

  transferLine: {
    what: (bytes: string, contents: string, group: string) =>
      contents ? `${bytes} in ${contents} to ${group}` : `${bytes} to ${group}`,
    have: (n: number, of: number) => `${number(n)} of ${count(of, nouns.machine)} ${n === 1 ? "has" : "have"} it`,
    incomplete: (n: number) => `${number(n)} incomplete`,
  },

  transfer: {
    title: "Transfer",
    send: "Send now",
    sending: "Sending now",
    resume: "Resume",
    resumed: "It goes on with what is lacking",
    pause: "Pause",
    pauseTip: "Stops sending it until it is resumed; machines keep what they have",
    paused: "Paused: machines keep what they have",
    retry: (n: number) => `Retry (${number(n)})`,
    retryTip: "Those that lack entries, failed, refused, expired or were dropped are owed it again",
    retried: "Owed again",
    cancelAsk: "Cancel …",
    cancelTitle: (what: string) => `Cancel ${what}?`,
    cancelText: (owed: number, all: number) =>
      `${number(owed)} of ${count(all, nouns.machine)} ${pick(owed, { one: "is", other: "are" })} still owed it and will ` +
      "not get it. What is delivered stays where it is. Retry owes it again, for a week.",
    cancelYes: "Cancel the transfer",
    cancelNo: "Let it go on",
    cancelled: "Cancelled: what is delivered stays",
    atMost: (mbit: number) => `At most ${mbit} Mbit/s now`,
    noLimit: "No limit of its own now",
    to: (group: string, href: string, bytes: string, contents: string, by: string, when: string): Rich => [
      "to ",
      a(group, href),
      ` · ${bytes} in ${contents} · by ${by} ${when}`,
    ],
    progress: "Progress of the machines that are here",
    ofHere: (n: number) =>
      n ? `of what ${count(n, nouns.machine)} here ${n === 1 ? "wants" : "want"}` : "nobody who lacks it is here",
    heldBy: (limiter: string) => `held by ${limiter}`,
    loss: (percent: string): Rich => [strong(percent), " median loss"],
    byMulticast: (bytes: string): Rich => [strong(bytes), " by multicast"],
    byHTTPS: (bytes: string): Rich => [strong(bytes), " by HTTPS"],
    insteadOf: (bytes: string): Rich => ["instead of ", strong(bytes)],
    replacedBy: (no: number, href: string): Rich => [
      a(`Transfer ${no}`, href),
      " is newer and has the same files: machines that lacked this one get that one instead. Retry owes this one again " +
        "to those who do not have the newer one.",
    ],
    replaces: (older: { no: number; href: string }[]): Rich => [
      "It replaces ",
      ...between(older.map((t) => a(`transfer ${t.no}`, t.href))),
      ": machines that lacked the older files get these instead.",
    ],
    machines: (n: number) => `Machines (${number(n)})`,
    machinesLabel: "Machines",
    search: "Search machines",
    searchIn: "Name, state, reason",
    machine: "Machine",
    state: "State",
    blocks: "Blocks",
    done: "Done",
    lossHead: "Loss",
    path: "Path",
    why: "Why",
    noMachine: "no machine yet",
    noMembers: "The group has no members yet.",
    details: "Details: coverage, rate, loss",
    limit: (now: string) => `Limit, Mbit/s (0: none; now ${now})`,
    none: "none",
    change: "Change",
    coverage: "Coverage",
    rate: "Rate",
    replay: "Replay",
    pauseReplay: "Pause",
    moment: "Moment",
    bytesBy: (multicast: string, https: string) => `${multicast} by multicast, ${https} over HTTPS.`,
    files: "Files, report and proof",
    manifest: (root: string, until: string): Rich => ["Manifest ", code(root), ` · kept until ${until}`],
    report: "Download report (CSV)",
    print: "Print",
    proof: "Download proof",
    proofHint: (no: number): Rich => [
      "What each receiver signed, for others to check without this server: ",
      code(`groupcast verify groupcast-proof-${no}.json --trust FINGERPRINT`),
    ],
    size: "Size",
    digest: "SHA-256",
    moreFiles: (n: number, no: number): Rich => [`and ${number(n)} more: `, code(`groupcast transfer files ${no}`)],
  },
  kinds: {
    file: "file",
    folder: "folder",
    symlink: "symlink",
  },

  /** What can be done about a machine that is not through. */
  problem: {
    dropTitle: (who: string) => `Drop ${who}?`,
    dropText:
      "It is not owed this transfer any more and gets nothing further of it, now or when it comes back. What it " +
      "verified so far stays on it, unfinished. Retry owes it again, for a week.",
    drop: "Drop it",
    keep: "Keep it",
    dropAsk: "Drop …",
    dropOf: (who: string) => `Drop ${who}`,
    dropped: (who: string) => `${who}: dropped`,
    catchUp: "Catch up now",
    catchUpTip: "It leaves multicast and fetches what it lacks over HTTPS",
    fetches: (who: string) => `${who}: fetches over HTTPS now`,
    later: "Later",
    laterTip: "Out of what runs now; it stays owed and is served when the transfer is sent again",
    putOff: (who: string) => `${who}: put off; it stays owed`,
  },

  astray: {
    title: "Missing or beside",
    path: "Path",
    kind: "Kind",
    is: "Is",
    why: "Why",
    beside: (other: string) => `beside as ${other}`,
    missing: "missing",
    notListed: (n: number) => `${number(n)} more are counted and not listed: the server keeps no more of one device.`,
    moreReceivers: (n: number) => `and ${number(n)} more receivers`,
  },

  leftOutPart: {
    left: (n: number) => so(n, nouns.entry, "was left out", "were left out"),
    lost: (n: number) => `${count(n, nouns.file)} changed or went at the server`,
    lostHint:
      "What changed or went was taken out, and the others go on without. “Retry” takes everything as it is then.",
    label: "Left out",
    notListed: (n: number) => `and ${number(n)} more that are counted and not listed`,
  },

  coverage: {
    label: (mean: string, least: string) => `Coverage: ${mean} on average, ${least} where it is thinnest`,
    text: (mean: string, n: number, least: string, verified: string) =>
      `The file from start to end: on average ${mean} of ${number(n)} receivers hold each part, ${least} where it is ` +
      `thinnest${verified ? `; ${verified} verified` : ""}.`,
  },

  rateGraph: {
    label: "Rates over time",
    seconds: (n: number) => `${n} s`,
    unit: "Mbit/s:",
    unitMean: "Mbit/s, on average:",
    sent: (n: string) => `━ sent ${n}`,
    repair: (n: string) => `┅ of it repair ${n}`,
    median: (n: string) => `━ receivers' median ${n}`,
    tenths: "┈ slowest and fastest tenth",
    heldBy: (limiter: string) => `held by: ${limiter}`,
  },

  lossMap: {
    label: (n: number, seconds: number) => `Loss of ${number(n)} receivers over ${number(seconds)} s, worst first`,
    text: (span: string, worst: { who: string; percent: string } | undefined, less: number, sent: string): Rich => [
      `Each row a receiver, worst on top; ${span} from left to right; redder is more loss, grey is nothing known; `,
      ...(worst ? ["worst: ", strong(worst.who), ` with ${worst.percent} on average`] : ["no loss seen"]),
      (less > 0
        ? `; ${number(less)} ${pick(less, { one: "receiver", other: "receivers" })} with less loss not shown`
        : "") +
        (sent ? `; ${sent} sent by multicast` : "") +
        ".",
    ],
  },

  tiles: {
    label: (n: number) => `${number(n)} receivers, one square each, worst first`,
    text: "One square per receiver, worst first: filled from below as blocks arrive; ▲ failed, refused or incomplete; – off.",
  },

  chipsLabel: "Machines by state",
  copy: { label: "Copy the command", copy: "Copy", copied: "Copied" },

  checkTable: {
    none: "No device to check.",
    device: "Device",
    answer: "Answer",
    multicast: "Multicast",
    free: "Free",
    words: "In words",
    ms: (n: string) => `${n} ms`,
    offSince: (when: string) => `off since ${when}`,
    probes: (group: string, heard: number, sent: number) => `${group}: ${heard} of ${sent} probes`,
  },

  keyRecord: {
    title: "Who could open what was sent",
    hint:
      "Every multicast session is encrypted with a key of its own. The devices listed under it were handed that key, " +
      "nobody else. When a member is removed, the session ends and a new one with a new key begins. Over HTTPS each " +
      "device has an encrypted connection to itself.",
    withKey: (n: number) => `${count(n, nouns.device)} with the key`,
    overHTTPS: "over HTTPS",
    version: (n: number) => `membership version ${n}`,
    more: (list: string, n: number) => `${list} and ${number(n)} more`,
    session: (id: string) => `session ${id}`,
    eachOwn: "Over HTTPS, each by its own connection:",
    open: "Open the transfer",
    none: "Nothing has been sent to this group yet, so no key was handed out.",
  },

  setBack: {
    restored: "Restored from a backup",
    earlier: "The server was set back to an earlier state",
    text:
      "Nothing is sent until you have confirmed that the memberships are as they should be: whoever was removed since " +
      "that state is a member again.",
    failed: (why: string) => `The members could not be read: ${why}`,
    nobody: "nobody",
    yes: "The memberships are right: send again",
    confirmed: "Confirmed: what is pending is sent again",
  },

  overview: {
    title: "Overview",
    on: (of: number) => `of ${count(of, nouns.machine)} on`,
    underWay: (n: number, waiting: number) =>
      `${pick(n, nouns.transfer)} under way${waiting ? `, ${number(waiting)} waiting` : ""}`,
    savedDay: "saved in the last day",
    savedAll: "in all",
    savedHow: (delivered: string, sent: string) =>
      `against one copy for each machine: ${delivered} delivered by sending ${sent}`,
    underWayTitle: "Under way",
    nothing: "Nothing is being sent.",
    sendToGroup: "Send files to a group",
    needs: (n: number) => (n ? `Needs you (${number(n)})` : "Needs you"),
    needsNothing: "Nothing. No requests wait, nothing failed, no disk is nearly full.",
    requests: (n: number, href: string, who: string, more: boolean): Rich => [
      a(count(n, nouns.request), href),
      ` from ${who}${more ? " …" : ""}`,
    ],
    failed: (what: string, href: string, group: string, why: string): Rich => [a(what, href), ` to ${group}: ${why}`],
    moreFailed: (n: number) => `${number(n)} more ${pick(n, nouns.transfer)}`,
    full: (machine: string, href: string, free: string): Rich => [a(machine, href), ` has only ${free} free`],
    moreFull: (n: number) => `${number(n)} more ${pick(n, nouns.machine)} with a nearly full disk`,
    deaf: (n: number, href: string): Rich => [
      a(count(n, nouns.machine), href),
      " without multicast: served one by one over HTTPS. The page of each says what to look for.",
    ],
    away: (n: number) => `Away (${number(n)})`,
    allOwed: "All that are owed something",
    awayHint: "Nothing to do: each gets what it is owed by itself when it is back.",
    isOwed: (machine: string, href: string, presence: string, n: number): Rich => [
      a(machine, href),
      ` ${presence}, is owed ${count(n, nouns.transfer)}`,
    ],
    moreMachines: (n: number) => `${number(n)} more ${pick(n, nouns.machine)}`,
    waiting: "Waiting",
    whoIsOwed: "Who is owed what",
    ended: (n: number) => (n ? `Ended in the last day (${number(n)})` : "Ended in the last day"),
    all: "All transfers",
  },

  pending: {
    title: "Pending",
    lead: "What is owed to whom, and why it waits. It delivers itself; nothing here needs you.",
    groupedBy: "Grouped by",
    byGroup: "By group",
    byMember: "By member",
    nobody: (href: string): Rich => [
      "Nobody is owed anything. What you ",
      a("send to a group", href),
      " waits here for those who are away.",
    ],
    sendAll: "Send all now",
    sendingAll: (group: string) => `Sending what ${group} is owed`,
    owed: (bytes: string, n: number, why: string) =>
      `${bytes} · ${count(n, nouns.machine)} owed${why ? ` · ${why}` : ""} ·`,
    keptUntil: (day: string) => `kept until ${day}`,
    open: "Open",
    send: "Send now",
    sending: "Sending now",
    takeBackAsk: "Take back …",
    takeBackTitle: (what: string) => `Take ${what} back?`,
    takeBackText: (n: number, group: string) =>
      `${count(n, nouns.machine)} of ${group} will not get it. What is delivered stays where it is. Retry owes it ` +
      "again, for a week.",
    takeBack: "Take it back",
    takenBack: "Taken back",
    owedOf: (what: string) => `Owed of ${what}`,
    member: "Member",
    machine: "Machine",
    files: "Files",
    group: "Group",
    state: "State",
    why: "Why it waits",
    noneYet: "none yet",
    noMachine: "no machine yet",
    nobodyMore: "Nobody is owed it any more.",
    search: "Search member, machine, file, reason",
    byMemberLabel: "Owed, by member",
    forGroup: (what: string, href: string, group: string): Rich => [a(what, href), ` for ${group}`],
    nobodyOwed: "Nobody is owed anything.",
    notRead: (n: number) =>
      `and ${number(n)} more, which are not read here. By group, each transfer shows all of its own.`,
  },

  shell: {
    skip: "Skip to the page",
    noAnswer: "The server does not answer",
    menu: "Menu",
    main: "Main",
    waiting: (n: number) => `${number(n)} waiting`,
    connected: "Connected: what you see is up to date",
    notConnected: "Not connected",
    account: "Account",
    shortcuts: "Shortcuts",
    shortcutsTitle: "Keyboard shortcuts",
    shortcutsHint:
      "Tab goes from one thing to the next, Enter or Space does it; long lists scroll with the arrow keys once they " +
      "have the focus.",
    signOut: "Sign out",
    lost: "Not connected to the server: what you see may be old. It is tried again by itself.",
    themeSystem: "Theme: system",
    themeLight: "Theme: light",
    themeDark: "Theme: dark",
    language: "Language",
    languageOfBrowser: "as the browser says",
  },

  /** What is said when a call fails. */
  problemsOf: {
    noAnswer: "The server does not answer. Is it running, and is this machine still on its network?",
    brokeOff: "The connection to the server broke off in the middle of its answer. Try again.",
    otherServer: "What answered is not this server, or its answer was cut off. Is there a proxy in between?",
    status: (status: number) => `The server answered ${status}`,
    codes: {
      invalid: "Something in it is not right.",
      unauthorized: "The sign-in is not valid.",
      forbidden: "This account may not do that.",
      not_found: "That does not exist, or not any more.",
      conflict: "That does not go together with how things stand.",
      copied: "Another machine uses the same login.",
      exhausted: "That is too much or too large.",
      busy: "Too much at once: try again in a moment.",
      nobody: "There is nobody to send to.",
      unconfirmed: "The memberships are to be confirmed first.",
      unavailable: "The server cannot do that now.",
      closed: "That has ended for good.",
      internal: "The server failed.",
    },
    both: (code: string, said: string) => `${code} The server says: “${said}”`,
  },

  /** Which machines are looked at. */
  machineKinds: {
    all: "all",
    on: "on",
    off: "off",
    owed: "owed something",
    https: "without multicast",
    full: "disk nearly full",
    shared: "login on several machines",
  },
  presence: {
    on: "on",
    onSeveral: (n: number) => `on ${count(n, nouns.machine)}`,
    never: "never on",
    justNow: "off since just now",
    off: (seen: string) => `off, seen ${seen}`,
  },
  paths: { multicast: "multicast", https: "HTTPS only", unknown: "not tried" },

  /** How a transfer stands, in one sentence, where the server does not say it in this language. */
  verdict: {
    done: (n: number, of: number) => `${number(n)} of ${number(of)} done`,
    held: "held until it is sent",
    unconfirmed: "nothing is sent before the memberships are confirmed",
    paused: "paused until it is resumed",
    source: "its files cannot be read on the server",
    gathering: "waits a moment for others that may come",
    empty: "waits for first members, or for their first devices",
    away: (n: number) =>
      `${number(n)} ${pick(n, { one: "receiver is off and gets it when it is back", other: "receivers are off and get it when they are back" })}`,
    silent: "receivers are connected and do not answer",
    later: "put off until it is sent again",
    refused: "the connected receivers that lack it cannot take it",
    waits: "waits for its turn",
    behind: (who: string) => `${who} by HTTPS`,
    refusedBy: (who: string) => `${who} refused`,
    failedOn: (who: string) => `${who} failed`,
    lacks: (who: string) => `${who} incomplete`,
    silentAre: (who: string) => `${who} does not answer`,
    putOff: (who: string) => `${who} put off`,
    expired: (who: string) => `${who} expired`,
    off: (who: string) => `${who} off`,
    without: (who: string) => `${who} without a device`,
    replaced: (who: string) => `${who} owed a newer transfer instead`,
    takenBack: (who: string) => `${who} taken back`,
  },

  /** Why a delivery waits or ended, by its code, where the server does not say it in this language. */
  causes: {
    "no-device": "no device yet: the first to log in gets it",
    away: "not active: its receiver is not connected",
    held: "held until it is sent",
    paused: "paused until it is resumed",
    unconfirmed: "nothing is sent before the memberships are confirmed",
    silent: "connected, but does not answer: it is served when it does",
    later: "put off as an administrator asked: it is served when the transfer is sent again",
    waits: "waits for its turn",
    source: "its files cannot be read on the server",
    behind: "receives over HTTPS",
    replaced: "owed a newer transfer instead",
  },
  refusals: {
    space: "not enough free space",
    size: "larger than it accepts",
    names: "its file system cannot have these names",
    folder: "its folder for received files is missing",
    version: "its program or the server's is too old",
    unreadable: "it cannot read the offer",
  },
  outcomes: {
    refused: "refused",
    failed: "failed",
    expired: "did not come in time",
    cancelled: "not owed any more",
  },
  /** An outcome with the server's English words for what has no code. */
  withWords: (outcome: string, said: string) => `${outcome}: “${said}”`,
};
