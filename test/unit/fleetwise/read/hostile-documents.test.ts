import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionText } from "../../../../agent/fleetwise/condition-text.ts";
import { manifestTable } from "../../../../agent/fleetwise/manifest-table.ts";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { canSignal, comparison, messageBytes, operation, reader, scheme } from "../../../fakes/fleetwise/messages.ts";

const SEED = 20_261_129;
const RUNS = 5000;
const AND = 6;

const MANIFEST = messageBytes("DecoderManifest", {
  sync_id: "dm-1",
  can_signals: [canSignal(), canSignal({ signal_id: 11, start_bit: 20, length: 12, is_big_endian: true, factor: 0.5 })],
  obd_pid_signals: [{ signal_id: 12 }],
});
const SCHEME = messageBytes(
  "CollectionScheme",
  scheme({ condition_based: { condition_tree: operation(AND, comparison(1, 10, 50), comparison(4, 11, 3)) } }),
);
const TEMPLATES = messageBytes("StateTemplates", {
  decoder_manifest_sync_id: "dm-1",
  version: 3,
  state_templates_to_add: [{ state_template_sync_id: "t-1", periodic: { period_ms: 5000 }, signal_ids: [1, 2] }],
});

/** `bytes` with some of them changed, left out, doubled, or cut. */
function mutated(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(bytes.length - 1), what: fc.nat(3), value: fc.nat(255) });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let list = [...bytes];
    for (const { at, what, value } of changes) {
      if (what === 0 && at < list.length) list[at] = value;
      else if (what === 1) list.splice(at, 1 + (value % 4));
      else if (what === 2) list.splice(at, 0, ...list.slice(at, at + (value % 16)));
      else list = value < 32 ? list.slice(0, at) : list;
    }
    return Uint8Array.from(list);
  });
}

/** A field of a list, with one byte of length and more. */
function entry(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0x0a, (bytes.length & 127) | 128, bytes.length >> 7]), bytes]);
}

describe("documents that are broken", () => {
  it(`give a manifest that makes a table, or a reason (seed ${SEED})`, () => {
    let tables = 0;
    fc.assert(
      fc.property(fc.oneof(mutated(MANIFEST), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const read = reader.manifest(bytes);
        if (read.kind === "unreadable") {
          expect(read.problem).not.toBe("");
          return;
        }
        const { sources, signals } = manifestTable(read.document, {
          busOf: (name) => (name === "" ? undefined : "can0"),
          isPolled: () => true,
        });
        expect(createSignalTable(sources).signals).toHaveLength(signals.size);
        tables += signals.size > 0 ? 1 : 0;
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(tables).toBeGreaterThan(200);
  });

  it(`cost the schemes that they are, and no other (seed ${SEED})`, () => {
    const good = messageBytes("CollectionScheme", scheme({ campaign_sync_id: "good" }));
    let kept = 0;
    fc.assert(
      fc.property(mutated(SCHEME), (bytes) => {
        const read = reader.schemes(Buffer.concat([entry(bytes), entry(good)]));
        if (read.kind === "unreadable") throw new Error(read.problem);
        const { schemes, refused } = read.document;
        expect(schemes.at(-1)?.syncId).toBe("good");
        expect(schemes.length + refused.length).toBe(2);
        for (const { trigger } of schemes) {
          if (trigger.kind === "condition")
            conditionText(trigger.condition, { signal: () => undefined, windowMs: () => 0 });
        }
        kept += schemes.length - 1;
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(kept).toBeGreaterThan(300);
  });

  it(`give state templates, or a reason (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.oneof(mutated(TEMPLATES), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const read = reader.templates(bytes);
        if (read.kind === "unreadable") expect(read.problem).not.toBe("");
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
