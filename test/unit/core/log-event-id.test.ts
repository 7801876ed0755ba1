import { describe, expect, it } from "vitest";
import { logEventId } from "../../../agent/core/log-event-id.ts";

describe("logEventId", () => {
  // By uuid.uuid5 of Python 3.11, with the namespace 6f1d5c1e-0b0a-4f0c-9a51-d2c7a3e84b96.
  it.each([
    ["outbox.evicted", "97f9d0ae27c15f4f8d3f39e4bd11ea34"],
    ["agent.started", "e566be4381185d458e19668dd5885cad"],
    ["link.online", "0aae1b7a2bd2555b83bf28c21c6609d4"],
  ])("gives %s the id that it has for ever", (event, id) => {
    expect(logEventId(event)).toBe(id);
  });
});
