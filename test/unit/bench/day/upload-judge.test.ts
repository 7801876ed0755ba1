import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { DayRecord } from "../../../bench/consumers/day/day-records.ts";
import { judgeUploads } from "../../../bench/consumers/day/upload-judge.ts";
import type { WantedUpload } from "../../../bench/day/day-cloud.ts";
import { loadDay } from "../../../bench/day/day-plan.ts";

const BUNDLE = gzipSync("{}");

function told(key: string, sha256 = createHash("sha256").update(BUNDLE).digest("hex")): DayRecord {
  const anchor = { wallUs: 0n, monotonicUs: 0n, suspendedUs: 0n, quality: "CLOCK_QUALITY_NTP" };
  const ids = { thing: "bench-van", epoch: 1n, stream: "event", seq: 1n, bootId: "1".padStart(32, "0") };
  const uploadedFile = { location: `https://127.0.0.1:1/bucket/${key}`, sha256 };
  return { record: { ...ids, anchor, body: "uploadedFile", uploadedFile }, heardMs: 1000, bytes: 400 };
}

function wanted(key: string, status: WantedUpload["execution"]["status"] = "SUCCEEDED"): WantedUpload {
  const facts = { isServiceTimeout: false, reason: undefined, result: {}, history: [] };
  return { key, execution: { executionId: key, thing: "bench-van", status, ...facts } };
}

describe("the judge of uploads", () => {
  it("wants each bundle in the store, whole, and told once", async () => {
    const plan = await loadDay("short");
    const judge = (
      records: readonly DayRecord[],
      objects: readonly (readonly [string, Buffer])[],
      uploads = [wanted("b")],
    ) =>
      judgeUploads({ plan, uploads, objects: new Map(objects), heard: { records: [...records], columns: () => [] } });
    expect(judge([told("b")], [["b", BUNDLE]])).toMatchObject({ wrong: 0, checked: 6 });
    expect(judge([], [["b", BUNDLE]]).wrong).toBe(2);
    expect(judge([told("b"), told("b")], [["b", BUNDLE]]).wrong).toBe(1);
    expect(judge([told("b", "0f")], [["b", BUNDLE]]).wrong).toBe(1);
    expect(judge([told("b")], []).wrong).toBe(3);
    expect(
      judge(
        [told("b")],
        [
          ["b", BUNDLE],
          ["c", BUNDLE],
        ],
      ).wrong,
    ).toBe(1);
    const cut = BUNDLE.subarray(0, 12);
    expect(judge([told("b", createHash("sha256").update(cut).digest("hex"))], [["b", cut]]).wrong).toBe(1);
    expect(judge([told("b")], [["b", BUNDLE]], [wanted("b", "REJECTED")]).wrong).toBe(1);
    expect(judge([], [], []).wrong).toBe(1);
  });
});
