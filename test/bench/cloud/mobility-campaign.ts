import { fleetwiseStartBit } from "./fleetwise-start-bit.ts";

/** A campaign as the guidance keeps it in its table. */
export type MobilityCampaign = {
  readonly name: string;
  /** Its id in the table, by which nothing on the wire goes. */
  readonly id: string;
  /** "all", or one vehicle by its VIN. */
  readonly target: "all" | `vehicle:${string}`;
  readonly status: "RUNNING" | "SUSPENDED";
  readonly manifest: string;
  readonly scheme:
    | { readonly type: "TIME_BASED"; readonly periodMs?: number }
    | {
        readonly type: "CONDITION_BASED";
        /** "signal(40) > 0.3"; what the guidance cannot read goes out without a condition. */
        readonly expression: string;
        readonly minimumIntervalMs?: number;
        readonly triggerMode?: "RISING_EDGE" | "ALWAYS";
      };
  readonly signals: readonly number[];
  /** Signals for which DTC_QUERY is called every 30 s. */
  readonly fetched?: readonly number[];
  /** Asks for snappy, which the guidance never does although it reads it. */
  readonly compressed?: boolean;
};

/** A signal of a decoder manifest, with its start bit as a DBC file has it. */
export type MobilitySignal = {
  readonly id: number;
  readonly messageId: number;
  readonly startBit: number;
  readonly bits: number;
  readonly isBigEndian?: boolean;
  readonly isSigned?: boolean;
  readonly factor?: number;
  readonly offset?: number;
};

/** The greatest integer of Java, at which the guidance ends every campaign. */
const NO_END = "9223372036854775807";
const OPERATORS: Readonly<Record<string, string>> = {
  ">": "OPERATOR_BIGGER",
  "<": "OPERATOR_SMALLER",
  ">=": "OPERATOR_BIGGER_EQUAL",
  "<=": "OPERATOR_SMALLER_EQUAL",
  "==": "OPERATOR_EQUAL",
  "!=": "OPERATOR_NOT_EQUAL",
};

/** A DecoderManifest in protoc's text form: every signal a float of 64 bits on interface "1", and a custom one of an ECU, as the guidance makes it. */
export function manifestText(syncId: string, signals: readonly MobilitySignal[]): string {
  const can = signals.map((signal) => {
    const { id, messageId, startBit, bits, isBigEndian = false, isSigned = false, factor = 1, offset = 0 } = signal;
    return `can_signals {
      signal_id: ${id} interface_id: "1" message_id: ${messageId} is_big_endian: ${isBigEndian} is_signed: ${isSigned}
      start_bit: ${fleetwiseStartBit(startBit, bits, isBigEndian)} offset: ${offset} factor: ${factor} length: ${bits}
      primitive_type: PRIMITIVE_TYPE_FLOAT64
    }`;
  });
  const custom = `custom_decoding_signals {
    signal_id: 901 interface_id: "UDS_DTC" custom_decoding_id: "Vehicle.ECU1.DTC_INFO" primitive_type: PRIMITIVE_TYPE_STRING
  }`;
  return [`sync_id: "${syncId}"`, ...can, custom].join("\n");
}

/** A CollectionSchemes in protoc's text form. */
export function schemesText(campaigns: readonly MobilityCampaign[], nowMs: number): string {
  return [...campaigns.map(schemeText), `timestamp_ms_epoch: ${nowMs}`].join("\n");
}

function schemeText({ name, manifest, scheme, signals, fetched = [], compressed = false }: MobilityCampaign): string {
  return `collection_schemes {
    campaign_sync_id: "${name}" decoder_manifest_sync_id: "${manifest}" expiry_time_ms_epoch: ${NO_END}
    compress_collected_data: ${compressed}
    ${scheme.type === "TIME_BASED" ? `time_based { period_ms: ${scheme.periodMs ?? 30_000} }` : conditionText(scheme)}
    ${signals.map((id) => `signal_information { signal_id: ${id} sample_buffer_size: 1 }`).join("\n")}
    ${fetched.map(fetchText).join("\n")}
  }`;
}

function conditionText(scheme: Extract<MobilityCampaign["scheme"], { type: "CONDITION_BASED" }>): string {
  const { expression, minimumIntervalMs = 1000, triggerMode = "RISING_EDGE" } = scheme;
  const [, id, operator = "", value] = /signal\((\d+)\)\s*(>|<|>=|<=|==|!=)\s*([\d.]+)/.exec(expression) ?? [];
  const mode = triggerMode === "RISING_EDGE" ? "TRIGGER_MODE_ONLY_ON_RISING_EDGE" : "TRIGGER_MODE_ALWAYS";
  const tree =
    id === undefined
      ? ""
      : `condition_tree { node_operator {
          operator: ${OPERATORS[operator]} left_child { node_signal_id: ${id} } right_child { node_double_value: ${value} }
        } }`;
  return `condition_based { condition_minimum_interval_ms: ${minimumIntervalMs} condition_trigger_mode: ${mode} ${tree} }`;
}

function fetchText(id: number): string {
  const params = [-1, 2, -1].map((value) => `params { node_double_value: ${value} }`).join(" ");
  return `signal_fetch_information {
    signal_id: ${id} time_based { execution_frequency_ms: 30000 }
    actions { node_function { custom_function { function_name: "DTC_QUERY" ${params} } } }
  }`;
}
