import { printable } from "../core/plain-text.ts";
import { formatBytes } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

const CHECK = "link";

type Held = NonNullable<Status["links"]>["held"][number];

/** What waits for a data budget, a line each: "held back: capture 12 MB until 2026-12-01 00:00 UTC (day budget of wwan0 used)". */
export function heldBack({ links }: Status): readonly string[] {
  return (links?.held ?? []).map(
    ({ use, bytes, what, until }) =>
      `held back: ${use}${bytes === undefined ? "" : ` ${formatBytes(bytes)}`}${until === undefined ? "" : ` until ${clockTime(until)}`} (${printable(what)})`,
  );
}

/** The links of a running agent: what waits for a budget is a warning. Nothing where nothing is said of links. */
export function linkChecks(status: Status): readonly Check[] {
  const { links } = status;
  if (links === undefined) return [];
  const held = heldBack(status).map((what, at) => warned(CHECK, what, remedyOf(links.held[at])));
  if (held.length > 0) return held;
  const { inUse } = links;
  if (inUse === undefined)
    return [
      warned(
        CHECK,
        "no network interface leads to the broker",
        "causeway connect --test says how far a connection gets",
      ),
    ];
  const kind = inUse.isMetered ? "metered" : "not metered";
  return [passed(CHECK, `${printable(inUse.name)} is in use, ${kind}; nothing waits for a data budget`)];
}

function remedyOf({ until }: Held): string {
  const wait = until === undefined ? "" : "it goes then; ";
  return `${wait}to have it sooner use another link, raise link.budgets or collect less`;
}

/** "2026-12-01 00:00 UTC", of a time in RFC 3339. */
function clockTime(until: string): string {
  return `${until.slice(0, 10)} ${until.slice(11, 16)} UTC`;
}
