import { describe, expect, it } from "vitest";
import { like, messageBytes, reader, scheme } from "../../../fakes/fleetwise/messages.ts";

const listOf = (...schemes: readonly unknown[]) => {
  const read = reader.schemes(
    messageBytes("CollectionSchemes", { collection_schemes: schemes, timestamp_ms_epoch: 7 }),
  );
  if (read.kind === "unreadable") throw new Error(read.problem);
  return read.document;
};
const problemWith = (fields: Readonly<Record<string, unknown>>) => listOf(scheme(fields)).refused;

describe("a list of collection schemes", () => {
  // Bytes of campaigns.md, section 7, which FWE's own .proto files gave.
  it("is read from the bytes that the reference agent takes", () => {
    const hex =
      "0a3b0a03632d311204646d2d312080b08fe6b277321a08e8071a130a110a02200a12091900000000000049401801200138d00f4a06080a100518646001108098a3e7ac33";
    expect(reader.schemes(Buffer.from(hex, "hex"))).toEqual({
      kind: "read",
      document: {
        refused: [],
        schemes: [
          {
            syncId: "c-1",
            manifestSyncId: "dm-1",
            startMs: 0,
            expiryMs: 4_102_444_800_000,
            trigger: {
              kind: "condition",
              condition: {
                kind: "operator",
                operator: ">",
                left: { kind: "signal", id: 10 },
                right: { kind: "number", value: 50 },
              },
              minIntervalMs: 1000,
              risingEdge: true,
            },
            afterMs: 2000,
            compress: true,
            includesCodes: false,
            priority: 0,
            signals: [{ id: 10, bufferSize: 5, minPeriodMs: 100, windowMs: 0, conditionOnly: false }],
            remarks: [],
          },
        ],
      },
    });
  });

  it("may be empty, then nothing is collected any more", () => {
    expect(reader.schemes(new Uint8Array())).toEqual({
      kind: "read",
      document: { schemes: [], refused: [] },
    });
  });

  it("reads a scheme by time", () => {
    const [read] = listOf(scheme({ condition_based: undefined, time_based: { period_ms: 5000 } })).schemes;
    expect(read.trigger).toEqual({ kind: "time", periodMs: 5000 });
  });

  // CMS: the greatest integer of 64 bits with a sign; the wire has one more bit.
  it.each(["9223372036854775807", "18446744073709551615"])(
    "takes an end at %s as one without end",
    (expiry_time_ms_epoch) => {
      const [read] = listOf(scheme({ expiry_time_ms_epoch })).schemes;
      expect(new Date(read.expiryMs).toISOString()).toBe("9999-12-31T23:59:59.999Z");
    },
  );

  it.each<readonly [string, Readonly<Record<string, unknown>>, unknown]>([
    ["no id", { campaign_sync_id: "" }, "campaign_sync_id: is empty"],
    ["no manifest", { decoder_manifest_sync_id: "" }, "decoder_manifest_sync_id: is empty"],
    ["an end before its start", { start_time_ms_epoch: 4_102_444_800_001 }, "expires before it starts"],
    ["no trigger", { condition_based: undefined }, "is neither time based nor condition based"],
    ["a period of 0", { condition_based: undefined, time_based: {} }, "time_based.period_ms: must be 1 ms or more"],
    ["no condition", { condition_based: {} }, "its condition is missing"],
    [
      "a buffer for nothing",
      { signal_information: [{ signal_id: 10 }] },
      like(/^signal_information\.0\.sample_buffer_size: /),
    ],
    [
      "a signal without id",
      { signal_information: [{ sample_buffer_size: 1 }] },
      like(/^signal_information\.0\.signal_id: /),
    ],
  ])("leaves out a scheme with %s, and says why", (_what, fields, problem) => {
    const entry = fields.campaign_sync_id === "" ? "scheme at place 1" : "scheme c-1";
    expect(problemWith(fields)).toEqual([{ entry, problem }]);
  });

  it("keeps the others, even beside bytes that are no scheme", () => {
    // 0x0a: field 1 of the list; 0xff...: no protobuf.
    const broken = Buffer.from("0a03ffffff", "hex");
    const good = messageBytes("CollectionSchemes", {
      collection_schemes: [scheme(), scheme(), scheme({ campaign_sync_id: "c-2" })],
    });
    const read = reader.schemes(Buffer.concat([broken, good]));
    expect(read).toMatchObject({
      kind: "read",
      document: {
        schemes: [{ syncId: "c-1" }, { syncId: "c-2" }],
        refused: [
          { entry: "scheme at place 1", problem: like(/^is not a CollectionScheme in protobuf: /) },
          { entry: "scheme c-1", problem: "is there twice" },
        ],
      },
    });
  });

  it("takes 256 schemes and leaves out what is more", () => {
    const many = Array.from({ length: 257 }, (_, at) => scheme({ campaign_sync_id: `c-${at}` }));
    const { schemes, refused } = listOf(...many);
    expect(schemes).toHaveLength(256);
    expect(refused).toEqual([{ entry: "scheme c-256", problem: "is one of more than 256" }]);
  });

  it("says what it does not do of a scheme that it takes", () => {
    const [read] = listOf(
      scheme({
        include_active_dtcs: true,
        signal_information: [
          { signal_id: 10, sample_buffer_size: 1 },
          { signal_id: 11, sample_buffer_size: 1, signal_path: { signal_path: [1, 2] } },
        ],
        signal_fetch_information: [{ signal_id: 12, time_based: { execution_frequency_ms: 30_000 } }],
        store_and_forward_configuration: { partition_configuration: [{}] },
      }),
    ).schemes;
    expect(read.signals.map(({ id }) => id)).toEqual([10]);
    expect(read.includesCodes).toBe(true);
    expect(read.remarks).toEqual([
      "parts of complex signals are not collected: 11",
      "nothing is fetched for signals 12: this agent has no such functions",
      "partitions are sent as they come: the outbox of the agent stores for all of them",
    ]);
  });

  it.each([
    ["bytes that are no protobuf", Buffer.from("ffffffffff", "hex"), like(/^is not a CollectionSchemeList/)],
    ["131,073 bytes", new Uint8Array(131_073), "is 131073 bytes long, more than 131072"],
  ])("does not take %s", (_what, payload, problem) => {
    expect(reader.schemes(payload)).toEqual({ kind: "unreadable", problem });
  });
});
