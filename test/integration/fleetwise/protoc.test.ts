import { describe, expect, it } from "vitest";
import { encodeCheckin } from "../../../agent/fleetwise/write/checkin.ts";
import { encodeLastKnownState } from "../../../agent/fleetwise/write/last-known-state.ts";
import { encodeVehicleData } from "../../../agent/fleetwise/write/vehicle-data.ts";
import { decodeText, encodeText, hasProtoc } from "../../bench/cloud/fleetwise-messages.ts";
import { reader } from "../../fakes/fleetwise/messages.ts";

const T0 = 1_764_374_400_000;
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Bytes that FWE's own .proto files gave (campaigns.md, section 7), and the same message in the words of our description. */
const VECTORS = [
  [
    "Checkin",
    `document_sync_ids: "dm-1" document_sync_ids: "c-1" timestamp_ms_epoch: ${T0}`,
    "0a04646d2d310a03632d31108098a3e7ac33",
  ],
  [
    "VehicleData",
    `campaign_sync_id: "c-1" decoder_sync_id: "dm-1" collection_event_id: 7 collection_event_time_ms_epoch: ${T0}
     captured_signals { relative_time_ms: -500 signal_id: 10 double_value: 55 }
     captured_signals { signal_id: 11 string_value: "P" }
     dtc_data { active_dtc_codes: "P0301" }`,
    "0a03632d311204646d2d311807208098a3e7ac332a0e08e707100a190000000000804b402a05100b220150320712055030333031",
  ],
  [
    "CollectionSchemes",
    `collection_schemes {
       campaign_sync_id: "c-1" decoder_manifest_sync_id: "dm-1" expiry_time_ms_epoch: 4102444800000
       condition_based {
         condition_minimum_interval_ms: 1000 condition_trigger_mode: TRIGGER_MODE_ONLY_ON_RISING_EDGE
         condition_tree { node_operator {
           operator: OPERATOR_BIGGER left_child { node_signal_id: 10 } right_child { node_double_value: 50 }
         } }
       }
       after_duration_ms: 2000 compress_collected_data: true
       signal_information { signal_id: 10 sample_buffer_size: 5 minimum_sample_period_ms: 100 }
     }
     timestamp_ms_epoch: ${T0}`,
    "0a3b0a03632d311204646d2d312080b08fe6b277321a08e8071a130a110a02200a12091900000000000049401801200138d00f4a06080a100518646001108098a3e7ac33",
  ],
  [
    "DecoderManifest",
    `sync_id: "dm-1" can_signals {
       signal_id: 10 interface_id: "can0" message_id: 0x123 is_big_endian: true start_bit: 16 offset: -40 factor: 0.5
       length: 12 primitive_type: PRIMITIVE_TYPE_UINT16
     }`,
    "0a04646d2d311225080a120463616e3018a302200130103900000000000044c041000000000000e03f480c5003",
  ],
  [
    "LastKnownStateData",
    `collection_event_time_ms_epoch: ${T0} captured_state_template_signals {
       state_template_sync_id: "t1"
       captured_signals { signal_id: 10 int16_value: -2 } captured_signals { signal_id: 11 boolean_value: true }
     }`,
    "108098a3e7ac3332100a0274311204080a30031204080b1801",
  ],
] as const;

describe.skipIf(!hasProtoc)(`messages of FleetWise by protoc${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  it.each(VECTORS)("%s has the fields of the reference agent by name, type and number", (message, text, hex) => {
    expect(hexOf(encodeText(message, text))).toBe(hex);
  });

  it("are what the vehicle writes", () => {
    const data = encodeVehicleData({
      campaignSyncId: "c-1",
      manifestSyncId: "dm-1",
      eventId: 7,
      eventMs: T0,
      signals: [
        { relativeMs: -1, id: 4_000, value: 0 },
        { relativeMs: 3_600_000, id: 1, value: "ü" },
      ],
    });
    const lines = decodeText("VehicleData", data)
      .split("\n")
      .map((line) => line.trim());
    expect(lines).toEqual([
      'campaign_sync_id: "c-1"',
      'decoder_sync_id: "dm-1"',
      "collection_event_id: 7",
      `collection_event_time_ms_epoch: ${T0}`,
      "captured_signals {",
      "relative_time_ms: -1",
      "signal_id: 4000",
      "double_value: 0",
      "}",
      "captured_signals {",
      "relative_time_ms: 3600000",
      "signal_id: 1",
      'string_value: "\\303\\274"',
      "}",
      "",
    ]);
    expect(decodeText("Checkin", encodeCheckin({ documentSyncIds: [], timeMs: T0 }))).toBe(
      `timestamp_ms_epoch: ${T0}\n`,
    );
    const state = encodeLastKnownState({
      timeMs: T0,
      templates: [
        {
          syncId: "t",
          signals: [
            { id: 1, value: { type: "uint64", value: 2n ** 64n - 1n } },
            { id: 2, value: { type: "int64", value: -(2n ** 63n) } },
            { id: 3, value: { type: "float", value: 0.5 } },
          ],
        },
      ],
    });
    const values = [...decodeText("LastKnownStateData", state).matchAll(/(\w+_value): (\S+)/g)].map(
      ([, field, value]) => [field, value],
    );
    expect(values).toEqual([
      ["uint64_value", "18446744073709551615"],
      ["int64_value", "-9223372036854775808"],
      ["float_value", "0.5"],
    ]);
  });

  it("are what the vehicle reads, where CMS makes them", () => {
    const text = `collection_schemes {
      campaign_sync_id: "camp" decoder_manifest_sync_id: "dm-1" expiry_time_ms_epoch: 4102444800000
      time_based { period_ms: 30000 } compress_collected_data: true
      signal_information { signal_id: 5 sample_buffer_size: 1 }
      signal_fetch_information {
        signal_id: 5 time_based { execution_frequency_ms: 30000 }
        actions { node_function { custom_function {
          function_name: "DTC_QUERY" params { node_double_value: -1 } params { node_double_value: 2 } params { node_double_value: -1 }
        } } }
      }
    }`;
    expect(reader.schemes(encodeText("CollectionSchemes", text))).toMatchObject({
      document: {
        refused: [],
        schemes: [
          {
            syncId: "camp",
            trigger: { kind: "time", periodMs: 30_000 },
            remarks: ["nothing is fetched for signals 5: this agent has no such functions"],
          },
        ],
      },
    });
  });
});
