import {
  parseCodeCount,
  parseCodeList,
  parseExtendedData,
  parseSnapshotNumbers,
  parseSnapshots,
} from "../../../../agent/diagnostics/uds/code-answers.ts";
import { valuesOf } from "../../../../agent/diagnostics/uds/data-values.ts";
import { parseReadAnswer } from "../../../../agent/diagnostics/uds/did-answers.ts";
import { CODES } from "../../../../agent/diagnostics/uds/requests.ts";
import { ecuCatalogue } from "../../../../config/ecus.ts";
import { spoiltPdu } from "./fuzz-inputs.ts";
import { type FuzzTarget, pduTarget } from "./fuzz-target.ts";

const ECU = ecuCatalogue.parse({
  schemaVersion: 1,
  ecus: [
    {
      name: "body",
      request: 0x740,
      response: 0x748,
      dids: [
        { id: 0xf190, name: "vin", length: 17, text: "ascii" },
        { id: 0xf18c, name: "serial", text: "hex" },
        { id: 0x0102, name: "doors", length: 1 },
        {
          id: 0x0101,
          name: "supply",
          length: 3,
          signals: [
            { name: "voltage", startBit: 7, bits: 16, factor: 0.01, unit: "V" },
            { name: "temperature", startBit: 23, bits: 8, offset: -40, unit: "degC" },
          ],
        },
      ],
    },
  ],
}).ecus[0];

const RECORDS = ["59049a2311af0102010105823c0102010201dd0000bc53", "59039a2311019a231102", "59069a2311af01010200"];
const LISTS = ["5902ff9a2311afc1400027", "5902ff", "590aff4040645092341f509a2311af", "5901ff010002", "59149a231105"];
const LENGTHS = new Map([
  [0x0101, 3],
  [0x0102, 1],
  [0xdd00, 3],
]);

function target(name: string, sound: readonly string[], parse: (pdu: Uint8Array) => unknown): FuzzTarget {
  return pduTarget(`uds ${name}`, sound, parse, spoiltPdu);
}

/** Answers of ISO 14229, beside a small catalogue. */
export const UDS_TARGETS: readonly FuzzTarget[] = [
  target("code count", LISTS, parseCodeCount),
  target("codes by status", LISTS, (pdu) => parseCodeList(pdu, CODES.byStatus)),
  target("supported codes", LISTS, (pdu) => parseCodeList(pdu, CODES.supported)),
  target("snapshot numbers", RECORDS, parseSnapshotNumbers),
  target("snapshots", RECORDS, (pdu) => parseSnapshots(pdu, (did) => LENGTHS.get(did))),
  target("extended data", RECORDS, (pdu) => parseExtendedData(pdu, (record) => (record < 3 ? record : undefined))),
  target(
    "data",
    ["62f190314d3847444d3941584b50303432373838", "62010105823c010201", "62f18c202611290042", "620101ffffff"],
    (pdu) => {
      const read = parseReadAnswer(pdu, ECU.dids);
      for (const { id, bytes } of read ?? []) {
        const shape = ECU.dids.find((one) => one.id === id);
        if (shape !== undefined) valuesOf(shape, bytes);
      }
      return read;
    },
  ),
  target("data of one", ["62f1903136", "62f18c202611290042"], (pdu) => parseReadAnswer(pdu, [{ id: 0xf18c }])),
];
