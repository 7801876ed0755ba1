import { parseCodes } from "../../../../agent/diagnostics/obd/code-answers.ts";
import { parseCurrentData } from "../../../../agent/diagnostics/obd/current-data.ts";
import { parseFreeze } from "../../../../agent/diagnostics/obd/freeze-frame.ts";
import { parseTests } from "../../../../agent/diagnostics/obd/monitor-results.ts";
import { valuesOf } from "../../../../agent/diagnostics/obd/pid-values.ts";
import { parseSupported } from "../../../../agent/diagnostics/obd/supported-bits.ts";
import { parseVehicleInfo } from "../../../../agent/diagnostics/obd/vehicle-info.ts";
import { spoiltPdu } from "./fuzz-inputs.ts";
import { type FuzzTarget, pduTarget } from "./fuzz-target.ts";

const CURRENT = [
  "4100be3fb013",
  "410c0c300d000536",
  "410d37",
  "4101820765e0",
  "41a600075bd1",
  "417f070000000100000002000000030000",
];

function target(name: string, sound: readonly string[], parse: (pdu: Uint8Array) => unknown): FuzzTarget {
  return pduTarget(name, sound, parse, spoiltPdu);
}

/** Everything that reads a whole PDU. */
export const PDU_TARGETS: readonly FuzzTarget[] = [
  target("obd current data", CURRENT, (pdu) => {
    const read = parseCurrentData(pdu);
    if (read.kind === "data") for (const { pid, data } of read.values) valuesOf(pid, data);
    return read;
  }),
  target("obd codes", ["43020301042000000000", "4300", "4701c123", "4a0203010420"], parseCodes),
  target("obd freeze frame", ["420c000c30", "4202000301", "420d0037"], (pdu) => parseFreeze(pdu, pdu[1] ?? 0)),
  target("obd monitors", ["4601010a0e6800001cd1", "460101100055000000c8", "4600c0000001"], parseTests),
  target("obd bitmap", ["be3fb013", "00000000", "ffffffff"], (pdu) => parseSupported((pdu[0] ?? 0) & 0xe0, pdu)),
  target(
    "obd vehicle information",
    [
      "490201314d3847444d3941584b50303432373838",
      "490054400000",
      "4904014a4d422a33363736313530300000000000000000",
      "4906011791bc82",
      "490814000100020003000400050006000700080009000a000b000c000d000e000f00100011001200130014",
      "490a0145434d002d456e67696e65436f6e74726f6c0000",
    ],
    (pdu) => parseVehicleInfo(pdu),
  ),
];
