import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { OpenProgramSession } from "../../../../../agent/ports/program-socket.ts";
import { FairTurns } from "../../../../../drivers/os/local-socket/fair-turns.ts";
import { FrameCutter } from "../../../../../drivers/os/local-socket/frame-cutter.ts";
import { serveProgramSocket } from "../../../../../drivers/os/local-socket/program-server.ts";
import { until } from "../../../../bench/core/wait.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

/** Answers each line with itself; `wait` holds the answers back until they are let go. */
function echoes(answerBytes = 0) {
  const seen: string[] = [];
  const held: (() => void)[] = [];
  const state = { holds: false, ended: 0 };
  /** Sessions that are to be spoken to, by their number from 1. */
  const awaited = new Set<number>();
  const says: ((written: string) => boolean)[] = [];
  const open: OpenProgramSession = (answer, say) => {
    let unanswered = 0;
    const number = says.push(say);
    return {
      take: (lines) => {
        for (const line of lines) {
          seen.push(typeof line === "string" ? line : `0x${Buffer.from(line).toString("hex")}`);
          unanswered += 1;
          const give = (): void => {
            unanswered -= 1;
            answer(typeof line === "string" ? `${line}${"x".repeat(answerBytes)}\n` : line);
          };
          if (state.holds) held.push(give);
          else give();
        }
        return { taken: lines.length, waitMs: 0 };
      },
      unanswered: () => unanswered,
      tooLong: (maxBytes, isMessage) => `too long: ${maxBytes} ${isMessage ? "message" : "line"}\n`,
      isAwaited: () => awaited.has(number),
      end: () => {
        state.ended += 1;
      },
    };
  };
  return { open, seen, held, state, awaited, says };
}

/** Knows whether a turn is on. */
class WatchedTurns extends FairTurns {
  isOn = false;

  override take<T>(work: () => T): Promise<T> {
    return super.take(() => {
      this.isOn = true;
      try {
        return work();
      } finally {
        this.isOn = false;
      }
    });
  }
}

type Change = { readonly takeMs?: number; readonly maxConnections?: number; readonly turns?: FairTurns };

async function serve(open: OpenProgramSession, change: Change = {}) {
  const path = join(temporaryFolder(), "publish.sock");
  const counts = { clients: 0, refused: 0, displaced: 0, slow: 0, tooLong: 0 };
  const { takeMs = 5000, maxConnections = 4, turns = new FairTurns(1) } = change;
  const bounds = { maxLineBytes: 1000, takeMs };
  const place = { path, mode: 0o660 };
  const socket = await serveProgramSocket({ place, open, maxConnections, bounds, turns, counts });
  onTestFinished(() => socket.stop());
  return { path, counts, stop: () => socket.stop() };
}

/** Resolves when it is closed, by an error too. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

async function dial(path: string): Promise<{ readonly socket: Socket; readonly lines: () => readonly string[] }> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  return { socket, lines: () => text.split("\n").slice(0, -1) };
}

describe("serveProgramSocket", () => {
  it("answers pipelined lines in their order, however they are cut, and ends after the program has ended", async () => {
    const { open, seen } = echoes();
    const { path } = await serve(open);
    const { socket, lines } = await dial(path);
    const sent = Array.from({ length: 1000 }, (_, n) => `line ${n}`);
    const text = `${sent.join("\n")}\n`;
    for (let at = 0; at < text.length; at += 997) socket.write(text.slice(at, at + 997));
    socket.end();
    await closeOf(socket);
    expect(seen).toEqual(sent);
    expect(lines()).toHaveLength(1000);
    expect(lines()[999]).toContain("line 999");
  });

  it("looks at what comes in its turns alone, half a line too", async () => {
    const turns = new WatchedTurns(1);
    const inTurn: boolean[] = [];
    const push = vi.spyOn(FrameCutter.prototype, "push").mockImplementation(() => void inTurn.push(turns.isOn));
    onTestFinished(() => push.mockRestore());
    const { path } = await serve(echoes().open, { turns });
    const { socket } = await dial(path);
    for (let byte = 1; byte <= 3; byte++) {
      socket.write("a");
      await until(() => (inTurn.length === byte ? true : undefined), { what: "it is taken", timeoutMs: 20_000 });
    }
    expect(inTurn).toEqual([true, true, true]);
  });

  it("reads a line that comes byte by byte less and less often, and the next one at once", async () => {
    const { open, seen } = echoes();
    const push = vi.spyOn(FrameCutter.prototype, "push");
    onTestFinished(() => push.mockRestore());
    const { path } = await serve(open);
    const { socket, lines } = await dial(path);
    const begunMs = performance.now();
    const trickle = setInterval(() => socket.write("a"), 1);
    await until(() => (push.mock.calls.length >= 9 ? true : undefined), { what: "9 reads", timeoutMs: 20_000 });
    clearInterval(trickle);
    // 1 + 2 + ... + 64 ms between them; a timer may come a fraction of a millisecond early.
    expect(performance.now() - begunMs).toBeGreaterThan(115);
    socket.write("\n");
    await until(() => (lines().length === 1 ? true : undefined), { what: "the line is answered", timeoutMs: 20_000 });
    push.mockClear();
    socket.write("b");
    await until(() => (push.mock.calls.length === 1 ? true : undefined), { what: "it is read", timeoutMs: 20_000 });
    socket.write("c\n");
    await until(() => (lines().length === 2 ? true : undefined), { what: "it is answered", timeoutMs: 20_000 });
    expect(seen[1]).toBe("bc");
  });

  it("hands on empty lines as any others, so that they are charged", async () => {
    const { open, seen } = echoes();
    const { path } = await serve(open);
    const { socket, lines } = await dial(path);
    socket.end("\n \na\n\n");
    await closeOf(socket);
    expect([seen, lines().length]).toEqual([["", " ", "a", ""], 4]);
  });

  it("answers before it ends when the program has closed its side already", async () => {
    const { open, held, state } = echoes();
    state.holds = true;
    const { path } = await serve(open);
    const { socket, lines } = await dial(path);
    socket.end("one\n");
    await until(() => (held.length === 1 ? true : undefined), { what: "the line is taken", timeoutMs: 20_000 });
    held[0]?.();
    await closeOf(socket);
    expect(lines()).toHaveLength(1);
  });

  it("reads no more than a bound of lines while they have no answer", async () => {
    const { open, seen, held, state } = echoes();
    state.holds = true;
    const { path } = await serve(open);
    const { socket, lines } = await dial(path);
    socket.write("a\n".repeat(5000));
    await until(() => (seen.length >= 256 ? true : undefined), { what: "lines are taken", timeoutMs: 20_000 });
    expect(seen.length).toBeLessThan(256 + 64);
    state.holds = false;
    for (const give of held.splice(0)) give();
    await until(() => (lines().length === 5000 ? true : undefined), { what: "all are answered", timeoutMs: 20_000 });
  });

  it("ends a program that sends a line without end, and says why", async () => {
    const { open, seen } = echoes();
    const { path, counts } = await serve(open);
    const { socket, lines } = await dial(path);
    const piece = Buffer.alloc(65_536, 0x61);
    const closed = closeOf(socket);
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("drain", pour);
    pour();
    await closed;
    expect(lines()).toEqual(["too long: 1000 line"]);
    expect([seen.length, counts.tooLong]).toEqual([0, 1]);
  });

  it("ends a program that trickles a line, and not one that is quiet between lines", async () => {
    const { open } = echoes();
    const { path, counts } = await serve(open, { takeMs: 150 });
    const quiet = await dial(path);
    quiet.socket.write("done\n");
    const { socket } = await dial(path);
    const closed = closeOf(socket);
    const trickle = setInterval(() => socket.write("a"), 10);
    await closed;
    clearInterval(trickle);
    expect(counts.slow).toBe(1);
    quiet.socket.write("again\n");
    await until(() => (quiet.lines().length === 2 ? true : undefined), { what: "the quiet one", timeoutMs: 20_000 });
  });

  it("ends a program that takes no answers, and holds only some of them meanwhile", async () => {
    const { open, seen } = echoes(20_000);
    const { path, counts } = await serve(open, { takeMs: 150 });
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write("a\n".repeat(30_000));
    await until(() => (counts.slow === 1 ? true : undefined), { what: "it is ended", timeoutMs: 20_000 });
    expect(seen.length).toBeLessThan(200);
  });

  it("ends a program that takes no answers which come later than its time to take them", async () => {
    const { open, held, state } = echoes(20_000);
    state.holds = true;
    const { path, counts } = await serve(open, { takeMs: 50 });
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write("a\n".repeat(1000));
    await until(() => (held.length >= 256 ? true : undefined), { what: "lines are taken", timeoutMs: 20_000 });
    const takenMs = performance.now();
    await until(() => performance.now() - takenMs > 150 || undefined, { what: "its time is over", timeoutMs: 20_000 });
    for (const give of held.splice(0)) give();
    await until(() => (counts.slow === 1 ? true : undefined), { what: "it is ended", timeoutMs: 20_000 });
  });

  it("gives the place of a quiet program to another, and keeps those that are at work", async () => {
    const { open, state } = echoes();
    const { path, counts } = await serve(open, { maxConnections: 2 });
    const [first, second] = [await dial(path), await dial(path)];
    // A flood right after them is turned away.
    const flood = await Promise.all(Array.from({ length: 50 }, () => dial(path)));
    await Promise.all(flood.map(({ socket }) => closeOf(socket)));
    expect([counts.refused, counts.displaced, counts.clients]).toEqual([50, 0, 2]);
    const firstEnds = closeOf(first.socket);
    const later = await until(
      async () => {
        second.socket.write("still here\n");
        const next = await dial(path);
        next.socket.write("new\n");
        await Promise.race([new Promise((resolve) => next.socket.once("data", resolve)), closeOf(next.socket)]);
        return next.lines().length === 1 ? next : undefined;
      },
      { what: "a place is free", timeoutMs: 20_000 },
    );
    await firstEnds;
    expect([later.socket.destroyed, second.socket.destroyed, state.ended > 0]).toEqual([false, false, true]);
  });

  it("keeps the place of one that is to be spoken to, however quiet it is, and speaks to it", async () => {
    const { open, awaited, says } = echoes();
    const { path, counts } = await serve(open, { maxConnections: 2 });
    awaited.add(1);
    const [quiet, other] = [await dial(path), await dial(path)];
    await until(
      async () => {
        const next = await dial(path);
        next.socket.write("new\n");
        await Promise.race([new Promise((resolve) => next.socket.once("data", resolve)), closeOf(next.socket)]);
        return next.lines().length === 1 ? next : undefined;
      },
      { what: "a place is free", timeoutMs: 5000 },
    );
    await closeOf(other.socket);
    expect([quiet.socket.destroyed, counts.displaced]).toEqual([false, 1]);
    expect(says[0]?.('{"command":1}\n')).toBe(true);
    await until(() => (quiet.lines().length === 1 ? true : undefined), { what: "it is told", timeoutMs: 5000 });
    expect(quiet.lines()).toEqual(['{"command":1}']);
  });

  it("says nothing more to a program that does not read", async () => {
    const { open, says } = echoes();
    const { path } = await serve(open);
    const { socket } = await dial(path);
    socket.pause();
    await until(() => (says.length === 1 ? true : undefined), { what: "it is connected", timeoutMs: 5000 });
    let said = 0;
    while (said < 1000 && says[0]?.("x".repeat(10_000)) === true) said += 1;
    expect(said).toBeLessThan(100);
    const ended = closeOf(socket);
    socket.destroy();
    await ended;
    await until(() => (says[0]?.("\n") === false ? true : undefined), { what: "it has gone", timeoutMs: 5000 });
  });

  it("lets answers out before it stops", async () => {
    const { open, held, state } = echoes();
    state.holds = true;
    const { path, stop } = await serve(open);
    const { socket, lines } = await dial(path);
    socket.write("one\n");
    await until(() => (held.length === 1 ? true : undefined), { what: "the line is taken", timeoutMs: 20_000 });
    const stopped = stop();
    held[0]?.();
    await stopped;
    await until(() => (socket.destroyed || lines().length === 1 ? true : undefined), {
      what: "it ends",
      timeoutMs: 20_000,
    });
    expect(lines()).toHaveLength(1);
  });
});
