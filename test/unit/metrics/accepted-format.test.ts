import { describe, expect, it } from "vitest";
import { acceptedFormat } from "../../../agent/metrics/accepted-format.ts";

describe("acceptedFormat", () => {
  it.each([
    [undefined, "prometheus"],
    ["", "prometheus"],
    ["*/*", "prometheus"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "prometheus"],
    // Prometheus 2.42 and 3.0 as they ask.
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "openmetrics",
    ],
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "openmetrics",
    ],
    ["application/openmetrics-text; version=0.0.1", "prometheus"],
    ["application/openmetrics-text;q=0.2, text/plain", "prometheus"],
    ["application/openmetrics-text;q=0", "prometheus"],
    ["APPLICATION/OPENMETRICS-TEXT", "openmetrics"],
    [`${"x,".repeat(4000)}application/openmetrics-text`, "prometheus"],
  ])("reads %s as %s", (accept, format) => {
    expect(acceptedFormat(accept)).toBe(format);
  });
});
