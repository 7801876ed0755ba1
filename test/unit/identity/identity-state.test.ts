import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adoptedState,
  EMPTY_STATE,
  type IdentityState,
  identityInUse,
  identityState,
  positionOf,
  retiredKey,
} from "../../../agent/identity/identity-state.ts";
import { advance, type IdentityEvent } from "../../../agent/identity/identity-transitions.ts";

const ID = (n: number): string => n.toString(16).padStart(64, "0");
const OLD = { keyLabel: "device", certificateFile: "/etc/device.pem", certificateId: ID(1) };
const NEW = { keyLabel: "device-1", certificateFile: "/x/b.pem", certificateId: ID(2) };
const begin = { kind: "begin", change: "renew", isNewKey: true, reason: "expiry" } as const;

const issued = { kind: "issued", token: "secret", atMs: 1000 } as const;

function after(start: IdentityState, ...events: readonly IdentityEvent[]): IdentityState {
  return events.reduce(advance, start);
}

describe("the state of the identities", () => {
  it("gives a new device its first identity in slot a, and nothing to retire", () => {
    const claim = { certificateFile: "/c.pem", keyFile: "/c.key" };
    const start = after(EMPTY_STATE, { ...begin, change: "enrol", isNewKey: false, claim });
    expect(start.change).toMatchObject({
      kind: "enrol",
      phase: "begun",
      slot: "a",
      keyLabel: "device-1",
      isNewKey: true,
    });
    const done = after(
      start,
      { kind: "keyed" },
      { kind: "asked" },
      { ...issued, identity: NEW },
      { kind: "registered" },
      { kind: "verified" },
      { kind: "claim-destroyed" },
    );
    expect(done).toEqual({ ...EMPTY_STATE, changes: 1, inUse: "a", slots: { a: NEW } });
  });

  it("leaves the old identity in use until the new one has connected, then retires it in two steps", () => {
    const registered = after(
      adoptedState(OLD),
      begin,
      { kind: "keyed" },
      { kind: "asked" },
      { ...issued, identity: NEW },
      { kind: "registered" },
    );
    expect(identityInUse(registered)).toEqual(OLD);
    const verified = advance(registered, { kind: "verified" });
    expect(identityInUse(verified)).toEqual(NEW);
    expect(retiredKey(verified)).toBeUndefined();
    const announced = advance(verified, { kind: "announced" });
    expect(retiredKey(announced)).toBe("device");
    const retired = advance(announced, { kind: "retired" });
    expect(retired).toMatchObject({ inUse: "b", slots: { b: NEW } });
    expect(retired.slots.a).toBeUndefined();
  });

  it("keeps a key that both identities have", () => {
    const same = { ...NEW, keyLabel: "device" };
    const announced = after(
      adoptedState(OLD),
      { ...begin, isNewKey: false },
      { kind: "keyed" },
      { kind: "asked" },
      { ...issued, identity: same },
      { kind: "registered" },
      { kind: "verified" },
      { kind: "announced" },
    );
    expect(announced.retirement).toBeDefined();
    expect(retiredKey(announced)).toBeUndefined();
  });

  it("counts certificates that nobody uses, and forgets no key of a change that was given up", () => {
    const asked = after(adoptedState(OLD), begin, { kind: "keyed" }, { kind: "asked" });
    expect(advance(asked, { kind: "unasked" })).toMatchObject({ orphans: 0, change: { phase: "keyed" } });
    expect(advance(asked, { kind: "reasked" })).toMatchObject({ orphans: 1, change: { phase: "keyed" } });
    const abandoned = advance(asked, { kind: "abandoned" });
    expect(abandoned).toMatchObject({ orphans: 1, discarded: ["device-1"], inUse: "a" });
    expect(abandoned.change).toBeUndefined();
    expect(advance(abandoned, { kind: "discarded", keyLabel: "device-1" }).discarded).toEqual([]);
    expect(advance(abandoned, begin).change?.keyLabel).toBe("device-2");
  });

  it("keeps what registers a certificate until it is registered or given up, and no longer", () => {
    const start = after(adoptedState(OLD), begin, { kind: "keyed" }, { kind: "asked" }, { ...issued, identity: NEW });
    const ownership = { token: "secret", issuedAtMs: 1000, isTried: true };
    const tried = advance(start, { kind: "tried" });
    expect(tried).toMatchObject({ slots: { a: OLD, b: NEW }, change: { phase: "issued", ownership }, orphans: 0 });
    for (const kind of ["registered", "assumed", "reasked"] as const) {
      expect(JSON.stringify(advance(tried, { kind }))).not.toContain("secret");
    }
    expect(advance(tried, { kind: "reasked" })).toMatchObject({ change: { phase: "keyed" }, orphans: 1 });
    expect(advance(tried, { kind: "reasked" }).slots).toEqual({ a: OLD });
    expect(advance(tried, { kind: "abandoned" })).toMatchObject({ orphans: 1 });
  });

  it("puts a certificate that was installed by hand into the free slot and in use", () => {
    expect(after(adoptedState(OLD), { kind: "installed", identity: NEW })).toMatchObject({
      inUse: "b",
      slots: { a: OLD, b: NEW },
    });
  });

  it("stands in one position at a time, through a whole renewal", () => {
    let state = adoptedState(OLD);
    const events: readonly IdentityEvent[] = [
      begin,
      { kind: "keyed" },
      { kind: "asked" },
      { ...issued, identity: NEW },
      { kind: "assumed" },
      { kind: "verified" },
      { kind: "announced" },
      { kind: "retired" },
    ];
    const positions = events.map((event) => positionOf((state = advance(state, event))));
    expect(positions).toEqual(["begun", "keyed", "asked", "issued", "registered", "announce", "delete", "settled"]);
  });

  it("refuses what cannot happen", () => {
    for (const kind of ["keyed", "asked", "reasked", "verified", "announced", "retired", "abandoned"] as const) {
      expect(() => advance(adoptedState(OLD), { kind })).toThrow("identity state");
    }
    const begun = advance(adoptedState(OLD), begin);
    expect(() => advance(begun, begin)).toThrow("identity state");
    expect(() => advance(begun, { kind: "installed", identity: NEW })).toThrow("identity state");
    expect(identityState.safeParse({ ...EMPTY_STATE, inUse: "a" }).success).toBe(false);
  });

  // A reader may find the state before the last write (last known good): what is destroyed must not be needed by either.
  it("never needs a key that was deleted, in the present state or the one before, whatever happens", () => {
    const kinds = [
      "begin",
      "keyed",
      "asked",
      "unasked",
      "reasked",
      "issued",
      "tried",
      "untried",
      "assumed",
      "registered",
      "verified",
      "abandoned",
      "announced",
      "retired",
      "installed",
    ] as const;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...kinds), fc.boolean()), { maxLength: 60 }), (steps) => {
        let before = adoptedState(OLD);
        let state = before;
        const deleted = new Set<string>();
        steps.forEach(([kind, isNewKey], n) => {
          const label = retiredKey(state);
          const event = eventOf(kind, isNewKey, state, n);
          let next: IdentityState;
          try {
            next = advance(state, event);
          } catch {
            return;
          }
          if (kind === "retired" && label !== undefined) deleted.add(label);
          for (const gone of state.discarded) deleted.add(gone);
          [before, state] = [state, next];
          for (const one of [before, state]) {
            const used = identityInUse(one);
            expect(used).toBeDefined();
            expect(deleted.has(used?.keyLabel ?? "")).toBe(false);
          }
          expect(identityState.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
          expect(state.change === undefined || state.retirement === undefined).toBe(true);
        });
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

function eventOf(kind: string, isNewKey: boolean, state: IdentityState, n: number): IdentityEvent {
  const identity = {
    keyLabel: state.change?.keyLabel ?? `hand-${n}`,
    certificateFile: `/${n}.pem`,
    certificateId: ID(n),
  };
  switch (kind) {
    case "begin":
      return { ...begin, isNewKey };
    case "issued":
      return { ...issued, identity };
    case "installed":
      return { kind, identity };
    case "tried":
    case "untried":
    case "assumed":
    case "registered":
    case "keyed":
    case "asked":
    case "unasked":
    case "reasked":
    case "verified":
    case "abandoned":
    case "announced":
    case "retired":
      return { kind };
    default:
      throw new Error(kind);
  }
}
