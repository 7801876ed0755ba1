import { describe, expect, it } from "vitest";
import { like, messageBytes, reader } from "../../../fakes/fleetwise/messages.ts";

const read = (fields: Readonly<Record<string, unknown>>) =>
  reader.templates(messageBytes("StateTemplates", { decoder_manifest_sync_id: "dm-1", ...fields }));

describe("state templates", () => {
  it("are read, with what is to be removed", () => {
    const templates = read({
      version: "18446744073709551615",
      state_templates_to_add: [
        { state_template_sync_id: "t-1", on_change: {}, signal_ids: [1, 2, 1] },
        { state_template_sync_id: "t-2", periodic: { period_ms: 5000 }, signal_ids: [3] },
      ],
      state_template_sync_ids_to_remove: ["t-3"],
    });
    expect(templates).toEqual({
      kind: "read",
      document: {
        version: 18_446_744_073_709_551_615n,
        manifestSyncId: "dm-1",
        add: [
          { syncId: "t-1", update: { kind: "on-change" }, signals: [1, 2] },
          { syncId: "t-2", update: { kind: "periodic", periodMs: 5000 }, signals: [3] },
        ],
        remove: ["t-3"],
        refused: [],
      },
    });
  });

  it.each([
    ["no id", { on_change: {} }, "state template ", "state_template_sync_id: is empty"],
    [
      "no strategy",
      { state_template_sync_id: "t" },
      "state template t",
      "update_strategy: is neither on change nor periodic",
    ],
    [
      "a period of 0",
      { state_template_sync_id: "t", periodic: {} },
      "state template t",
      "periodic.period_ms: must be 1 ms or more",
    ],
    [
      "signal 0",
      { state_template_sync_id: "t", on_change: {}, signal_ids: [0] },
      "state template t",
      like(/^signal_ids\.0: /),
    ],
  ])("leave out one with %s, and keep the others", (_what, template, entry, problem) => {
    const good = { state_template_sync_id: "good", on_change: {} };
    expect(read({ state_templates_to_add: [template, good] })).toMatchObject({
      document: { add: [{ syncId: "good" }], refused: [{ entry, problem }] },
    });
  });

  it("are not taken without a manifest", () => {
    expect(reader.templates(new Uint8Array())).toEqual({
      kind: "unreadable",
      problem: "decoder_manifest_sync_id: is empty",
    });
  });
});
