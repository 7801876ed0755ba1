/**
 * ISO 15765-2 written down slowly, as text: frames are strings of hexadecimal digits. Shares nothing with agent/diagnostics/isotp.
 */

const FD_SIZES = [8, 12, 16, 20, 24, 32, 48, 64];

export type ModelLayout = { readonly address: string; readonly size: number; readonly pad: string | undefined };

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** The frame filled up as table 10.4.2 wants it. */
function filled(text: string, { pad }: ModelLayout): string {
  const bytes = text.length / 2;
  if (bytes <= 8) return pad === undefined ? text : text + pad.repeat(8 - bytes);
  const size = FD_SIZES.find((one) => one >= bytes) ?? bytes;
  return text + (pad ?? "cc").repeat(size - bytes);
}

/** All frames of a PDU, in order. */
export function modelFrames(layout: ModelLayout, pdu: Uint8Array): readonly string[] {
  const { address, size } = layout;
  const text = Buffer.from(pdu).toString("hex");
  const before = address.length / 2;
  if (pdu.length <= 7 - before) return [filled(`${address}0${hex(pdu.length, 1)}${text}`, layout)];
  if (size > 8 && pdu.length <= size - 2 - before) return [filled(`${address}00${hex(pdu.length, 2)}${text}`, layout)];
  const head = pdu.length <= 4095 ? `${address}1${hex(pdu.length, 3)}` : `${address}1000${hex(pdu.length, 8)}`;
  const frames = [head + text.slice(0, size * 2 - head.length)];
  let rest = text.slice(size * 2 - head.length);
  for (let number = 1; rest !== ""; number = (number + 1) % 16) {
    const room = size * 2 - address.length - 2;
    frames.push(filled(`${address}2${hex(number, 1)}${rest.slice(0, room)}`, layout));
    rest = rest.slice(room);
  }
  return frames;
}

/** What becomes of a reception that gets these frames one after another at once: PDUs in hexadecimal, faults by their last word. */
export function modelReception(frames: readonly string[], maxPduBytes: number): readonly string[] {
  const events: string[] = [];
  let wanted = 0;
  let got = "";
  let number = 0;
  let size = 0;
  const under = (): boolean => wanted > 0;
  const begin = (): void => {
    if (under()) events.push("interrupted");
    wanted = 0;
  };
  for (const frame of frames) {
    const bytes = frame.length / 2;
    const nibble = frame[0];
    const rest = Number.parseInt(frame[1] ?? "0", 16);
    if (nibble === "0") {
      const length = bytes <= 8 ? rest : rest === 0 ? Number.parseInt(frame.slice(2, 4), 16) : 0;
      const body = frame.slice(bytes <= 8 ? 2 : 4);
      if (length === 0 || body.length < length * 2) continue;
      begin();
      events.push(length > maxPduBytes ? "overflow" : body.slice(0, length * 2));
    } else if (nibble === "1") {
      if (!FD_SIZES.includes(bytes)) continue;
      const short = Number.parseInt(frame.slice(1, 4), 16);
      const length = short > 0 ? short : Number.parseInt(frame.slice(4, 12), 16);
      const singleHolds = bytes === 8 ? 7 : bytes - 2;
      if (short > 0 ? length <= singleHolds : length <= 4095) continue;
      begin();
      if (length > maxPduBytes) {
        events.push("overflow");
        continue;
      }
      wanted = length;
      got = frame.slice(short > 0 ? 4 : 12);
      number = 1;
      size = bytes;
    } else if (nibble === "2" && under()) {
      const body = frame.slice(2);
      const missing = wanted * 2 - got.length;
      if (bytes > size || body.length < Math.min(missing, (size - 1) * 2) || body === "") continue;
      if (rest !== number) {
        events.push("wrong-sequence");
        wanted = 0;
        continue;
      }
      got += body.slice(0, missing);
      number = (number + 1) % 16;
      if (got.length === wanted * 2) {
        events.push(got);
        wanted = 0;
      }
    }
  }
  return events;
}
