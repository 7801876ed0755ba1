import { printable } from "../core/plain-text.ts";
import { formatBytes } from "../core/quantity.ts";
import type { LinksStatus } from "../local-api/links-status.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { type Problem, passed, warned } from "./check.ts";

const CHECK = "link";

type Modem = NonNullable<LinksStatus["modems"]>["modems"][number];

/** What waits for a data budget, a line each: "held back: capture 12 MB until 2026-12-01 00:00 UTC (day budget of wwan0 used)". */
export function heldBack({ links }: Status): readonly string[] {
  return (links?.held ?? []).map(({ use, bytes, what, until }) => {
    const much = bytes === undefined ? "" : ` ${formatBytes(bytes)}`;
    return `held back: ${use}${much}${until === undefined ? "" : ` until ${clockTime(until)}`} (${printable(what)})`;
  });
}

/** The links of a running agent: what waits for a budget, and a modem that does not carry data, are warnings. Nothing where nothing is said of links. */
export function linkChecks(status: Status): readonly Check[] {
  const { links } = status;
  if (links === undefined) return [];
  const held = heldBack(status).map((what, at) => ({ what, remedy: heldRemedy(links.held[at].until) }));
  const problems = [...wayProblems(links), ...modemProblems(links), ...held];
  if (problems.length > 0) return problems.map(({ what, remedy }) => warned(CHECK, printable(what), remedy));
  const { inUse } = links;
  const kind = inUse?.isMetered === true ? "metered" : "not metered";
  return [passed(CHECK, `${printable(inUse?.name ?? "")} is in use, ${kind}; nothing waits for a data budget`)];
}

function wayProblems({ inUse }: LinksStatus): readonly Problem[] {
  if (inUse !== undefined) return [];
  const remedy = "see: ip route; causeway connect test says how far a connection gets";
  return [{ what: "no network interface leads to the broker", remedy }];
}

function modemProblems({ modems: told }: LinksStatus): readonly Problem[] {
  if (told === undefined) return [];
  if (!told.isAnswering) {
    const remedy = "see: systemctl status ModemManager; where the vehicle has none, take link.modemManager out";
    return [{ what: "ModemManager does not answer: modems are not known", remedy }];
  }
  if (told.modems.length === 0) {
    const remedy = "see: mmcli -L, and lsusb or lspci; it may have no power, or start late";
    return [{ what: "no modem: ModemManager knows of none", remedy }];
  }
  return told.modems.flatMap((modem) => {
    const problem = problemOfModem(modem);
    const of = modem.interfaces.length === 0 ? "modem" : `modem of ${modem.interfaces.join(", ")}`;
    return problem === undefined ? [] : [{ ...problem, what: `${of}: ${problem.what}` }];
  });
}

/** Undefined where it carries data, or is about to. */
function problemOfModem({ state, failure, registration }: Modem): Problem | undefined {
  switch (state) {
    case "failed":
      return failure === "sim-missing"
        ? { what: "SIM missing", remedy: "put a SIM in, or see that it makes contact; mmcli -m any says what it sees" }
        : { what: `failed (${failure})`, remedy: "see: mmcli -m any, and the journal of ModemManager" };
    case "locked":
      return {
        what: "the SIM is locked",
        remedy: "unlock it: mmcli -i any --pin=, or let the connection have the PIN",
      };
    case "disabled":
      return {
        what: "it is disabled",
        remedy: "enable it: mmcli -m any --enable; NetworkManager does so for a connection",
      };
    case "searching":
    case "enabled":
      return registration === "denied"
        ? { what: "the network denies it registration", remedy: "look at the contract of the SIM, and its roaming" }
        : { what: "no network found", remedy: "look at the antenna; without coverage it goes on searching by itself" };
    case "registered":
      return {
        what: "registered but no data session",
        remedy: "bring the connection up (nmcli connection up, or mmcli -m any --simple-connect), and look at its APN",
      };
    default:
      return undefined;
  }
}

function heldRemedy(until: string | undefined): string {
  const wait = until === undefined ? "" : "it goes then; ";
  return `${wait}to have it sooner use another link, change link.budgets or collect less`;
}

/** "2026-12-01 00:00 UTC", of a time in RFC 3339. */
function clockTime(until: string): string {
  return `${until.slice(0, 10)} ${until.slice(11, 16)} UTC`;
}
