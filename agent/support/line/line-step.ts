import { printable } from "../../core/plain-text.ts";
import { formatDuration } from "../../core/quantity.ts";
import type { Problem } from "../check.ts";

/** The line from the bus to the broker's acknowledgement, link by link; "proxy" stands for "dns" and "tcp" where one is in the way. */
const LINE_LINKS = [
  "interface",
  "agent",
  "bus",
  "frames",
  "dbc",
  "collection",
  "outbox",
  "clock",
  "proxy",
  "dns",
  "tcp",
  "tls",
  "key",
  "connect",
  "policy",
  "puback",
] as const;
export type LineLink = (typeof LINE_LINKS)[number];

/** One look at one link. */
export type LineStep = {
  readonly link: LineLink;
  readonly verdict: "pass" | "warn" | "fail";
  readonly what: string;
  readonly remedy?: string;
  /** It fails, and the rest of the line sends all the same: one bus of several. */
  readonly isPartial?: true;
};

/** What follows from all looks: the first broken link and its remedy, or none. */
export type Conclusion = {
  readonly sends: boolean;
  readonly link?: LineLink;
  readonly what: string;
  readonly remedy?: string;
};

/** A link that is well. */
export function sound(link: LineLink, what: string): LineStep {
  return { link, verdict: "pass", what: printable(what) };
}

/** A link that works, with what someone should look at. */
export function doubtful(link: LineLink, { what, remedy }: Problem): LineStep {
  return { link, verdict: "warn", what: printable(what), remedy: printable(remedy) };
}

/** A link that is broken. */
export function broken(link: LineLink, { what, remedy }: Problem): LineStep {
  return { link, verdict: "fail", what: printable(what), remedy: printable(remedy) };
}

/** The steps in the order of the line; what was found of one link stays in its order. */
export function inOrder(steps: readonly LineStep[]): readonly LineStep[] {
  return LINE_LINKS.flatMap((link) => steps.filter((step) => step.link === link));
}

/** `steps` are in order; `ackedAgoMs`: since the last PUBACK, ms. */
export function conclude(steps: readonly LineStep[], ackedAgoMs: number | undefined): Conclusion {
  const failed = steps.filter(({ verdict }) => verdict === "fail");
  const first = failed.find(({ isPartial }) => isPartial !== true);
  if (first !== undefined) return { sends: false, ...problemOf(first) };
  const acked =
    ackedAgoMs === undefined ? "nothing waits" : `the last record was acknowledged ${formatDuration(ackedAgoMs)} ago`;
  const [partial] = failed;
  return partial === undefined ? { sends: true, what: acked } : { sends: true, ...problemOf(partial) };
}

/** The conclusion as one sentence. */
export function sentenceOf({ sends, what, remedy }: Conclusion): string {
  if (remedy === undefined) return `It sends: ${what}.`;
  return `${sends ? "It sends, but not everything, because" : "It does not send because"} ${what}: ${remedy}.`;
}

function problemOf({ link, what, remedy }: LineStep): Omit<Conclusion, "sends"> {
  return { link, what, remedy: remedy ?? "look at the line above" };
}
