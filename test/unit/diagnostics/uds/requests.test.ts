import { describe, expect, it } from "vitest";
import * as requests from "../../../../agent/diagnostics/uds/requests.ts";
import { bytesOf } from "../../../fakes/diagnostics/ecus.ts";

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("requests", () => {
  // As python-udsoncan 807f386 sends them, test/client/test_*.py; those without a test there after ISO 14229-1 as diagnostics tools send them.
  it.each([
    [requests.sessionRequest("default"), "1001"],
    [requests.sessionRequest(8), "1008"],
    [requests.resetRequest("soft"), "1103"],
    [requests.clearRequest(0x123456), "14123456"],
    [requests.clearRequest(0xffffff), "14ffffff"],
    [requests.codesByStatus(requests.CODES.count, 0x5a), "19015a"],
    [requests.codesByStatus(requests.CODES.byStatus, 0x5a), "19025a"],
    [requests.codesRequest(requests.CODES.snapshotNumbers), "1903"],
    [requests.codesRequest(requests.CODES.supported), "190a"],
    [requests.recordsOfCode(requests.CODES.snapshots, 0x123456, 2), "190412345602"],
    [requests.recordsOfCode(requests.CODES.snapshots, 0x123456), "1904123456ff"],
    [requests.recordsOfCode(requests.CODES.extendedData, 0x123456, 0x99), "190612345699"],
    [requests.readRequest([1, 2, 4, 3]), "220001000200040003"],
    [requests.seedRequest(5), "2705"],
    [requests.keyRequest(5, bytesOf("11223344")), "270611223344"],
    [requests.writeRequest(1, bytesOf("1234")), "2e00011234"],
    [requests.outputRequest(0x132, "default", bytesOf("aa"), bytesOf("")), "2f013201"],
    [requests.outputRequest(0x155, "adjust", bytesOf("071234459900"), bytesOf("a0")), "2f015503071234459900a0"],
    [requests.routineRequest("start", 0x12, bytesOf("456789aa")), "31010012456789aa"],
    [requests.routineRequest("stop", 0x1234, bytesOf("456789aa")), "31021234456789aa"],
    [requests.routineRequest("results", 0x1234, bytesOf("")), "31031234"],
    [requests.testerPresent(), "3e80"],
  ])("are bytes as others send them: %#", (bytes, hex) => {
    expect(hexOf(bytes)).toBe(hex);
  });

  // Requests and positive answers of the same tests.
  it.each([
    ["1001", "500199881234"],
    ["1104", "510423"],
    ["14123456", "54"],
    ["19025a", "5902fb12345620"],
    ["190412345602", "590412345624 02"],
    ["220001", "6200011234"],
    ["2705", "670599887766"],
    ["270611223344", "6706"],
    ["2e00011234", "6e0001"],
    ["2f013278", "6f01324b"],
    ["31010012456789aa", "710100129988"],
    ["850111", "c501778899"],
  ])("know what an answer repeats: %s", (request, answer) => {
    const pdu = bytesOf(request);
    const repeated = requests.repeatedBytes(pdu);
    expect(hexOf(bytesOf(answer).subarray(1, 1 + repeated))).toBe(hexOf(pdu.subarray(1, 1 + repeated)));
    if (pdu[0] !== 0x14) expect(repeated).toBeGreaterThan(0);
  });

  it("expects nothing of the order of several data identifiers", () => {
    expect(requests.repeatedBytes(requests.readRequest([1, 2]))).toBe(0);
  });
});
