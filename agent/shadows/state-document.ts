import { bytesOf } from "../cloud/reported-change.ts";
import type { ClockQuality } from "../core/clock.ts";
import { plainText } from "../core/plain-text.ts";
import type { BusState } from "../ports/can-bus.ts";

/** Longest text in the document. */
const MAX_TEXT = 100;
/** Parts that are left out where there is no room for all, the first one first. */
const LEFT_OUT = ["campaigns", "buses", "position", "link", "troubleCodes", "update", "os"] as const;

/** The keys of reported that are the agent's. */
export const STATE_KEYS = [
  "agent",
  "os",
  "configuration",
  "campaigns",
  "update",
  "link",
  "buses",
  "clock",
  "certificate",
  "troubleCodes",
  "position",
  "omitted",
] as const;

/** A position as it is told: degrees, WGS 84. */
export type ToldPosition = { readonly latitude: number; readonly longitude: number };

/** What of the agent's status is told. It changes seldom: neither counts of what flows, nor times, nor what is different at each look. */
export type StateFacts = {
  readonly version: string;
  readonly clockQuality: ClockQuality;
  readonly configuration: { readonly source: string; readonly problems: readonly unknown[] };
  readonly buses: readonly { readonly name: string; readonly state: BusState }[];
  readonly identity: {
    readonly certificate?: { readonly notAfter: string } | undefined;
    readonly renewal: { readonly state: string };
  };
  readonly links?: { readonly inUse?: { readonly name: string; readonly isMetered: boolean } | undefined } | undefined;
  readonly update?:
    | {
        readonly step: string;
        readonly versionFrom: string;
        readonly versionTo: string;
        readonly failure?: { readonly reason: string } | undefined;
      }
    | undefined;
  readonly diagnostics?: { readonly codes?: { readonly active: number } | undefined } | undefined;
};

/** What is told beside the status. */
export type StateSurroundings = {
  /** `kernel`: its release. */
  readonly os: { readonly name: string; readonly kernel: string };
  readonly campaigns: { readonly running: readonly { id: string; version: number }[]; readonly refused: number };
  /** Undefined where it is not known, or may not leave the vehicle. */
  readonly position: ToldPosition | undefined;
};

type Tree = Readonly<Record<string, unknown>>;

/** A document for `reported`, and the names of its parts for which there was no room; they stand in `omitted` of the document too. */
export type StateDocument = { readonly reported: Tree; readonly omitted: readonly string[] };

/** What is told of the vehicle in at most `maxBytes` of JSON, as far as leaving parts out gets there. No object in it is empty. */
export function stateDocument(facts: StateFacts, surroundings: StateSurroundings, maxBytes: number): StateDocument {
  let reported: Tree = wholeDocument(facts, surroundings);
  const omitted: string[] = [];
  for (const name of LEFT_OUT) {
    if (bytesOf(reported) <= maxBytes) break;
    if (!(name in reported)) continue;
    omitted.push(name);
    const { [name]: _, ...others } = reported;
    reported = { ...others, omitted: [...omitted] };
  }
  return { reported, omitted };
}

function wholeDocument(facts: StateFacts, { os, campaigns, position }: StateSurroundings): Tree {
  const { configuration, identity, update, links, diagnostics } = facts;
  const inUse = links?.inUse;
  const parts: Readonly<Record<string, Tree | number | undefined>> = {
    agent: { version: textOf(facts.version) },
    os: { name: textOf(os.name), kernel: textOf(os.kernel) },
    configuration: { source: configuration.source, problems: configuration.problems.length },
    campaigns: {
      inForce: mapOf(campaigns.running.map(({ id, version }) => [id, version])),
      refused: campaigns.refused,
    },
    update: update === undefined ? undefined : { ...versionsOf(update), failure: update.failure?.reason },
    link: inUse === undefined ? undefined : { interface: textOf(inUse.name), isMetered: inUse.isMetered },
    buses: mapOf(facts.buses.map(({ name, state }) => [name, state])),
    clock: { quality: facts.clockQuality },
    certificate:
      identity.certificate === undefined
        ? undefined
        : {
            notAfter: identity.certificate.notAfter,
            renewal: identity.renewal.state === "failed" ? "failed" : undefined,
          },
    troubleCodes: diagnostics?.codes === undefined ? undefined : { active: diagnostics.codes.active },
    position,
  };
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [[name, withoutAbsent(part)]])),
  );
}

function versionsOf({ step, versionFrom, versionTo }: NonNullable<StateFacts["update"]>): Tree {
  return { step: textOf(step), from: textOf(versionFrom), to: textOf(versionTo) };
}

/** Undefined for none: a shadow drops what is empty. */
function mapOf(entries: readonly (readonly [string, string | number])[]): Tree | undefined {
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function withoutAbsent(part: Tree | number): Tree | number {
  if (typeof part === "number") return part;
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
}

function textOf(text: string): string {
  return plainText(text, MAX_TEXT);
}
