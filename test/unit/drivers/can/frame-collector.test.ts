import { beforeEach, describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { FrameCollector } from "../../../../drivers/can/frame-collector.ts";

type Delivered = { readonly ids: readonly number[]; readonly errorFrames: number };

let delivered: Delivered[];
let frames: FrameCollector;

beforeEach(() => {
  delivered = [];
  frames = new FrameCollector(3, (batch, errorFrames) => {
    delivered.push({ ids: Array.from({ length: batch.count }, (_, index) => batch.id(index)), errorFrames });
  });
});

function push(id: number, flags = 0): boolean {
  return frames.push(id, flags, new Uint8Array(1), 0);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("FrameCollector", () => {
  it("delivers a full batch at once, and says so", () => {
    expect([push(1), push(2), push(3)]).toEqual([false, false, true]);
    expect(delivered).toEqual([{ ids: [1, 2, 3], errorFrames: 0 }]);
  });

  it("delivers the rest once in the next turn", async () => {
    for (const id of [1, 2, 3, 4, 5]) push(id);
    await nextTurn();
    await nextTurn();
    expect(delivered.map(({ ids }) => ids)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    push(6);
    await nextTurn();
    expect(delivered.at(-1)?.ids).toEqual([6]);
  });

  it("counts the error frames of each batch", () => {
    push(4, FRAME_FLAG.error);
    frames.flush();
    push(1);
    frames.flush();
    expect(delivered).toEqual([
      { ids: [4], errorFrames: 1 },
      { ids: [1], errorFrames: 0 },
    ]);
  });

  it("has nothing to deliver twice", () => {
    push(1);
    frames.flush();
    frames.flush();
    expect(delivered).toHaveLength(1);
  });
});
