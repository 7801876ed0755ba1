import { randomUUID } from "node:crypto";
import type { ShadowsConfig } from "../../config/shadows.ts";
import { readOsRelease } from "../../drivers/os/os-release.ts";
import { NamedShadow, SHADOW_REQUEST_LIMITS } from "../cloud/named-shadow.ts";
import type { Status } from "../local-api/status-schema.ts";
import { ReportPace } from "../shadows/report-pace.ts";
import { type ReportedContent, ReportedShadow } from "../shadows/reported-shadow.ts";
import { STATE_KEYS, type StateFacts, stateDocument } from "../shadows/state-document.ts";
import { ToldPositionChoice } from "../shadows/told-position.ts";
import type { CloudLink, DataLine, Place, Runtime, ShadowLine } from "./parts.ts";
import { loopService } from "./services.ts";

export type ShadowParts = {
  readonly settings: NonNullable<ShadowsConfig["state"]>;
  readonly thing: string;
  readonly broker: CloudLink["broker"];
  readonly campaigns: Pick<DataLine["campaigns"], "control">;
  /** Undefined where nobody is asked where the vehicle is. */
  readonly place: Pick<Place, "whereabouts" | "rules"> | undefined;
};

/** The part of the composition root that wires the shadow of the vehicle's state. Nothing is told before it knows the status. */
export function composeShadows(parts: ShadowParts, runtime: Runtime): ShadowLine {
  const { settings, thing, broker } = parts;
  const { clock, log, random } = runtime;
  const { name, minSeconds, updatesPerDay: perDay } = settings;
  let read: (() => StateFacts) | undefined;
  const limits = SHADOW_REQUEST_LIMITS;
  const state = new ReportedShadow({
    name,
    shadow: new NamedShadow({ thing, name, broker, clock, log, limits, token: randomUUID }),
    content: stateContent(parts, () => read?.(), runtime),
    pace: new ReportPace({ minMs: minSeconds * 1000, perDay }, clock),
    broker,
    clock,
    log,
    random,
  });
  return {
    tellStatus: (status: () => Status) => {
      read = status;
    },
    status: () => ({ state: state.facts() }),
    service: loopService("shadow of the state", state),
  };
}

function stateContent(
  { settings, campaigns, place }: ShadowParts,
  facts: () => StateFacts | undefined,
  { clock }: Runtime,
): ReportedContent {
  const os = readOsRelease();
  const { position } = settings;
  const choice =
    position === undefined
      ? undefined
      : new ToldPositionChoice({ ...position, everyMs: position.everyMinutes * 60_000 }, clock);
  return {
    keys: STATE_KEYS,
    document: (maxBytes) => {
      const known = facts();
      if (known === undefined) return undefined;
      const { running, refused } = campaigns.control.list();
      const inForce = running.map(({ plan: { document } }) => ({ id: document.id, version: document.version }));
      const refusals = refused.filter(({ kind }) => kind === "refused").length;
      const told = choice?.choose(place?.whereabouts.current());
      const surroundings = { os, campaigns: { running: inForce, refused: refusals }, position: told };
      return stateDocument(known, surroundings, maxBytes);
    },
    // What may not leave the vehicle any more is taken back at once; what is not known may only be so for a while.
    urgent: ({ position: told }) =>
      told === null && place?.rules.isShared() === false ? { position: null } : undefined,
  };
}
