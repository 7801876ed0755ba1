import { z } from "zod";

/** Where an identity can be. One is in use; the other takes the next one, so that there is always one that works. */
export const SLOT_NAMES = ["a", "b"] as const;
export type SlotName = (typeof SLOT_NAMES)[number];

const keyLabel = z.string().min(1).max(4096);
const certificateId = z.string().regex(/^[0-9a-f]{64}$/);

/** A certificate and its key. `certificateId` is the SHA-256 of the DER, lower-case hexadecimal, as AWS IoT names it. */
const slotIdentity = z.strictObject({ keyLabel, certificateFile: z.string().min(1).max(4096), certificateId });
export type SlotIdentity = z.infer<typeof slotIdentity>;

/**
 * How far a change is. "begun": the key may be there or not. "keyed": it is, and nothing was asked for. "asked": the cloud may have
 * issued a certificate that never came. "issued": the certificate is in its slot, and what registers it is at hand. "registered": it is
 * active, nobody has connected with it.
 */
export const CHANGE_PHASES = ["begun", "keyed", "asked", "issued", "registered"] as const;
export type ChangePhase = (typeof CHANGE_PHASES)[number];

/**
 * What proves to the cloud that the certificate is ours, a secret for an hour from `issuedAtMs` on (ms since the Unix epoch).
 * `isTried`: the certificate may have been registered with it, without an answer that said so.
 */
const ownership = z.strictObject({
  token: z.string().min(1).max(8192),
  issuedAtMs: z.number(),
  isTried: z.boolean(),
});

const change = z.strictObject({
  kind: z.enum(["enrol", "renew"]),
  phase: z.enum(CHANGE_PHASES),
  slot: z.enum(SLOT_NAMES),
  keyLabel,
  isNewKey: z.boolean(),
  /** Why, for logs: "expiry", "cli", "job:42". */
  reason: z.string().max(200),
  /** In phase "issued". */
  ownership: ownership.optional(),
  /** In phase "registered": the cloud has not said so, and only a connection can tell. */
  isAssumed: z.boolean().optional(),
});
export type IdentityChange = z.infer<typeof change>;

/** What goes after a change: "announce": the cloud has not heard yet; "delete": it has, and the old key may go. */
const retirement = z.strictObject({ slot: z.enum(SLOT_NAMES), stage: z.enum(["announce", "delete"]) });

/** Files of the claim certificate, as long as they are to be destroyed. */
const claim = z.strictObject({ certificateFile: z.string(), keyFile: z.string() });

/** What is durable about the device's identities. `changes` counts those that were begun and makes key labels. */
export const identityState = z
  .strictObject({
    schemaVersion: z.literal(1),
    changes: z.int().min(0),
    inUse: z.enum(SLOT_NAMES).optional(),
    slots: z.strictObject({ a: slotIdentity.optional(), b: slotIdentity.optional() }),
    change: change.optional(),
    retirement: retirement.optional(),
    claim: claim.optional(),
    /** Keys of changes that were given up, still to be deleted. */
    discarded: z.array(keyLabel).max(100),
    /** Certificates that the cloud issued, or may have issued, and that nobody uses. */
    orphans: z.int().min(0),
  })
  .refine(({ inUse, slots }) => inUse === undefined || slots[inUse] !== undefined, "the slot in use is empty");
export type IdentityState = z.infer<typeof identityState>;

/**
 * What happens to the state. Each is durable before the next step acts. "unasked": the cloud certainly issued nothing; "reasked": it did,
 * or may have, and another certificate is wanted. "tried": its registration is about to be asked for; "untried": it was certainly not done.
 * "assumed": it may have been done, and cannot be asked for again.
 */
export type IdentityEvent =
  | {
      readonly kind: "begin";
      readonly change: "enrol" | "renew";
      readonly isNewKey: boolean;
      readonly reason: string;
      readonly claim?: z.infer<typeof claim>;
    }
  | { readonly kind: "keyed" | "asked" | "unasked" | "reasked" | "verified" | "abandoned" }
  | { readonly kind: "issued"; readonly identity: SlotIdentity; readonly token: string; readonly atMs: number }
  | { readonly kind: "tried" | "untried" | "registered" | "assumed" }
  | { readonly kind: "installed"; readonly identity: SlotIdentity }
  | { readonly kind: "announced" | "retired" | "claim-destroyed" }
  | { readonly kind: "discarded"; readonly keyLabel: string };

/** Nothing is known: a new device. */
export const EMPTY_STATE: IdentityState = {
  schemaVersion: 1,
  changes: 0,
  slots: {},
  discarded: [],
  orphans: 0,
};

/**
 * A device whose key and certificate were installed by hand, before there was a state: slot a.
 *
 * From it a renewal goes on like from any other.
 */
export function adoptedState(identity: SlotIdentity): IdentityState {
  return { ...EMPTY_STATE, inUse: "a", slots: { a: identity } };
}

/** The identity that connects; undefined for a device that has none yet. */
export function identityInUse(state: IdentityState): SlotIdentity | undefined {
  return state.inUse === undefined ? undefined : state.slots[state.inUse];
}

/**
 * The state after an event. Throws a plain Error (a bug) for an event that cannot happen in this state.
 *
 * The old identity stays as it is until "verified" puts the new one in its place, in one step; its key goes only after "announced".
 */
export function advance(state: IdentityState, event: IdentityEvent): IdentityState {
  switch (event.kind) {
    case "begin":
      return begun(state, event);
    case "keyed":
      return inPhase(state, ["begun"], (one) => ({ ...state, change: { ...one, phase: "keyed" } }));
    case "asked":
      return inPhase(state, ["keyed"], (one) => ({ ...state, change: { ...one, phase: "asked" } }));
    case "unasked":
      return inPhase(state, ["asked"], (one) => ({ ...state, change: { ...one, phase: "keyed" } }));
    case "reasked":
      return inPhase(state, ["asked", "issued", "registered"], (one) => ({
        ...withoutSlot(state, one.slot),
        change: { ...bare(one), phase: "keyed" },
        orphans: state.orphans + 1,
      }));
    case "issued":
      return inPhase(state, ["asked"], (one) => ({
        ...state,
        slots: { ...state.slots, [one.slot]: event.identity },
        change: { ...one, phase: "issued", ownership: { token: event.token, issuedAtMs: event.atMs, isTried: false } },
      }));
    case "tried":
    case "untried":
      return inPhase(state, ["issued"], (one) => tried(state, one, event.kind === "tried"));
    case "registered":
      return inPhase(state, ["issued"], (one) => ({ ...state, change: { ...bare(one), phase: "registered" } }));
    case "assumed":
      return inPhase(state, ["issued"], (one) => ({
        ...state,
        change: { ...bare(one), phase: "registered", isAssumed: true },
      }));
    case "verified":
      return inPhase(state, ["registered"], (one) => swapped(state, one));
    case "abandoned":
      return inPhase(state, CHANGE_PHASES, (one) => abandoned(state, one));
    case "announced":
      return retiring(state, "announce", (slot) => ({ ...state, retirement: { slot, stage: "delete" } }));
    case "retired":
      return retiring(state, "delete", (slot) => {
        const { retirement: _, ...rest } = withoutSlot(state, slot);
        return rest;
      });
    case "discarded":
      return { ...state, discarded: state.discarded.filter((label) => label !== event.keyLabel) };
    case "claim-destroyed": {
      const { claim: _, ...rest } = state;
      return rest;
    }
    case "installed": {
      require(state.change === undefined && state.retirement === undefined, state, event.kind);
      const slot = freeSlot(state);
      return { ...state, slots: { ...state.slots, [slot]: event.identity }, inUse: slot };
    }
  }
}

/** Label of the key that may be deleted in this state: that of a retired identity, unless the one in use has it too. */
export function retiredKey({ retirement: ends, slots, inUse }: IdentityState): string | undefined {
  if (ends?.stage !== "delete") return undefined;
  const label = slots[ends.slot]?.keyLabel;
  return inUse !== undefined && slots[inUse]?.keyLabel === label ? undefined : label;
}

function begun(state: IdentityState, event: Extract<IdentityEvent, { kind: "begin" }>): IdentityState {
  require(state.change === undefined && state.retirement === undefined, state, event.kind);
  const slot = freeSlot(state);
  const changes = state.changes + 1;
  const held = identityInUse(state)?.keyLabel;
  const isNewKey = event.isNewKey || held === undefined;
  const label = held === undefined || isNewKey ? `device-${changes}` : held;
  const { change: kind, reason } = event;
  return {
    ...withoutSlot(state, slot),
    changes,
    change: { kind, phase: "begun", slot, keyLabel: label, isNewKey, reason: reason.slice(0, 200) },
    ...(event.claim === undefined ? {} : { claim: event.claim }),
  };
}

/** A change without what belongs to one phase. */
function bare(one: IdentityChange): IdentityChange {
  const { ownership: _, isAssumed: __, ...rest } = one;
  return rest;
}

function tried(state: IdentityState, one: IdentityChange, isTried: boolean): IdentityState {
  return one.ownership === undefined
    ? state
    : { ...state, change: { ...one, ownership: { ...one.ownership, isTried } } };
}

function swapped(state: IdentityState, { slot }: IdentityChange): IdentityState {
  const { change: _, ...rest } = state;
  return {
    ...rest,
    inUse: slot,
    ...(state.inUse === undefined ? {} : { retirement: { slot: state.inUse, stage: "announce" } }),
  };
}

function abandoned(state: IdentityState, { phase, slot, keyLabel: label, isNewKey }: IdentityChange): IdentityState {
  const { change: _, ...rest } = withoutSlot(state, slot);
  return {
    ...rest,
    discarded: isNewKey ? [...state.discarded, label] : state.discarded,
    orphans: state.orphans + (phase === "begun" || phase === "keyed" ? 0 : 1),
  };
}

function freeSlot({ inUse }: IdentityState): SlotName {
  return inUse === "a" ? "b" : "a";
}

function withoutSlot(state: IdentityState, slot: SlotName): IdentityState {
  const { [slot]: _, ...slots } = state.slots;
  return { ...state, slots };
}

function inPhase(
  state: IdentityState,
  phases: readonly ChangePhase[],
  next: (change: IdentityChange) => IdentityState,
): IdentityState {
  if (state.change === undefined || !phases.includes(state.change.phase)) throw impossible(state, phases.join(" or "));
  return next(state.change);
}

function retiring(
  state: IdentityState,
  stage: "announce" | "delete",
  next: (slot: SlotName) => IdentityState,
): IdentityState {
  if (state.retirement?.stage !== stage) throw impossible(state, stage);
  return next(state.retirement.slot);
}

function require(condition: boolean, state: IdentityState, event: string): void {
  if (!condition) throw impossible(state, `no change for ${event}`);
}

function impossible({ change: one, retirement: ends }: IdentityState, wanted: string): Error {
  return new Error(
    `identity state: wanted ${wanted}, found change ${one?.phase ?? "none"}, retirement ${ends?.stage ?? "none"}`,
  );
}
