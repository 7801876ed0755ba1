import { describe, expect, it } from "vitest";
import { canSignal, messageBytes } from "../../fakes/fleetwise/messages.ts";
import {
  manifestBytes,
  RIG_T0_MS,
  schemeBytes,
  type VehicleRigSettings,
  vehicleRig,
} from "../../fakes/fleetwise/vehicle-rig.ts";

type Fields = Readonly<Record<string, unknown>>;

function templateBytes(given: Fields = {}): Uint8Array {
  const state_templates_to_add = [
    { state_template_sync_id: "t-change", on_change: {}, signal_ids: [10, 11, 99] },
    { state_template_sync_id: "t-period", periodic: { period_ms: 1000 }, signal_ids: [11] },
  ];
  return messageBytes("StateTemplates", {
    decoder_manifest_sync_id: "dm-1",
    version: 1,
    state_templates_to_add,
    ...given,
  });
}

async function vehicleWithTemplates(settings: VehicleRigSettings = {}) {
  const rig = await vehicleRig(settings);
  const can_signals = [
    canSignal({ primitive_type: 2 }),
    canSignal({ signal_id: 11, start_bit: 8, is_signed: true, primitive_type: 7 }),
  ];
  rig.give("decoder_manifests", manifestBytes({ can_signals }));
  rig.give("last_known_states/config", templateBytes());
  const set = (...ids: readonly string[]) => new Set(ids);
  const { states } = rig.vehicle;
  return { ...rig, use: states, set };
}

/** Each message as JSON. */
function told(messages: readonly unknown[]): string[] {
  return messages.map((message) =>
    JSON.stringify(message, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
  );
}

const message = (ms: number, template: string, ...captured_signals: readonly Fields[]): string =>
  JSON.stringify({
    collection_event_time_ms_epoch: RIG_T0_MS + ms,
    captured_state_template_signals: [{ state_template_sync_id: template, captured_signals }],
  });

describe("state templates of FleetWise", () => {
  it("are documents, inactive until a command says otherwise", async () => {
    const { drive, states, checkIns, clock } = await vehicleWithTemplates();
    drive([1, 2], 1000);
    expect(states()).toEqual([]);
    await clock.run(10);
    expect(checkIns().at(-1)?.document_sync_ids).toEqual(["dm-1", "t-change", "t-period"]);
  });

  it("send all that is known when activated, and then what changed, in the types of the manifest", async () => {
    const { drive, states, use, set } = await vehicleWithTemplates();
    drive([1, 254], 500);
    use.use(set("t-change"), set("t-change"));
    drive([1, 254], 500);
    drive([9, 254], 500);
    const [first, second, ...more] = told(states());
    expect(first).toBe(message(500, "t-change", { signal_id: 10, uint8_value: 1 }, { signal_id: 11, int16_value: -2 }));
    expect(second).toMatch(
      /^\{"collection_event_time_ms_epoch":17672256011\d\d,.*\[\{"signal_id":10,"uint8_value":9\}\]/,
    );
    expect(more).toEqual([]);
  });

  it("send every period what came, and nothing where nothing did", async () => {
    const { drive, states, use, set } = await vehicleWithTemplates();
    use.use(set("t-period"), set("t-period"));
    for (let at = 0; at < 25; at++) drive([0, at], 100);
    drive([0, 0], 5000);
    const values = told(states()).map((text) => Number(/"int16_value":(\d+)/.exec(text)?.[1] ?? 0));
    expect(values.length).toBe(3);
    expect(values.slice(0, 2)).toEqual([expect.closeTo(10, -1), expect.closeTo(20, -1)]);
  });

  it("begin again with a snapshot when they are activated again", async () => {
    const { drive, states, use, set } = await vehicleWithTemplates();
    drive([1, 2], 500);
    use.use(set("t-change"), set("t-change"));
    use.use(set("t-change"), set("t-change"));
    drive([1, 2], 500);
    expect(states()).toHaveLength(2);
    use.use(set(), set());
    drive([7, 7], 500);
    expect(states()).toHaveLength(2);
  });

  it("are fetched once, active or not", async () => {
    const { drive, states, use, set } = await vehicleWithTemplates();
    drive([3, 4], 500);
    use.fetch("t-change");
    use.use(set("t-period"), set());
    use.fetch("t-period");
    drive([3, 4], 200);
    expect(told(states()).map((text) => /"state_template_sync_id":"([^"]+)"/.exec(text)?.[1])).toEqual([
      "t-change",
      "t-period",
    ]);
  });

  it("leave no filter behind when the manifest is another, though a scheme ran beside them", async () => {
    const { give, bus } = await vehicleRig();
    give(
      "decoder_manifests",
      manifestBytes({ can_signals: [canSignal(), canSignal({ signal_id: 11, message_id: 0x124 })] }),
    );
    give("last_known_states/config", templateBytes());
    give("collection_schemes", schemeBytes({}));
    expect(bus.filterLists.at(-1)).toHaveLength(2);
    give("decoder_manifests", manifestBytes({ sync_id: "dm-2" }));
    expect(bus.filterLists.at(-1)).toEqual([]);
  });

  it("come and go by differences of a growing version; one that is not newer is left", async () => {
    const { give, use, stateDir, stop } = await vehicleWithTemplates();
    let changes = 0;
    use.watch(() => {
      changes += 1;
    });
    give(
      "last_known_states/config",
      templateBytes({ version: 1, state_templates_to_add: [], state_template_sync_ids_to_remove: ["t-change"] }),
    );
    expect([use.has("t-change"), changes]).toEqual([true, 0]);
    give(
      "last_known_states/config",
      templateBytes({
        version: 2,
        state_templates_to_add: [{ state_template_sync_id: "t-new", on_change: {}, signal_ids: [10] }],
        state_template_sync_ids_to_remove: ["t-change"],
      }),
    );
    expect([use.has("t-change"), use.has("t-period"), use.has("t-new"), changes]).toEqual([false, true, true, 1]);
    await stop();
    const again = (await vehicleRig({ stateDir })).vehicle.states;
    expect([again.has("t-change"), again.has("t-period"), again.has("t-new")]).toEqual([false, true, true]);
  });

  it("wait for their manifest, and go on under it after another one was in force", async () => {
    const { give, drive, states, use, set } = await vehicleWithTemplates();
    use.use(set("t-change"), set());
    give("decoder_manifests", manifestBytes({ sync_id: "dm-2" }));
    drive([1, 2], 500);
    expect(states()).toEqual([]);
    give("decoder_manifests", manifestBytes());
    drive([1, 2], 500);
    expect(states()).toHaveLength(1);
  });
});
