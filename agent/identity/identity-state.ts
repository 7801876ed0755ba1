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

/** What comes after a change. "announce": the cloud has not heard yet; "delete": it has, and the old key may go. */
const RETIREMENT_STAGES = ["announce", "delete"] as const;
const retirement = z.strictObject({ slot: z.enum(SLOT_NAMES), stage: z.enum(RETIREMENT_STAGES) });

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
 * Where a state stands: in a phase of a change, in a stage of what comes after it, or in neither. It is in one at a time: a change
 * begins when nothing is open, and its end is what a retirement begins with.
 */
export const POSITIONS = [...CHANGE_PHASES, ...RETIREMENT_STAGES, "settled"] as const;
export type IdentityPosition = (typeof POSITIONS)[number];

/** The position of a state. */
export function positionOf({ change: one, retirement: ends }: IdentityState): IdentityPosition {
  return one?.phase ?? ends?.stage ?? "settled";
}

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

/** Label of the key that may be deleted in this state: that of a retired identity, unless the one in use has it too. */
export function retiredKey({ retirement: ends, slots, inUse }: IdentityState): string | undefined {
  if (ends?.stage !== "delete") return undefined;
  const label = slots[ends.slot]?.keyLabel;
  return inUse !== undefined && slots[inUse]?.keyLabel === label ? undefined : label;
}
