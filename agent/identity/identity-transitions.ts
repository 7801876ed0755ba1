import {
  CHANGE_PHASES,
  type ChangePhase,
  type IdentityChange,
  type IdentityPosition,
  type IdentityState,
  identityInUse,
  POSITIONS,
  positionOf,
  type SlotIdentity,
  type SlotName,
} from "./identity-state.ts";

/** What the events carry that carry something. */
type EventFacts = {
  readonly begin: {
    readonly change: IdentityChange["kind"];
    readonly isNewKey: boolean;
    readonly reason: string;
    readonly claim?: IdentityState["claim"];
  };
  readonly issued: { readonly identity: SlotIdentity; readonly token: string; readonly atMs: number };
  readonly installed: { readonly identity: SlotIdentity };
  readonly discarded: { readonly keyLabel: string };
};

/**
 * What happens to the state. Each is durable before the next step acts. "unasked": the cloud certainly issued nothing; "reasked": it did,
 * or may have, and another certificate is wanted. "tried": its registration is about to be asked for; "untried": it was certainly not done.
 * "assumed": it may have been done, and cannot be asked for again.
 */
type EventKind =
  | keyof EventFacts
  | "keyed"
  | "asked"
  | "unasked"
  | "reasked"
  | "tried"
  | "untried"
  | "registered"
  | "assumed"
  | "verified"
  | "abandoned"
  | "announced"
  | "retired"
  | "claim-destroyed";

/** One event, with what it carries. */
export type IdentityEvent<K extends EventKind = EventKind> = {
  [P in K]: { readonly kind: P } & (P extends keyof EventFacts ? EventFacts[P] : unknown);
}[K];

/** The positions in which an event can come, and the state after it. */
type Transition<K extends EventKind> = {
  readonly from: readonly IdentityPosition[];
  readonly next: (state: IdentityState, event: IdentityEvent<K>) => IdentityState;
};

/** The whole machine. The old identity stays in use until "verified" puts the new one in its place; its key goes only after "announced". */
const IDENTITY_TABLE: { readonly [K in EventKind]: Transition<K> } = {
  begin: { from: ["settled"], next: begun },
  keyed: { from: ["begun"], next: toPhase("keyed") },
  asked: { from: ["keyed"], next: toPhase("asked") },
  unasked: { from: ["asked"], next: toPhase("keyed") },
  issued: { from: ["asked"], next: issued },
  tried: { from: ["issued"], next: tried(true) },
  untried: { from: ["issued"], next: tried(false) },
  registered: { from: ["issued"], next: toPhase("registered") },
  assumed: { from: ["issued"], next: assumed },
  reasked: { from: ["asked", "issued", "registered"], next: reasked },
  abandoned: { from: CHANGE_PHASES, next: abandoned },
  verified: { from: ["registered"], next: swapped },
  announced: { from: ["announce"], next: announced },
  retired: { from: ["delete"], next: retired },
  installed: { from: ["settled"], next: installed },
  discarded: { from: POSITIONS, next: discarded },
  "claim-destroyed": { from: POSITIONS, next: withoutClaim },
};

/** The state after an event. Throws a plain Error (a bug) for an event that cannot happen in this state. */
export function advance<K extends EventKind>(state: IdentityState, event: IdentityEvent<K>): IdentityState {
  const { from, next } = IDENTITY_TABLE[event.kind];
  const position = positionOf(state);
  if (!from.includes(position)) throw new Error(`identity state: ${event.kind} while ${position}`);
  return next(state, event);
}

function begun(state: IdentityState, event: IdentityEvent<"begin">): IdentityState {
  const slot = freeSlot(state);
  const changes = state.changes + 1;
  const held = identityInUse(state)?.keyLabel;
  const isNewKey = event.isNewKey || held === undefined;
  const keyLabel = held === undefined || isNewKey ? `device-${changes}` : held;
  const { change: kind, reason, claim } = event;
  return {
    ...withoutSlot(state, slot),
    changes,
    change: { kind, phase: "begun", slot, keyLabel, isNewKey, reason: reason.slice(0, 200) },
    ...(claim === undefined ? {} : { claim }),
  };
}

/** Into another phase, without what belongs to one phase alone. */
function toPhase(phase: ChangePhase): (state: IdentityState) => IdentityState {
  return (state) => ({ ...state, change: { ...bare(changeOf(state)), phase } });
}

function issued(state: IdentityState, { identity, token, atMs }: IdentityEvent<"issued">): IdentityState {
  const change = changeOf(state);
  return {
    ...state,
    slots: { ...state.slots, [change.slot]: identity },
    change: { ...change, phase: "issued", ownership: { token, issuedAtMs: atMs, isTried: false } },
  };
}

function tried(isTried: boolean): (state: IdentityState) => IdentityState {
  return (state) => {
    const change = changeOf(state);
    const { ownership } = change;
    return ownership === undefined ? state : { ...state, change: { ...change, ownership: { ...ownership, isTried } } };
  };
}

function assumed(state: IdentityState): IdentityState {
  return { ...state, change: { ...bare(changeOf(state)), phase: "registered", isAssumed: true } };
}

function reasked(state: IdentityState): IdentityState {
  const change = changeOf(state);
  return {
    ...withoutSlot(state, change.slot),
    change: { ...bare(change), phase: "keyed" },
    orphans: state.orphans + 1,
  };
}

function abandoned(state: IdentityState): IdentityState {
  const { phase, slot, keyLabel, isNewKey } = changeOf(state);
  const { change: _, ...rest } = withoutSlot(state, slot);
  return {
    ...rest,
    discarded: isNewKey ? [...state.discarded, keyLabel] : state.discarded,
    orphans: state.orphans + (phase === "begun" || phase === "keyed" ? 0 : 1),
  };
}

function swapped(state: IdentityState): IdentityState {
  const { slot } = changeOf(state);
  const { change: _, ...rest } = state;
  if (state.inUse === undefined) return { ...rest, inUse: slot };
  return { ...rest, inUse: slot, retirement: { slot: state.inUse, stage: "announce" } };
}

function announced(state: IdentityState): IdentityState {
  return { ...state, retirement: { slot: retirementOf(state).slot, stage: "delete" } };
}

function retired(state: IdentityState): IdentityState {
  const { retirement: _, ...rest } = withoutSlot(state, retirementOf(state).slot);
  return rest;
}

function installed(state: IdentityState, { identity }: IdentityEvent<"installed">): IdentityState {
  const slot = freeSlot(state);
  return { ...state, slots: { ...state.slots, [slot]: identity }, inUse: slot };
}

function discarded(state: IdentityState, { keyLabel }: IdentityEvent<"discarded">): IdentityState {
  return { ...state, discarded: state.discarded.filter((label) => label !== keyLabel) };
}

function withoutClaim(state: IdentityState): IdentityState {
  const { claim: _, ...rest } = state;
  return rest;
}

function bare(change: IdentityChange): IdentityChange {
  const { ownership: _, isAssumed: __, ...rest } = change;
  return rest;
}

function freeSlot({ inUse }: IdentityState): SlotName {
  return inUse === "a" ? "b" : "a";
}

function withoutSlot(state: IdentityState, slot: SlotName): IdentityState {
  const { [slot]: _, ...slots } = state.slots;
  return { ...state, slots };
}

/** The change of a state that stands in one of its phases. */
function changeOf({ change }: IdentityState): IdentityChange {
  if (change === undefined) throw new Error("identity state: no change");
  return change;
}

function retirementOf({ retirement }: IdentityState): NonNullable<IdentityState["retirement"]> {
  if (retirement === undefined) throw new Error("identity state: no retirement");
  return retirement;
}
