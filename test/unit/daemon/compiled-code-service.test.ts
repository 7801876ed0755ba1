import { describe, expect, it } from "vitest";
import { compiledCodeService } from "../../../agent/daemon/compiled-code-service.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

describe("compiledCodeService", () => {
  it("keeps what was compiled once, when the start is over, and not at all when it is stopped before", async () => {
    const clock = new ManualClock();
    let kept = 0;
    const keep = async (): Promise<void> => {
      kept += 1;
    };
    const [lasting, short] = [compiledCodeService(clock, keep), compiledCodeService(clock, keep)];
    await lasting.start();
    await short.start();
    await short.stop();
    await clock.run(19_000);
    expect(kept).toBe(0);
    await clock.run(60_000);
    expect(kept).toBe(1);
    await lasting.stop();
  });
});
