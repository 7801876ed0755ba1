import { z } from "zod";
import { decodeBody, encodeBody, type WireFormat } from "../../../agent/cloud/wire-format.ts";
import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";

/** One GetStream answers with at most this much; the surplus is simply not sent. */
const REQUEST_BYTES = 131_072;
const MAX_BLOCKS = 98_304;

/** A stream as CreateStream makes it: files by their id. A stream that is made anew has the next version. */
export type CloudStream = { readonly version: number; readonly files: ReadonlyMap<number, Uint8Array> };

/** What happens to a block on its way: it comes not at all, twice, or as it is. */
export type BlockFate = "lost" | "twice" | "sent";

const request = z.object({
  c: z.string().max(64).optional(),
  s: z.int().optional(),
  f: z.int().optional(),
  l: z.int().optional(),
  o: z.int().min(0).max(MAX_BLOCKS).default(0),
  n: z.int().min(0).max(MAX_BLOCKS).optional(),
  b: z.union([z.instanceof(Uint8Array), z.string().regex(/^0x([0-9a-f]{2})*$/i)]).optional(),
});
type StreamRequest = z.infer<typeof request>;

/** The AWS side of MQTT-based file delivery, on a session of the bench's cloud, in JSON and CBOR. */
export class CloudStreams {
  readonly streams = new Map<string, CloudStream>();
  /** Decides about each block. */
  fate: (index: number) => BlockFate = () => "sent";
  /** Whether the blocks of a request come in the reverse order. */
  isReversed = false;
  /** Bytes of all blocks that were sent. */
  sentBytes = 0;
  readonly #session: Broker;

  constructor(session: Broker) {
    this.#session = session;
  }

  async start(): Promise<void> {
    for (const format of ["json", "cbor"] as const) {
      for (const verb of ["describe", "get"] as const) {
        const filter = `$aws/things/+/streams/+/${verb}/${format}`;
        await this.#session.subscribe(filter, (message) => void this.#take(verb, format, message));
      }
    }
  }

  async #take(verb: "describe" | "get", format: WireFormat, { topic, payload }: ReceivedPublish): Promise<void> {
    const base = topic.split("/").slice(0, 5).join("/");
    const streamId = topic.split("/")[4] ?? "";
    const answer = (kind: string, body: Readonly<Record<string, unknown>>) =>
      this.#publish(`${base}/${kind}/${format}`, format, body);
    const parsed = request.safeParse(decodeBody(format, payload));
    if (!parsed.success) return await answer("rejected", { o: "InvalidRequest", m: "malformed" });
    const { c } = parsed.data;
    const stream = this.streams.get(streamId);
    if (stream === undefined) return await answer("rejected", { o: "ResourceNotFound", m: streamId, c });
    if (verb === "describe") {
      const r = [...stream.files].map(([f, bytes]) => ({ f, z: bytes.length }));
      return await answer("description", { c, s: stream.version, d: "bench", r });
    }
    const blocks = blocksOf(stream, parsed.data);
    if (typeof blocks === "string") return await answer("rejected", { o: blocks, m: "refused by the bench", c });
    for (const { index, bytes } of this.isReversed ? blocks.toReversed() : blocks) {
      const fate = this.fate(index);
      const p = format === "cbor" ? bytes : Buffer.from(bytes).toString("base64");
      const body = { c, f: parsed.data.f, l: bytes.length, i: index, p };
      for (let count = fate === "lost" ? 0 : fate === "twice" ? 2 : 1; count > 0; count--) {
        this.sentBytes += bytes.length;
        await answer("data", body);
      }
    }
  }

  async #publish(topic: string, format: WireFormat, body: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#session.publish(publicationTo(topic, encodeBody(format, body), ""));
  }
}

type Block = { readonly index: number; readonly bytes: Uint8Array };

/** The blocks that a request gets, or the code of its rejection. */
function blocksOf({ version, files }: CloudStream, { s, f, l, o, n, b }: StreamRequest): readonly Block[] | string {
  if (s !== undefined && s !== version) return "VersionMismatch";
  const file = f === undefined ? undefined : files.get(f);
  if (file === undefined) return "ResourceNotFound";
  if (l === undefined || l < 256 || l > REQUEST_BYTES) return "BlockSizeOutOfBounds";
  if (n === undefined && b === undefined) return "InvalidRequest";
  const bitmap = typeof b === "string" ? Buffer.from(b.slice(2), "hex") : b;
  if (bitmap !== undefined && bitmap.length >= 12_288) return "BlockBitmapLimitExceeded";
  const last = Math.ceil(file.length / l);
  if (o >= last) return "OffsetOutOfBounds";
  const blocks: Block[] = [];
  const end = bitmap === undefined ? o + (n ?? 0) : o + bitmap.length * 8;
  let left = REQUEST_BYTES;
  for (let index = o; index < Math.min(end, last) && blocks.length < (n ?? MAX_BLOCKS); index++) {
    const bit = index - o;
    if (bitmap !== undefined && (bitmap[bit >> 3] & (1 << (bit & 7))) === 0) continue;
    const bytes = file.subarray(index * l, (index + 1) * l);
    left -= bytes.length;
    if (left < 0) break;
    blocks.push({ index, bytes });
  }
  return blocks;
}
